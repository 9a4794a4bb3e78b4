"""Takes outcomes from the queue and POSTs each to the webhook's receiver. An outcome that is not accepted is tried again.

A log line has nothing of an outcome but its verificationId, and nothing that the receiver has sent.
"""

import json
import os
import random
import time
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from webhook import NotDelivered, Receiver, SigningKeys, message_of, pause_seconds

#: At most this long after a rotation the new key is used; the previous one stays in use.
KEYS_SECONDS = 60

# Two calls that fail twice each, 2 × 2 × (1 + 2) s, and the delivery's 10 s stay below the function's 25 s.
_config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
_secrets: Any = boto3.client("secretsmanager", config=_config)
_sqs: Any = boto3.client("sqs", config=_config)
_secret_arn, _queue_url = os.environ["SECRET_ARN"], os.environ["QUEUE_URL"]
_receiver = Receiver(os.environ["WEBHOOK_URL"])


class _CachedKeys:
    def __init__(self) -> None:
        self._keys: SigningKeys | None = None
        self._read_at = 0.0

    def get(self) -> SigningKeys:
        if self._keys is None or time.monotonic() - self._read_at > KEYS_SECONDS:
            try:
                secret = _secrets.get_secret_value(SecretId=_secret_arn).get("SecretString", "")
            except _secrets.exceptions.ResourceNotFoundException:  # it is created without a value
                raise NotDelivered("the secret has no keys") from None
            except (ClientError, BotoCoreError) as error:
                raise NotDelivered(f"Secrets Manager: {type(error).__name__}") from None
            self._keys, self._read_at = SigningKeys.parse(secret), time.monotonic()
        return self._keys


_keys = _CachedKeys()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Takes a batch of SQS's and returns the messages that were not delivered, which stay in the queue."""
    failed = [record["messageId"] for record in event["Records"] if not _is_delivered(record)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_delivered(record: dict[str, Any]) -> bool:
    attempt = int(record["attributes"]["ApproximateReceiveCount"])
    line: dict[str, Any] = {"messageId": record["messageId"], "attempt": attempt}
    began_at = time.monotonic()
    try:
        message = message_of(json.loads(record["body"]))
        line["verificationId"] = message.webhook_id
        _receiver.post(message, _keys.get().headers(message, int(time.time())))
        line["delivered"] = True
    except NotDelivered as error:
        line |= {"delivered": False, "problem": str(error), "pauseSeconds": _pause(record, attempt)}
    line["milliseconds"] = round((time.monotonic() - began_at) * 1000)
    print(json.dumps(line))
    return line["delivered"]


def _pause(record: dict[str, Any], attempt: int) -> int | None:
    """Hides the message for a while; None if SQS did not answer: then the queue's own time-out applies."""
    seconds = pause_seconds(attempt, random.random())  # noqa: S311  # not for a secret
    try:
        _sqs.change_message_visibility(
            QueueUrl=_queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=seconds
        )
    except (ClientError, BotoCoreError):
        return None
    return seconds
