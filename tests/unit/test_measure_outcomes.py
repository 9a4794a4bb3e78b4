"""The metrics of an outcome event, read from what the handler prints (embedded metric format), as CloudWatch reads them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fake_aws import metrics_in

EVENT = json.loads((Path(__file__).parents[2] / "events" / "measure-outcomes.json").read_text("utf-8"))


@pytest.fixture
def handle(aws):  # noqa: ARG001  its environment
    import measure_outcomes  # noqa: PLC0415  it reads the service's name when it is imported

    return lambda **detail: measure_outcomes.handler({**EVENT, "detail": {**EVENT["detail"], **detail}}, None)


@pytest.fixture
def measured(handle, capsys):
    """Measures an event with these details; returns the metrics by name and dimensions."""

    def measure(**detail: Any) -> dict[tuple[str, ...], Any]:
        handle(**detail)
        return metrics_in(capsys.readouterr().out)

    return measure


def test_an_outcome_with_a_reason_is_counted_with_and_without_it(measured):
    metrics = measured(outcome="UNKNOWN", reason="UPSTREAM_DOWN")

    assert metrics["Outcomes", "outcome=UNKNOWN", "service=linkwatch"] == 1
    assert metrics["Outcomes", "outcome=UNKNOWN", "reason=UPSTREAM_DOWN", "service=linkwatch"] == 1


def test_an_outcome_without_a_reason_has_no_metric_with_one(measured):
    metrics = measured(outcome="LINK_CLICKED", reason=None)

    assert [name for name in metrics if name[0] == "Outcomes"] == [
        ("Outcomes", "outcome=LINK_CLICKED", "service=linkwatch")
    ]


@pytest.mark.parametrize(
    ("outcome", "unknown", "rejected"),
    [("LINK_CLICKED", 0, 0), ("EXPIRED", 0, 0), ("CANCELLED", 0, 0), ("UNKNOWN", 100, 0), ("REJECTED", 0, 100)],
)
def test_the_average_of_these_metrics_is_a_share_in_percent(measured, outcome, unknown, rejected):
    metrics = measured(outcome=outcome)

    assert metrics["UnknownOutcomes", "service=linkwatch"] == unknown
    assert metrics["RejectedOutcomes", "service=linkwatch"] == rejected


@pytest.mark.parametrize("reason", ["STARTED_TOO_LATE", "INTERRUPTED", "PAST_DEADLINE", "UNKNOWN_IDS"])
def test_every_reason_of_an_outcome_is_counted_by_its_name(measured, reason):
    assert ("Outcomes", "outcome=UNKNOWN", f"reason={reason}", "service=linkwatch") in measured(reason=reason)


@pytest.mark.parametrize(
    ("detail", "dimensions"),
    [
        ({"outcome": "+15550001111", "reason": None}, ["outcome=OTHER"]),
        ({"outcome": ["EXPIRED"], "reason": None}, ["outcome=OTHER"]),
        ({"outcome": "UNKNOWN", "reason": "+15550001111"}, ["outcome=UNKNOWN", "reason=OTHER"]),
        ({"outcome": "UNKNOWN", "reason": {"a": 1}}, ["outcome=UNKNOWN", "reason=OTHER"]),
    ],
)
def test_any_other_outcome_or_reason_counts_as_other_and_is_an_error(measured, caplog, detail, dimensions):
    metrics = measured(**detail)

    assert metrics["Outcomes", *dimensions, "service=linkwatch"] == 1
    [logged] = [vars(record) for record in caplog.records]
    assert (logged["levelname"], logged["verificationId"]) == ("ERROR", EVENT["detail"]["verificationId"])
    assert "+15550001111" not in str((logged, metrics))


def test_times_are_counted_in_seconds(measured):
    metrics = measured(
        linkSentAt="2026-11-23T10:00:00.250Z", deadline="2026-11-23T10:05:00.000Z", settledAt="2026-11-23T10:05:02.500Z"
    )

    assert metrics["TimeToSettle", "service=linkwatch"] == 302.25
    assert metrics["Lateness", "service=linkwatch"] == 2.5


def test_an_outcome_before_the_deadline_is_not_late(measured):
    metrics = measured(settledAt="2026-11-23T10:00:42.000Z")

    assert metrics["Lateness", "service=linkwatch"] == 0


def test_a_start_that_came_too_late_is_not_our_lateness(measured):
    metrics = measured(reason="STARTED_TOO_LATE")

    assert ("Lateness", "service=linkwatch") not in metrics


@pytest.mark.parametrize("wrong", [{"deadline": None}, {"settledAt": "yesterday"}])
def test_a_malformed_event_raises_and_counts_nothing(handle, capsys, wrong):
    with pytest.raises((TypeError, ValueError)):
        handle(**wrong)

    assert metrics_in(capsys.readouterr().out) == {}
