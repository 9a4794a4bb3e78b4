"""Recovery: starts an execution for each verification whose own has died, or never came to be.

In, from the bus: Step Functions' status change of an execution of ours that FAILED, TIMED_OUT or was ABORTED; such events are
best effort (https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html).
In, every minute: {"sweep": true}; looks through all open verifications.
In, from an engineer (make recover): {"sweep": true, "rearm": true}; a sweep that also goes on with what was given up.
"""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from linkwatch import recovery
from linkwatch.aws_errors import AwsUnavailable
from linkwatch.executions import Executions
from linkwatch.recovery import Recovered
from linkwatch.settings import Settings
from linkwatch.table import Table

#: A sweep ends this long before its function's time does; what is left is the next one's.
RESERVE_MILLIS = 10_000

_logger = Logger()
_metrics = Metrics(namespace="linkwatch")  # its one dimension is the service: the stack's name
_settings = Settings.from_environment()
# A call that fails three times, 3 × (1 + 2) s, ends within the reserve.
_patience = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=recovery.WORKERS,
)
_executions = Executions(boto3.client("stepfunctions", config=_patience), _settings.state_machine_arn)
_table = Table(boto3.client("dynamodb", config=_patience), _settings.table_name)


@_logger.inject_lambda_context(clear_state=True)
@_metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int] | None:
    """Takes one status change, or one sweep, which it answers with its counts. Raises AwsUnavailable; a sweep does so after it
    has tried all.
    """
    if event.get("sweep"):
        return _sweep(context, rearm=event.get("rearm", False))
    name = event["detail"]["name"]
    recovered = recovery.recover_named(name, datetime.now(UTC), _executions, _table)
    _report({recovery.verification_of(name) or name: recovered})
    return None


def _sweep(context: LambdaContext, *, rearm: bool) -> dict[str, int]:
    def has_time() -> bool:
        return context.get_remaining_time_in_millis() > RESERVE_MILLIS

    swept = recovery.sweep(datetime.now(UTC), has_time, _executions, _table, rearm=rearm)
    _metrics.add_metric("OpenVerifications", MetricUnit.Count, swept.open)
    # In every sweep: alarm SweepMissing counts the samples.
    _metrics.add_metric("OpenPastDeadline", MetricUnit.Count, swept.late)
    _report(swept.recovered)
    counts = {"open": swept.open, "late": swept.late, "failed": len(swept.failures), "left": swept.left}
    counts |= {result.name.lower(): count for result, count in Counter(swept.recovered.values()).items()}
    _logger.info("Swept", extra=counts)
    if swept.failures:
        raise AwsUnavailable(f"{len(swept.failures)} could not be recovered, the first for {swept.failures[0]}")
    return counts


def _report(recovered: dict[str, Recovered]) -> None:
    for verification_id, result in recovered.items():
        if result in _METRICS:
            _logger.warning("Recovered", verificationId=verification_id, result=result.value)
            for name in _METRICS[result]:
                _metrics.add_metric(name, MetricUnit.Count, 1)


_METRICS = {
    Recovered.TAKEN_OVER: ("Takeovers",),
    Recovered.TAKEN_OVER_REPEATEDLY: ("Takeovers", "TakeoversRepeated"),
    Recovered.EXHAUSTED: ("TakeoversExhausted",),
}
