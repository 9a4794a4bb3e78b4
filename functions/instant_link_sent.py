"""Door: the bus. Starts a verification for each InstantLinkSent event.

What no second try would mend (a malformed event) goes to the dead-letter queue InstantLinkSentDeadLetters at once, whole;
what one might (AWS did not do its part) raises, and Lambda, which calls this asynchronously, tries again twice before it
goes there.
"""

import json
from datetime import datetime
from typing import Any

import boto3
from aws_lambda_powertools.logging import Logger

from linkwatch import verifications
from linkwatch.executions import Executions
from linkwatch.settings import Settings, dead_letters_url, window_seconds
from linkwatch.start_request import BadStart, StartRequest, parse_start
from linkwatch.table import Table

_logger = Logger()
_settings = Settings.from_environment()
_window_seconds = window_seconds()
_executions = Executions(boto3.client("stepfunctions"), _settings.state_machine_arn)
_table = Table(boto3.client("dynamodb"), _settings.table_name)
_dead_letters, _dead_letters_url = boto3.client("sqs"), dead_letters_url()


@_logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: object) -> None:
    """Takes an EventBridge event whose detail is a start. Raises AwsUnavailable, for Lambda to try again."""
    _logger.append_keys(eventId=event["id"])
    try:
        taken_at = datetime.fromisoformat(event["time"])
        start = parse_start(StartRequest, event.get("detail"), "EVENT", event["id"], taken_at)
    except BadStart as error:
        _logger.error("Cannot start a verification from this event", fields=error.fields)
        _dead_letters.send_message(QueueUrl=_dead_letters_url, MessageBody=json.dumps(event))
        return
    _logger.append_keys(verificationId=start.ids.verification_id, correlationId=start.correlation_id)
    _, is_new = verifications.start(start, _window_seconds, _executions, _table)
    _logger.info("Started" if is_new else "Known already")
