"""Takes outcome events from the queue and POSTs each outcome to the webhook's receiver; what fails is retried after a pause.

An event is a hint: what is signed and sent is what linkwatch's table has stored. No line of the log has more of an outcome than
its verificationId, and none has anything that the receiver has answered.
"""

import json
import os
import random
import time
from typing import Any

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from webhook import NotDelivered, body_of, outcome_event, pause_seconds, post, signed_headers, signing_keys

# Three calls, each of which fails twice with a back-off of at most 1 s, and a delivery:
# 3 × (2 × (1 + 2) + 1) + 3 + 7 = 31 s, below the function's 35 s.
_config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
_delivery = urllib3.Timeout(connect=3, read=7)
_secrets: Any = boto3.client("secretsmanager", config=_config)
_sqs: Any = boto3.client("sqs", config=_config)
_verifications: Any = boto3.resource("dynamodb", config=_config).Table(os.environ["TABLE_NAME"])


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Takes SQS's batch; returns the messages that SQS has to deliver again."""
    failed = [record["messageId"] for record in event["Records"] if not _is_delivered(record)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_delivered(record: dict[str, Any]) -> bool:
    attempt = int(record["attributes"]["ApproximateReceiveCount"])
    line: dict[str, Any] = {"messageId": record["messageId"], "attempt": attempt}
    began_at = time.monotonic()
    try:
        event = outcome_event(record["body"])
        line["verificationId"] = event["detail"]["verificationId"]
        _deliver(event, line["verificationId"])
        line["delivered"] = True
    except (NotDelivered, ClientError, BotoCoreError) as error:
        problem = str(error) if isinstance(error, NotDelivered) else type(error).__name__
        line |= {"delivered": False, "problem": problem, "pauseSeconds": _pause(record, attempt)}
    line["milliseconds"] = round((time.monotonic() - began_at) * 1000)
    print(json.dumps(line))
    return line["delivered"]


def _deliver(event: dict[str, Any], verification_id: str) -> None:
    item = _verifications.get_item(Key={"verificationId": verification_id}, ConsistentRead=True).get("Item")
    body = body_of(event, item)
    try:
        secret = _secrets.get_secret_value(SecretId=os.environ["SECRET_ARN"])["SecretString"]
    except _secrets.exceptions.ResourceNotFoundException:
        raise NotDelivered("the secret has no keys") from None  # it is created without a value
    headers = signed_headers(signing_keys(secret), verification_id, body, int(time.time()))
    post(os.environ["WEBHOOK_URL"], body, headers, _delivery)


def _pause(record: dict[str, Any], attempt: int) -> int | None:
    """Hides the message for a while; None where SQS did not answer: the queue's own time-out applies."""
    seconds = pause_seconds(attempt, random.random())  # noqa: S311  # jitter needs no cryptography
    try:
        _sqs.change_message_visibility(
            QueueUrl=os.environ["QUEUE_URL"], ReceiptHandle=record["receiptHandle"], VisibilityTimeout=seconds
        )
    except (ClientError, BotoCoreError):
        return None
    return seconds
