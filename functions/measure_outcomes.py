"""Measures the outcomes: how many there were of each, how long they took and how late they were.

In: each VerificationSettled event on the stack's bus. No other part of linkwatch depends on it: an event that is lost or
delivered twice makes a metric one too low or too high.
"""

from datetime import datetime
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit, single_metric

from linkwatch.model import Reason, parse_verification_id

#: The outcomes, and the reasons that the state machine adds to the checks' own.
OUTCOMES = ("LINK_CLICKED", "EXPIRED", "UNKNOWN", "REJECTED", "CANCELLED")
REASONS = (*Reason, "STARTED_TOO_LATE", "INTERRUPTED")
#: Stands for any other outcome or reason. Each value of a dimension is a metric, which CloudWatch bills, and whoever may put
#: events on the bus chooses the values.
OTHER = "OTHER"

_logger = Logger()
_metrics = Metrics(namespace="linkwatch")  # its one dimension is the service: the stack's name


def handler(event: dict[str, Any], context: object) -> None:
    """Takes one outcome event. Raises KeyError, TypeError or ValueError for a malformed one."""
    settled = event["detail"]
    outcome, reason = settled["outcome"], settled["reason"]
    lateness, time_to_settle = _seconds(settled, since="deadline"), _seconds(settled, since="linkSentAt")
    known = outcome if outcome in OUTCOMES else OTHER
    known_reason = reason if not reason or reason in REASONS else OTHER
    if OTHER in (known, known_reason):
        # The values themselves are not logged: they may be anything.
        _logger.error(
            "Outcome or reason is not linkwatch's",
            verificationId=parse_verification_id(str(settled.get("verificationId"))),
        )
    _count(outcome=known)
    if known_reason:
        _count(outcome=known, reason=known_reason)
    # 0 or 100, so that the average is the share: an alarm on the emulator cannot divide.
    _metrics.add_metric("UnknownOutcomes", MetricUnit.Percent, 100 if outcome == "UNKNOWN" else 0)
    _metrics.add_metric("RejectedOutcomes", MetricUnit.Percent, 100 if outcome == "REJECTED" else 0)
    _metrics.add_metric("TimeToSettle", MetricUnit.Seconds, time_to_settle)
    if reason != "STARTED_TOO_LATE":  # that is the caller's lateness
        _metrics.add_metric("Lateness", MetricUnit.Seconds, lateness)
    _metrics.flush_metrics()


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
