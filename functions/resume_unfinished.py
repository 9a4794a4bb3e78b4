"""Heals what stopped half-way: starts an execution that takes over from one that ended without an outcome being published.

In, from the bus: Step Functions' status change of an execution of ours that FAILED, TIMED_OUT or was ABORTED; such events are
best effort (https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html).
In, every minute: {"sweep": true}; looks through all open verifications.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from linkwatch import verifications
from linkwatch.executions import Execution, Executions
from linkwatch.model import AwsUnavailable, iso_from
from linkwatch.settings import Settings
from linkwatch.table import Table
from linkwatch.verifications import Resumed

#: What the promise allows beyond the window; a verification that is open longer is late.
GRACE_SECONDS = 30
#: A sweep ends this long before its function's time does; what is left is the next one's.
RESERVE_MILLIS = 5_000

_logger = Logger()
_metrics = Metrics(namespace="linkwatch")  # its one dimension is the service: the stack's name
_settings = Settings.from_environment()
_executions = Executions(boto3.client("stepfunctions"), _settings.state_machine_arn)
_table = Table(boto3.client("dynamodb"), _settings.table_name)


@_logger.inject_lambda_context(clear_state=True)
@_metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Takes one status change or one sweep. Raises AwsUnavailable; a sweep does so after it has tried all."""
    if event.get("sweep"):
        _sweep(context)
        return
    detail = event["detail"]
    stopped = Execution(detail["name"], is_running=False, input=json.loads(detail["input"]), output={})
    _resume(stopped.input["verificationId"], stopped, asked_by=event["id"])


def _sweep(context: LambdaContext) -> None:
    running = set(_executions.running())
    late = iso_from(datetime.now(UTC) - timedelta(seconds=GRACE_SECONDS))
    open_count, late_count, failures = 0, 0, []
    for item in _table.open():
        open_count += 1
        late_count += item["openVerifications"] < late
        if item["executionName"] in running:
            continue
        if context.get_remaining_time_in_millis() < RESERVE_MILLIS:
            _logger.warning("The sweep has run out of time; the next one goes on")
            break
        try:
            _resume(item["verificationId"], None, asked_by=context.aws_request_id)
        except AwsUnavailable as error:
            failures.append(error)
    _metrics.add_metric("OpenVerifications", MetricUnit.Count, open_count)
    _metrics.add_metric(
        "OpenPastDeadline", MetricUnit.Count, late_count
    )  # in every sweep: alarm SweepMissing counts them
    if failures:
        raise AwsUnavailable(f"{len(failures)} could not be resumed, the first for {failures[0]}")


def _resume(verification_id: str, stopped: Execution | None, asked_by: str) -> None:
    _logger.append_keys(verificationId=verification_id)
    resumed = verifications.resume(verification_id, stopped, asked_by, _executions, _table)
    _logger.info("Resumed", verification=resumed.value)
    if resumed is Resumed.TAKEN_OVER:
        _metrics.add_metric("TakeOvers", MetricUnit.Count, 1)
    if resumed is Resumed.GIVEN_UP:
        _metrics.add_metric("TakeOversExhausted", MetricUnit.Count, 1)
        _logger.error("Taken over too often: an engineer has to look, see docs/runbook.md, TakeOversExhausted")
