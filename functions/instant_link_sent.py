"""Entry point: the event handler. Starts a verification for each InstantLinkSent event that waits in the queue.

What the table does not take now stays in the queue and is tried again, for more than a day. A malformed event, which no second
try would change, goes to the dead letters (InstantLinkSentDeadLetters) at once, whole.
"""

import json
from datetime import datetime
from typing import Any

import boto3
from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from linkwatch import verifications
from linkwatch.executions import Executions
from linkwatch.settings import Settings, dead_letters_url, window_seconds
from linkwatch.start_request import BadStart, StartRequest, parse_start
from linkwatch.table import Table

_logger = Logger()
_metrics = Metrics(namespace="linkwatch")  # its one dimension is the service: the stack's name
_settings = Settings.from_environment()
_window_seconds = window_seconds()
# The queue tries again. Five events with two calls each, (1 + 1) s at most, end within the function's 25 s.
_patience = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
_executions = Executions(boto3.client("stepfunctions", config=_patience), _settings.state_machine_arn)
_table = Table(boto3.client("dynamodb", config=_patience), _settings.table_name)
_dead_letters, _dead_letters_url = boto3.client("sqs", config=_patience), dead_letters_url()
# Not raising for a batch that failed whole: it goes back to the queue either way, and is no error of this function's.
_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@_logger.inject_lambda_context(clear_state=True)
@_metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes a batch of SQS messages, each with an EventBridge event as its body. Gives those that stay in the queue."""
    return dict(process_partial_response(event=event, record_handler=_start, processor=_processor, context=context))


def _start(record: SQSRecord) -> None:
    """Raises AwsUnavailable, and what SQS's client raises; the message stays in the queue then."""
    try:
        event = _event_of(record.body)
        start = parse_start(
            StartRequest, event.get("detail"), "EVENT", event["id"], datetime.fromisoformat(event["time"])
        )
    except BadStart as error:
        _dead_letters.send_message(QueueUrl=_dead_letters_url, MessageBody=record.body)
        _logger.error("Malformed event, sent to the dead letters", messageId=record.message_id, fields=error.fields)
        return
    started = verifications.start(start, _window_seconds, _executions, _table)
    if started.is_deferred:
        _metrics.add_metric("StartsDeferred", MetricUnit.Count, 1)
    _logger.info(
        "Started" if started.is_new else "Known already",
        eventId=event["id"],
        verificationId=start.ids.verification_id,
        correlationId=start.correlation_id,
        deferred=started.is_deferred,
    )


def _event_of(body: str) -> dict[str, Any]:
    """The EventBridge event in a message. Raises BadStart where there is none."""
    try:
        event = json.loads(body)
        datetime.fromisoformat(event["time"]).astimezone()
        return event | {"id": str(event["id"])}
    except (ValueError, TypeError, KeyError, OverflowError):
        raise BadStart({"event": "should be an EventBridge event with id and time"}) from None
