"""What the metrics say of an outcome event: read from what is printed, as CloudWatch reads it (embedded metric format)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fake_aws import metrics_in

EVENT = json.loads((Path(__file__).parents[2] / "events" / "measure-outcomes.json").read_text("utf-8"))


@pytest.fixture
def measured(monkeypatch, capsys):
    """Measures an event with these details; gives the metrics by name and dimensions."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "linkwatch")
    import measure_outcomes  # noqa: PLC0415  it reads the service's name when it is imported

    def measure(**detail: Any) -> dict[tuple[str, ...], Any]:
        measure_outcomes.handler({**EVENT, "detail": {**EVENT["detail"], **detail}}, None)
        return metrics_in(capsys.readouterr().out)

    return measure


def test_an_unknown_outcome_counts_with_its_reason(measured):
    metrics = measured(outcome="UNKNOWN", reason="UPSTREAM_DOWN")

    assert metrics["Outcomes", "outcome=UNKNOWN", "service=linkwatch"] == 1
    assert metrics["Outcomes", "outcome=UNKNOWN", "reason=UPSTREAM_DOWN", "service=linkwatch"] == 1
    assert metrics["UnknownOutcomes", "service=linkwatch"] == 100


def test_an_outcome_without_a_reason_has_no_metric_with_one(measured):
    metrics = measured(outcome="LINK_CLICKED", reason=None)

    assert [name for name in metrics if name[0] == "Outcomes"] == [
        ("Outcomes", "outcome=LINK_CLICKED", "service=linkwatch")
    ]
    assert metrics["UnknownOutcomes", "service=linkwatch"] == 0


def test_times_are_counted_in_seconds(measured):
    metrics = measured(
        linkSentAt="2026-11-23T10:00:00.250Z", deadline="2026-11-23T10:05:00.000Z", settledAt="2026-11-23T10:05:02.500Z"
    )

    assert metrics["TimeToSettle", "service=linkwatch"] == 302.25
    assert metrics["Lateness", "service=linkwatch"] == 2.5


def test_what_is_settled_before_its_deadline_is_not_late(measured):
    metrics = measured(settledAt="2026-11-23T10:00:42.000Z")

    assert metrics["Lateness", "service=linkwatch"] == 0


def test_a_start_that_came_too_late_is_not_our_lateness(measured):
    metrics = measured(reason="STARTED_TOO_LATE")

    assert ("Lateness", "service=linkwatch") not in metrics
