"""The metrics of an outcome event, read from what the handler prints (embedded metric format), as CloudWatch reads them."""

from typing import Any

import pytest

from contracts.shapes import Outcome, Verification
from tests.sample_events import event
from tests.unit.fake_aws import Function

EVENT = event("measure-outcomes")
REASONS = Verification.model_json_schema()["properties"]["reason"]["anyOf"][0]["enum"]


@pytest.fixture
def function(aws, capsys):  # noqa: ARG001  its environment
    return Function("measure_outcomes", capsys)


def measured(function: Function, **detail: Any) -> dict[str, Any]:
    """Measures an event with these details; returns the metrics."""
    function(EVENT | {"detail": EVENT["detail"] | detail})
    return function.metrics


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_is_counted_and_the_average_of_two_metrics_is_a_share_in_percent(function, outcome):
    assert measured(function, outcome=outcome, reason=None, settledAt="2026-11-23T10:05:02.500Z") == {
        f"Outcomes outcome={outcome}": 1,
        "UnknownOutcomes": 100 if outcome == "UNKNOWN" else 0,
        "RejectedOutcomes": 100 if outcome == "REJECTED" else 0,
        "TimeToSettle": 302.5,
        "Lateness": 2.5,
    }


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_of_the_contract_is_counted_with_its_outcome_and_without(function, reason):
    metrics = measured(function, outcome="UNKNOWN", reason=reason)

    assert metrics["Outcomes outcome=UNKNOWN"] == metrics[f"Outcomes outcome=UNKNOWN reason={reason}"] == 1
    assert ("Lateness" in metrics) == (reason != "STARTED_TOO_LATE"), "that is the caller's lateness"


@pytest.mark.parametrize(
    ("detail", "dimensions"),
    [
        ({"outcome": "+15550001111", "reason": None}, "outcome=OTHER"),
        ({"outcome": ["EXPIRED"], "reason": None}, "outcome=OTHER"),
        ({"outcome": "UNKNOWN", "reason": "+15550001111"}, "outcome=UNKNOWN reason=OTHER"),
    ],
)
def test_any_other_outcome_or_reason_counts_as_other_and_is_an_error(function, detail, dimensions):
    metrics = measured(function, **detail)

    assert metrics[f"Outcomes {dimensions}"] == 1
    assert [line["verificationId"] for line in function.logged("ERROR")] == [EVENT["detail"]["verificationId"]]
    assert "+15550001111" not in str(function.lines)


def test_an_outcome_before_the_deadline_is_not_late(function):
    assert measured(function, settledAt="2026-11-23T10:00:42.000Z")["Lateness"] == 0


@pytest.mark.parametrize("wrong", [{"deadline": None}, {"settledAt": "yesterday"}])
def test_a_malformed_event_raises_and_prints_nothing(function, recwarn, wrong):
    with pytest.raises((TypeError, ValueError)):
        measured(function, **wrong)

    assert (function.lines, recwarn.list) == ([], [])
