"""Measures what became of verifications: which outcomes there were, how long they took and how late they were.

In: each VerificationSettled event on the stack's bus. Nothing depends on it: an event that is lost, or comes twice, is a metric
that is one too low or too high.
"""

from datetime import datetime
from typing import Any

from aws_lambda_powertools.metrics import Metrics, MetricUnit, single_metric

_metrics = Metrics(namespace="linkwatch")  # its one dimension is the service: the stack's name


@_metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> None:
    """Takes one outcome event. Raises KeyError, ValueError for what is none."""
    settled = event["detail"]
    outcome, reason = settled["outcome"], settled["reason"]
    _count(outcome=outcome)
    if reason:
        _count(outcome=outcome, reason=reason)
    # 0 or 100, so that the average is the share: an alarm on the emulator cannot divide.
    _metrics.add_metric("UnknownOutcomes", MetricUnit.Percent, 100 if outcome == "UNKNOWN" else 0)
    _metrics.add_metric("TimeToSettle", MetricUnit.Seconds, _seconds(settled, since="linkSentAt"))
    if reason != "STARTED_TOO_LATE":  # that is the caller's lateness
        _metrics.add_metric("Lateness", MetricUnit.Seconds, _seconds(settled, since="deadline"))


def _count(**dimensions: str) -> None:
    with single_metric("Outcomes", MetricUnit.Count, 1, namespace="linkwatch") as metric:
        for name, value in dimensions.items():
            metric.add_dimension(name, value)


def _seconds(settled: dict[str, Any], since: str) -> float:
    """From then until the verification was settled; 0 where it was settled before. CloudWatch has no percentiles of metrics
    with negative values (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html).
    """
    passed = datetime.fromisoformat(settled["settledAt"]) - datetime.fromisoformat(settled[since])
    return max(passed.total_seconds(), 0)
