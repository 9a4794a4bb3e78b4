"""Recovery: starts an execution for each verification whose own failed or was never started.

In, from the bus: Step Functions' status change of an execution of ours to FAILED, TIMED_OUT or ABORTED; such events are best
effort (https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html).
In, every minute: {"sweep": true}: recovers all open verifications.
In, from an engineer (make recover): {"sweep": true, "rearm": true}: a sweep that also continues what recovery has given up on.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from linkwatch import recovery
from linkwatch.executions import Executions
from linkwatch.recovery import Failure, Recovered, Sweep
from linkwatch.settings import Settings
from linkwatch.table import Table

_logger = Logger()
_metrics = Metrics(namespace="linkwatch")  # its one dimension is the service: the stack's name
_settings = Settings.from_environment()
# A call ends within recovery.CALL_SECONDS: 2 x (1 + 1) s, and a back-off of at most 1 s. Mode "standard" may add 5 s to that
# where AWS's answer has a header x-amz-retry-after. The second try is for a connection that broke during a pause
# between two invocations.
_config = Config(
    connect_timeout=1,
    read_timeout=1,
    retries={"mode": "legacy", "total_max_attempts": 2},
    max_pool_connections=recovery.WORKERS,
)
_executions = Executions(boto3.client("stepfunctions", config=_config), _settings.state_machine_arn)
_table = Table(boto3.client("dynamodb", config=_config), _settings.table_name)


class SweepIncomplete(Exception):
    """A sweep could not list or recover everything. It did the rest, and the next sweep tries again."""


@_logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int] | None:
    """Takes one status change, or one sweep, which it answers with its counts. Raises AwsUnavailable for a status change that it
    could not act on, SweepIncomplete at the end of a sweep. The longest status change is GetItem and the calls for an item, 25 s.
    """
    if event.get("sweep"):
        swept = recovery.sweep(
            datetime.now(UTC),
            lambda: context.get_remaining_time_in_millis() / 1000,
            _executions,
            _table,
            rearm=event.get("rearm", False),
        )
        return _report_sweep(swept)
    name = event["detail"]["name"]
    recovered = recovery.recover_named(name, datetime.now(UTC), _executions, _table)
    _report({recovery.verification_of(name) or name: recovered})
    return None


def _report_sweep(swept: Sweep) -> dict[str, int]:
    if swept.open or swept.is_complete:
        # What is known, which is the least there are where the list is incomplete. Without any there is no sample: alarm
        # SweepMissing counts the samples, and a 0 would say that nothing is late.
        _metrics.add_metric("OpenVerifications", MetricUnit.Count, swept.open)
        _metrics.add_metric("OpenPastDeadline", MetricUnit.Count, swept.late)
    _report(swept.recovered)
    _report_failures(swept.failures)
    counts = {"open": swept.open, "late": swept.late, "failed": len(swept.failures), "left": swept.left}
    counts |= {result.name.lower(): count for result, count in Counter(swept.recovered.values()).items()}
    _logger.info("Swept", extra={"isComplete": swept.is_complete, **counts})
    if swept.failures:
        raise SweepIncomplete(f"{len(swept.failures)} failures, the first: {swept.failures[0].error}")
    if not swept.is_complete:
        raise SweepIncomplete("no time to list all open verifications")
    return counts


def _report(recovered: dict[str, Recovered]) -> None:
    counts: Counter[str] = Counter()
    for verification_id, result in recovered.items():
        if result in _METRICS:
            _logger.warning("Recovered", verificationId=verification_id, result=result.value)
            counts.update(_METRICS[result])
    for name, count in counts.items():
        _metrics.add_metric(name, MetricUnit.Count, count)
    if _metrics.metric_set:  # Powertools would warn on stderr, as plain text among the JSON lines
        _metrics.flush_metrics()


def _report_failures(failures: Iterable[Failure]) -> None:
    """One line for each kind of failure: an outage may bring thousands of the same."""
    kinds: dict[str, list[str]] = {}
    for failure in failures:
        kinds.setdefault(failure.error, []).append(str(failure.verification_id))
    for error, verification_ids in kinds.items():
        _logger.error("Not recovered", error=error, count=len(verification_ids), verificationIds=verification_ids[:10])


_METRICS = {
    Recovered.TAKEN_OVER: ("Takeovers",),
    Recovered.TAKEN_OVER_REPEATEDLY: ("Takeovers", "TakeoversRepeated"),
    Recovered.EXHAUSTED: ("TakeoversExhausted",),
}
