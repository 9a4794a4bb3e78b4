"""Takes outcome events from the queue and POSTs each outcome to the webhook's receiver; what fails is retried after a pause.

An event is a hint: what is signed and sent is what linkwatch's table has stored. No line of the log has more of an outcome than
its verificationId, and none has anything that the receiver has answered.

Signed according to https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, version 1.0.0.
"""

import base64
import hashlib
import hmac
import json
import os
import random
import re
import time
from contextlib import suppress
from typing import Any

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

# Four calls, each of which fails twice with a back-off of at most 1 s, and a delivery:
# 4 × (2 × (1 + 2) + 1) + 3 + 7 = 38 s, below the function's 45 s.
_config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
TIMEOUT = urllib3.Timeout(connect=3, read=7)

_secrets: Any = boto3.client("secretsmanager", config=_config)
_sqs: Any = boto3.client("sqs", config=_config)
_verifications: Any = boto3.resource("dynamodb", config=_config).Table(os.environ["TABLE_NAME"])
_http = urllib3.PoolManager(retries=False)

#: An event's id and time are sent, and the verificationId becomes a header.
_FORMS = (
    "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z",
    "[0-9a-f]{24}-[0-9a-f]{24}",
)
#: As contracts/schemas has them, without the three that are stored in another form.
_TEXTS = ("schemaVersion", "verificationId", "requestId", "sessionId", "correlationId", "outcome")
_TIMES = ("linkSentAt", "deadline", "settledAt")


class NotDelivered(Exception):
    """It has to be tried again. The message says why, and quotes nothing that anybody has sent."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Takes SQS's batch; returns the messages that SQS has to deliver again."""
    failed = [record["messageId"] for record in event["Records"] if not _is_delivered(record)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_delivered(record: dict[str, Any]) -> bool:
    attempt = int(record["attributes"]["ApproximateReceiveCount"])
    line: dict[str, Any] = {"messageId": record["messageId"], "attempt": attempt, "delivered": False}
    try:
        event = _outcome_event(record["body"])
        line["verificationId"] = event["detail"]["verificationId"]
        _deliver(event, line["verificationId"])
        line["delivered"] = True
    except NotDelivered as error:
        line["problem"] = str(error)
    except (ClientError, BotoCoreError) as error:
        line["problem"] = type(error).__name__
    if not line["delivered"]:
        seconds = pause_seconds(attempt, random.random())  # noqa: S311  # jitter needs no cryptography
        with suppress(ClientError, BotoCoreError):  # then the queue's own time-out applies
            _sqs.change_message_visibility(
                QueueUrl=os.environ["QUEUE_URL"], ReceiptHandle=record["receiptHandle"], VisibilityTimeout=seconds
            )
    print(json.dumps(line))
    return line["delivered"]


def _outcome_event(message: str) -> dict[str, Any]:
    with suppress(ValueError, KeyError, TypeError):
        event = json.loads(message)
        given = (event["id"], event["time"], event["detail"]["verificationId"])
        if all(map(re.fullmatch, _FORMS, given)):
            return event
    raise NotDelivered("not an outcome event")


def _deliver(event: dict[str, Any], verification_id: str) -> None:
    item = _verifications.get_item(Key={"verificationId": verification_id}, ConsistentRead=True).get("Item", {})
    if "outcome" not in item:  # whoever may put events on the bus can forge an event, but not the table
        raise NotDelivered("no such outcome is stored")
    body = _body(event, item)
    post(os.environ["WEBHOOK_URL"], body, _signed_headers(verification_id, body))


def _body(event: dict[str, Any], item: dict[str, Any]) -> bytes:
    """The outcome event as its schema has it. Of the given event, only id and time are sent."""
    envelope = {"source": "linkwatch", "detail-type": "VerificationSettled", "id": event["id"], "time": event["time"]}
    detail = {name: item.get(name) for name in (*_TEXTS, *_TIMES)} | {
        "reason": item.get("reason") or None,
        "checks": int(item["checks"]) if "checks" in item else None,
        "result": json.loads(item.get("result", "null")),
    }
    return json.dumps(envelope | {"detail": detail}).encode()


def _signing_keys() -> list[bytes]:
    """The key, and the one before it: Secrets Manager keeps the secret's previous value."""
    keys = []
    for stage in ("AWSCURRENT", "AWSPREVIOUS"):
        with suppress(_secrets.exceptions.ResourceNotFoundException, ValueError):
            text = _secrets.get_secret_value(SecretId=os.environ["SECRET_ARN"], VersionStage=stage)["SecretString"]
            keys.append(base64.b64decode(text.removeprefix("whsec_"), validate=True))
    usable = [key for key in keys if 24 <= len(key) <= 64]
    if not usable:
        raise NotDelivered("the secret has no key")
    return usable


def _signed_headers(verification_id: str, body: bytes) -> dict[str, str]:
    """What a receiver verifies, with a signature by each key. Receivers deduplicate on the id: an outcome never changes."""
    now = int(time.time())
    signed = f"{verification_id}.{now}.".encode() + body
    digests = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in _signing_keys()]
    return {
        "Content-Type": "application/json",
        "User-Agent": "linkwatch-webhook",
        "webhook-id": verification_id,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{digest}" for digest in digests),
    }


def post(url: str, body: bytes, headers: dict[str, str], timeout: urllib3.Timeout = TIMEOUT) -> None:
    """Returns when the receiver has answered with a 2xx, raises NotDelivered otherwise. Reads no body, follows no redirect.

    An answer that drips can take longer than the time-out. The function's own time-out ends it.
    """
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
    """From 15 s, doubled up to an hour, and longer by up to a quarter, so that what failed together is not retried together.

    attempt: counted from 1. jitter: 0 to 1.
    """
    return round(min(15 * 2 ** (attempt - 1), 3600) * (1 + jitter / 4))
