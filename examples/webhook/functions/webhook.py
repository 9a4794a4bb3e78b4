"""One POST of an outcome, signed according to Standard Webhooks.

Its specification, version 1.0.0:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import json
import re
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import client as http_client
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

#: Real seconds for the whole of one delivery: name, connection, TLS and answer.
BUDGET_SECONDS = 10.0
#: A rotated key is in use this much later at most; until then the previous one is, with which receivers still verify.
KEYS_SECONDS = 60
#: Pauses double from the first to the longest, with up to a quarter of jitter.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 15, 3600

#: As template.yaml's WebhookUrl: https, no user, no fragment; plain http for the loopback address only.
URL_PATTERN = r"^(https://[A-Za-z0-9.-]+|http://127\.0\.0\.1)(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?$"
_LATE = "no answer in time"
_VERIFICATION_ID = re.compile("[0-9a-f]{24}-[0-9a-f]{24}")  # becomes a header
_EVENT_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EVENT_TIME = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
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


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. webhook_id is the verificationId: receivers deduplicate on it, and an outcome never changes."""

    webhook_id: str
    body: bytes


def verification_id_in(event: Any) -> str:
    """The verification that an outcome event is about. Raises NotDelivered for anything else."""
    try:
        kind = event["source"], event["detail-type"]
        verification_id, event_id, put_at = event["detail"]["verificationId"], event["id"], event["time"]
    except (KeyError, TypeError):
        raise NotDelivered("not an outcome event") from None
    patterns = ((_VERIFICATION_ID, verification_id), (_EVENT_ID, event_id), (_EVENT_TIME, put_at))
    if kind != ("linkwatch", "VerificationSettled") or not all(
        isinstance(text, str) and pattern.fullmatch(text) for pattern, text in patterns
    ):
        raise NotDelivered("not an outcome event")
    return verification_id


def message_of(event: Mapping[str, Any], item: Mapping[str, Any] | None) -> Message:
    """The outcome event as its schema has it. event: has passed verification_id_in(); only its id and time are sent. item: what
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
    sent = {name: event[name] for name in ("source", "detail-type", "id", "time")} | {"detail": detail}
    return Message(item["verificationId"], json.dumps(sent).encode())


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys in use: the current one, and the previous one while receivers may still use it."""

    keys: tuple[bytes, ...] = field(repr=False)

    @staticmethod
    def parse(secret: str) -> "SigningKeys":
        """From {"current": "whsec_…", "previous": "whsec_…" or ""}; a key is 24 to 64 bytes in base64. Raises NotDelivered."""
        try:
            given = json.loads(secret)
            texts = [given["current"], *([given["previous"]] if given.get("previous") else [])]
            keys = tuple(base64.b64decode(text.removeprefix("whsec_"), validate=True) for text in texts)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NotDelivered("the secret has no keys") from None  # the cause may quote it
        if not all(24 <= len(key) <= 64 for key in keys):
            raise NotDelivered("the secret has no keys")
        return SigningKeys(keys)

    def headers(self, message: Message, now_seconds: int) -> dict[str, str]:
        """Returns the headers that a receiver verifies, with a signature by each key. now_seconds: epoch."""
        signed = f"{message.webhook_id}.{now_seconds}.".encode() + message.body
        digests = (hmac.digest(key, signed, hashlib.sha256) for key in self.keys)
        return {
            "webhook-id": message.webhook_id,
            "webhook-timestamp": str(now_seconds),
            "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
        }


class CachedKeys:
    """The signing keys, read again after KEYS_SECONDS. read: gives the secret's text. clock: seconds."""

    def __init__(self, read: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._read, self._clock = read, clock
        self._keys: SigningKeys | None = None
        self._read_at = 0.0

    def get(self) -> SigningKeys:
        """Raises NotDelivered, and what read() raises."""
        if self._keys is None or self._clock() - self._read_at > KEYS_SECONDS:
            self._keys, self._read_at = SigningKeys.parse(self._read()), self._clock()
        return self._keys


class Receiver:
    """The HTTPS server that outcomes are sent to."""

    def __init__(self, url: str) -> None:
        """Raises ValueError for a URL that the pattern of WebhookUrl refuses."""
        if not re.fullmatch(URL_PATTERN, url):
            raise ValueError("the webhook's URL has to be https")
        parts = urlsplit(url)
        https = parts.scheme == "https"
        self._connection_to = http_client.HTTPSConnection if https else http_client.HTTPConnection
        self._host, self._port = parts.hostname or "", parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def post(self, message: Message, headers: dict[str, str], budget_seconds: float = BUDGET_SECONDS) -> None:
        """Returns when the receiver has answered with a 2xx; raises NotDelivered otherwise, within the budget.

        Only status and headers are read, whose size http.client limits. A redirect is not a 2xx and is not followed.
        """
        connection = self._connection_to(self._host, self._port, timeout=budget_seconds)
        answered: list[int | str] = []
        headers = {"Content-Type": "application/json", "User-Agent": "linkwatch-webhook", **headers}

        def ask() -> None:
            try:
                connection.request("POST", self._target, message.body, headers)
                answered.append(connection.getresponse().status)
            except Exception as error:  # noqa: BLE001  # http.client raises errors of many kinds when its connection is closed
                answered.append(_LATE if isinstance(error, TimeoutError) else type(error).__name__)

        # A socket's time-out starts again with each address and each byte; a thread can be left when the budget is over.
        asking = Thread(target=ask, daemon=True)
        asking.start()
        asking.join(budget_seconds)
        answer = (
            answered[0] if answered else _LATE
        )  # before the connection is closed, which may end a header that still arrives
        _close(connection)
        if not isinstance(answer, int) or not 200 <= answer < 300:
            raise NotDelivered(str(answer))


def _close(connection: http_client.HTTPConnection) -> None:
    with suppress(OSError):
        if connection.sock:
            connection.sock.shutdown(socket.SHUT_RDWR)  # ends a thread that still reads
    connection.close()


def pause_seconds(attempt: int, jitter: float) -> int:
    """How long to wait after an attempt, counted from 1. jitter: 0 to 1, so that what failed together is not retried together."""
    pause = min(FIRST_PAUSE_SECONDS * 2 ** min(attempt - 1, 20), LONGEST_PAUSE_SECONDS)
    return round(pause * (1 + jitter / 4))
