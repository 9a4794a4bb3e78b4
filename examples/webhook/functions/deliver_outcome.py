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
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from webhook import CachedKeys, NotDelivered, Receiver, message_of, pause_seconds, verification_id_in

# Three calls, each of which fails twice with a back-off of at most 1 s, and the delivery's 10 s:
# 3 × (2 × (1 + 2) + 1) + 10 = 31 s, below the function's 35 s.
_config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
_secrets: Any = boto3.client("secretsmanager", config=_config)
_sqs: Any = boto3.client("sqs", config=_config)
_verifications: Any = boto3.resource("dynamodb", config=_config).Table(os.environ["TABLE_NAME"])
_secret_arn, _queue_url = os.environ["SECRET_ARN"], os.environ["QUEUE_URL"]
_receiver = Receiver(os.environ["WEBHOOK_URL"])


def _secret() -> str:
    try:
        return _secrets.get_secret_value(SecretId=_secret_arn)["SecretString"]
    except _secrets.exceptions.ResourceNotFoundException:  # it is created without a value
        raise NotDelivered("the secret has no keys") from None
    except (ClientError, BotoCoreError) as error:
        raise NotDelivered(f"Secrets Manager: {type(error).__name__}") from None


def _stored(verification_id: str) -> dict[str, Any] | None:
    """The verification's item in linkwatch's table."""
    try:
        return _verifications.get_item(Key={"verificationId": verification_id}, ConsistentRead=True).get("Item")
    except (ClientError, BotoCoreError) as error:
        raise NotDelivered(f"DynamoDB: {type(error).__name__}") from None


_keys = CachedKeys(_secret)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Takes SQS's batch; returns the messages that SQS has to deliver again."""
    failed = [record["messageId"] for record in event["Records"] if not _is_delivered(record)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_delivered(record: dict[str, Any]) -> bool:
    attempt = int(record["attributes"]["ApproximateReceiveCount"])
    line: dict[str, Any] = {"messageId": record["messageId"], "attempt": attempt}
    began_at = time.monotonic()
    try:
        event = _parsed(record["body"])
        line["verificationId"] = verification_id_in(event)
        message = message_of(event, _stored(line["verificationId"]))
        _receiver.post(message, _keys.get().headers(message, int(time.time())))
        line["delivered"] = True
    except NotDelivered as error:
        line |= {"delivered": False, "problem": str(error), "pauseSeconds": _pause(record, attempt)}
    line["milliseconds"] = round((time.monotonic() - began_at) * 1000)
    print(json.dumps(line))
    return line["delivered"]


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise NotDelivered("not an outcome event") from None


def _pause(record: dict[str, Any], attempt: int) -> int | None:
    """Hides the message for a while; None where SQS did not answer: the queue's own time-out applies."""
    seconds = pause_seconds(attempt, random.random())  # noqa: S311  # jitter needs no cryptography
    try:
        _sqs.change_message_visibility(
            QueueUrl=_queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=seconds
        )
    except (ClientError, BotoCoreError):
        return None
    return seconds
