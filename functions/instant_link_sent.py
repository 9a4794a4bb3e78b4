"""Entry point: the event handler. Starts a verification for each InstantLinkSent event that waits in the queue.

An event that the table does not take returns to the queue, for more than a day. A malformed event, which no retry would change,
is sent to the dead letters (InstantLinkSentDeadLetters) at once, whole.
"""

import traceback
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from linkwatch import verifications
from linkwatch.aws_errors import AwsUnavailable, aws_call
from linkwatch.executions import Executions
from linkwatch.settings import Settings, dead_letters_url, queue_url, window_seconds
from linkwatch.start_request import InvalidInput, parse_event
from linkwatch.table import Table

#: A returned event is visible again after this many seconds, then after twice as many each time, at most after the queue's own
#: visibility time-out: 700 receives take 46 hours.
FIRST_PAUSE, LONGEST_PAUSE = 10, 240

#: A message of the queue.
Record = dict[str, Any]

_logger = Logger()
_metrics = Metrics(namespace="linkwatch")  # its one dimension is the service: the stack's name
_settings = Settings.from_environment()
_window_seconds = window_seconds()
# A call takes at most 2 x (1 + 1) s and a back-off of 1 s: 5 s. An event makes two, and a batch one more: 3 x 10 + 5 = 35 s,
# below the function's 40 s. The second try is for a connection that broke while Lambda paused the function:
# https://docs.aws.amazon.com/lambda/latest/dg/best-practices.html
_config = Config(
    connect_timeout=1, read_timeout=1, tcp_keepalive=True, retries={"mode": "standard", "total_max_attempts": 2}
)
step_functions, dynamodb = boto3.client("stepfunctions", config=_config), boto3.client("dynamodb", config=_config)
sqs = boto3.client("sqs", config=_config)
_executions, _table = Executions(step_functions, _settings.state_machine_arn), Table(dynamodb, _settings.table_name)
_queue_url, _dead_letters_url = queue_url(), dead_letters_url()


@_logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes a batch of SQS messages, each with an EventBridge event as its body. Returns those that stay in the queue."""
    returned = [record for record in event["Records"] if not _is_handled(record)]
    if returned:
        _metrics.add_metric("EventsReturned", MetricUnit.Count, len(returned))
        _show_again_soon(returned)
    if _metrics.metric_set:
        _metrics.flush_metrics()
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in returned]}


def _is_handled(record: Record) -> bool:
    """Starts the verification of one message. False where the message has to stay in the queue; the log says why."""
    try:
        _start(record)
    except AwsUnavailable as error:
        _logger.error("Event returned to the queue", messageId=record["messageId"], call=str(error))
        return False
    except Exception as error:  # noqa: BLE001  a defect of ours with one event must not hold back the others
        # Not the exception's text, which may quote the event.
        at = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{at.name}, line {at.lineno}"
        _logger.error("Event not handled", messageId=record["messageId"], error=type(error).__name__, place=place)
        return False
    return True


def _start(record: Record) -> None:
    taken_at = datetime.fromtimestamp(int(record["attributes"]["SentTimestamp"]) / 1000, UTC)
    try:
        start = parse_event(record["body"], taken_at)
    except InvalidInput as error:
        with aws_call("SendMessage"):
            sqs.send_message(QueueUrl=_dead_letters_url, MessageBody=record["body"])
        _metrics.add_metric("EventsMalformed", MetricUnit.Count, 1)
        _logger.error("Malformed event, sent to the dead letters", messageId=record["messageId"], fields=error.fields)
        return
    started = verifications.start(start, _window_seconds, _executions, _table)
    named = {
        "eventId": start.start_id,
        "verificationId": start.ids.verification_id,
        "correlationId": start.correlation_id,
    }
    if started.is_new:
        _metrics.add_metric("Starts", MetricUnit.Count, 1)
    if started.is_deferred:
        _metrics.add_metric("StartsDeferred", MetricUnit.Count, 1)
    if started.is_conflict:
        _logger.warning("Known already, with another correlationId", extra=named)
    message = "Started" if started.is_new else "Known already"
    _logger.info(message, extra=named, deferred=started.is_deferred, startedBy=start.started_by)


def _show_again_soon(returned: list[Record]) -> None:
    """Shortens the time until messages are visible again. Where that fails they wait for the queue's own time-out."""
    entries: Any = [
        {
            "Id": str(number),
            "ReceiptHandle": record["receiptHandle"],
            "VisibilityTimeout": _pause_after(int(record["attributes"]["ApproximateReceiveCount"])),
        }
        for number, record in enumerate(returned)
    ]
    try:
        with aws_call("ChangeMessageVisibilityBatch"):
            failed = sqs.change_message_visibility_batch(QueueUrl=_queue_url, Entries=entries).get("Failed")
    except AwsUnavailable as error:
        _logger.warning("Events wait for the queue's time-out", call=str(error))
    else:
        if failed:
            _logger.warning("Events wait for the queue's time-out", call="ChangeMessageVisibilityBatch: Failed")


def _pause_after(receives: int) -> int:
    return min(FIRST_PAUSE * 2 ** (receives - 1), LONGEST_PAUSE)
