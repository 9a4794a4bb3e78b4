"""What a webhook sends, signed according to Standard Webhooks, and when a failed delivery is repeated.

The specification, version 1.0.0: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

#: Pauses double from the first to the longest, with up to a quarter of jitter.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 15, 3600

_http = urllib3.PoolManager(retries=False)
#: An event's id and time are sent, and the verificationId becomes a header.
_EVENT_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_EVENT_TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
_VERIFICATION_ID = "[0-9a-f]{24}-[0-9a-f]{24}"
#: The fields of an outcome, as contracts/schemas has them.
_OUTCOME_FIELDS = (
    "schemaVersion",
    "verificationId",
    "requestId",
    "sessionId",
    "correlationId",
    "outcome",
    "reason",
    "linkSentAt",
    "deadline",
    "settledAt",
    "checks",
    "result",
)


class NotDelivered(Exception):
    """It has to be tried again. The message says why, and quotes nothing that anybody has sent."""


def outcome_event(text: str) -> dict[str, Any]:
    """Returns the event in a message of the queue. Raises NotDelivered where it is not an outcome event."""
    with suppress(ValueError, KeyError, TypeError):
        event = json.loads(text)
        fields = (
            ("linkwatch", event["source"]),
            ("VerificationSettled", event["detail-type"]),
            (_EVENT_ID, event["id"]),
            (_EVENT_TIME, event["time"]),
            (_VERIFICATION_ID, event["detail"]["verificationId"]),
        )
        if all(re.fullmatch(form, value) for form, value in fields):
            return event
    raise NotDelivered("not an outcome event")


def body_of(event: Mapping[str, Any], item: Mapping[str, Any] | None) -> bytes:
    """The outcome event as its schema has it. event: an outcome_event(); only its id and time are sent. item: what
    linkwatch's table has stored, with plain values. Raises NotDelivered where no outcome is stored: whoever may put events on
    the bus, or messages into the queue, can forge an event, but not the table.
    """
    if not item or "outcome" not in item:
        raise NotDelivered("no such outcome is stored")
    detail = {name: item.get(name) for name in _OUTCOME_FIELDS} | {
        "reason": item.get("reason") or None,
        "checks": int(item["checks"]) if "checks" in item else None,
        "result": json.loads(item.get("result") or "null"),
    }
    return json.dumps(
        {name: event[name] for name in ("source", "detail-type", "id", "time")} | {"detail": detail}
    ).encode()


def signing_keys(secret: str) -> list[bytes]:
    """From {"current": "whsec_…", "previous": "whsec_…" or ""}; a key is 24 to 64 bytes in base64. Raises NotDelivered."""
    try:
        given = json.loads(secret)
        texts = [given["current"], *([given["previous"]] if given.get("previous") else [])]
        keys = [base64.b64decode(text.removeprefix("whsec_"), validate=True) for text in texts]
    except (ValueError, KeyError, TypeError, AttributeError):
        keys = []
    if not keys or not all(24 <= len(key) <= 64 for key in keys):
        raise NotDelivered("the secret has no keys")  # outside of the except clause: the cause may quote it
    return keys


def signed_headers(keys: list[bytes], verification_id: str, body: bytes, now_seconds: int) -> dict[str, str]:
    """Returns what a receiver verifies, with a signature by each key. Receivers deduplicate on the id: an outcome never changes.
    now_seconds: epoch.
    """
    signed = f"{verification_id}.{now_seconds}.".encode() + body
    digests = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": verification_id,
        "webhook-timestamp": str(now_seconds),
        "webhook-signature": " ".join(f"v1,{digest}" for digest in digests),
    }


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: urllib3.Timeout) -> None:
    """Returns when the receiver has answered with a 2xx, raises NotDelivered otherwise. Reads no body, follows no redirect.

    An answer that drips can take longer than the time-out. The function's own time-out ends it.
    """
    headers = {"Content-Type": "application/json", "User-Agent": "linkwatch-webhook", **headers}
    try:
        answer = _http.request(
            "POST", url, body=body, headers=headers, timeout=timeout, redirect=False, preload_content=False
        )
    except HTTPError as error:
        raise NotDelivered(type(error).__name__) from None
    answer.close()
    if not 200 <= answer.status < 300:
        raise NotDelivered(str(answer.status))


def pause_seconds(attempt: int, jitter: float) -> int:
    """How long to wait after an attempt, counted from 1. jitter: 0 to 1, so that what failed together is not retried together."""
    pause = min(FIRST_PAUSE_SECONDS * 2 ** min(attempt - 1, 20), LONGEST_PAUSE_SECONDS)
    return round(pause * (1 + jitter / 4))
