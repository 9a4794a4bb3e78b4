"""Starting, finding and cancelling."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from linkwatch import verifications
from linkwatch.aws_errors import AwsUnavailable
from linkwatch.model import Ids, Start
from tests.unit.fakes import ID, SENT_AT, FakeExecutions, FakeTable

STARTED_AT = datetime(2026, 11, 23, 10, 0, 1, 500_000, UTC)
START = Start(
    Ids("A" * 24, "b" * 24),
    SENT_AT,
    "application-4711",
    source="API",
    start_id="request-1",
    started_at=STARTED_AT,
    started_by="arn:aws:iam::123456789012:user/sender",
)
AGAIN = replace(START, source="EVENT", start_id="event-1", started_by=None)
NOW = datetime(2026, 11, 23, 10, 0, 44, tzinfo=UTC)
SHOWN = {
    "verificationId": ID,
    "requestId": "A" * 24,
    "sessionId": "b" * 24,
    "correlationId": "application-4711",
    "status": "WATCHING",
    "outcome": None,
    "reason": None,
    "linkSentAt": "2026-11-23T10:00:00.250Z",
    "deadline": "2026-11-23T10:05:00.000Z",
    "checks": None,
    "result": None,
    "settledAt": None,
    "publishedAt": None,
}
#: As the state machine writes it, and as the API shows it.
CLICKED = {
    "status": "SETTLED",
    "outcome": "LINK_CLICKED",
    "reason": "",
    "checks": Decimal(4),
    "result": '{"carrier": "Ærizon"}',
}
CLICKED_SHOWN = SHOWN | CLICKED | {"reason": None, "checks": 4, "result": {"carrier": "Ærizon"}}


@pytest.fixture
def executions():
    return FakeExecutions()


@pytest.fixture
def table():
    return FakeTable()


@pytest.fixture
def watched(executions, table):
    """A verification that its first execution watches."""
    verifications.start(START, 300, executions, table)


# ── Start ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_start_puts_the_whole_verification_into_the_table(executions, table):
    started = verifications.start(START, 300, executions, table)

    assert (started.verification, started.is_new, started.is_deferred) == (SHOWN, True, False)
    assert table.items[ID] == {
        **{name: value for name, value in SHOWN.items() if value is not None},
        "schemaVersion": "1.0",
        "openVerifications": "2026-11-23T10:05:00.000Z",
        "executionName": ID,
        "takeovers": 0,
        "startId": "request-1",
        "startedAt": "2026-11-23T10:00:01.500Z",
        "startedBy": "arn:aws:iam::123456789012:user/sender",
        "source": "API",
    }


def test_its_execution_is_started_under_the_name_in_the_item(executions, table):
    verifications.start(START, 300, executions, table)

    assert executions.started == [ID]


def test_a_field_without_a_value_is_left_out_of_the_item(executions, table):
    verifications.start(replace(START, correlation_id=None, started_by=None), 300, executions, table)

    assert None not in table.items[ID].values()


def test_a_start_whose_execution_is_refused_is_accepted_and_deferred(executions, table):
    executions.refused = {"StartExecution"}

    started = verifications.start(START, 300, executions, table)

    assert (started.verification, started.is_new, started.is_deferred) == (SHOWN, True, True)
    assert ID in table.items


def test_a_start_that_the_table_refuses_is_not_accepted(executions, table):
    table.refused = {"PutItem"}

    with pytest.raises(AwsUnavailable):
        verifications.start(START, 300, executions, table)

    assert executions.started == []


@pytest.mark.usefixtures("watched")
def test_the_same_start_again_returns_the_verification_and_starts_nothing(executions, table):
    table.items[ID] |= CLICKED

    started = verifications.start(AGAIN, 300, executions, table)

    assert (started.is_new, started.is_deferred) == (False, False)
    assert started.verification == CLICKED_SHOWN
    assert executions.started == [ID]


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(
    ("correlation_id", "is_conflict"), [("application-4711", False), (None, False), ("application-4712", True)]
)
def test_a_start_under_another_correlation_id_is_a_conflict(correlation_id, is_conflict, executions, table):
    started = verifications.start(replace(AGAIN, correlation_id=correlation_id), 300, executions, table)

    assert (started.is_conflict, started.verification["correlationId"]) == (is_conflict, "application-4711")


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("refused", [set(), {"StartExecution"}])
def test_a_start_whose_first_put_lost_its_answer_is_a_new_one(refused, executions, table):
    executions.refused = refused

    started = verifications.start(START, 300, executions, table)

    assert (started.verification, started.is_new, started.is_deferred) == (SHOWN, True, bool(refused))


@pytest.mark.usefixtures("watched")
def test_a_start_whose_first_put_lost_its_answer_returns_the_verification_as_it_is(executions, table):
    table.items[ID] |= CLICKED

    started = verifications.start(START, 300, executions, table)

    assert started.verification["outcome"] == "LINK_CLICKED"


# ── Find ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("watched")
def test_a_verification_is_found_as_the_table_has_it(table):
    table.items[ID] |= CLICKED

    found = verifications.find(ID, table)

    assert found
    assert found == CLICKED_SHOWN
    assert type(found["checks"]) is int  # json cannot write a Decimal


def test_an_unknown_verification_is_neither_found_nor_cancelled(executions, table):
    assert verifications.find(ID, table) is None
    assert verifications.cancel(ID, NOW, executions, table) is None
    assert (executions.started, executions.stopped, table.items) == ([], [], {})


# ── Cancel ────────────────────────────────────────────────────────────────────────────────────────────────────────────

CANCELLED = {
    "status": "SETTLED",
    "outcome": "CANCELLED",
    "reason": "",
    "result": "null",
    "settledAt": "2026-11-23T10:00:44.000Z",
}
CANCELLED_SHOWN = SHOWN | CANCELLED | {"reason": None, "result": None}


@pytest.mark.usefixtures("watched")
def test_a_cancel_writes_the_whole_outcome_and_the_name_of_its_execution(executions, table):
    before = table.items[ID]

    cancelled = verifications.cancel(ID, NOW, executions, table, "arn:aws:iam::123456789012:user/agent")

    assert cancelled == verifications.find(ID, table) == CANCELLED_SHOWN
    assert table.items[ID] == before | CANCELLED | {
        "executionName": f"{ID}-cancel",
        "cancelledBy": "arn:aws:iam::123456789012:user/agent",
    }


@pytest.mark.usefixtures("watched")
def test_a_cancel_by_an_unknown_caller_leaves_the_caller_out(executions, table):
    verifications.cancel(ID, NOW, executions, table)

    assert "cancelledBy" not in table.items[ID]


@pytest.mark.usefixtures("watched")
def test_a_cancel_starts_its_execution_and_stops_the_one_before(executions, table):
    verifications.cancel(ID, NOW, executions, table)

    assert (executions.started, executions.stopped) == ([ID, f"{ID}-cancel"], [ID])


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("refused", ["StartExecution", "StopExecution"])
def test_a_cancel_is_final_whatever_step_functions_refuses(refused, executions, table):
    executions.refused = {refused}

    assert verifications.cancel(ID, NOW, executions, table) == CANCELLED_SHOWN
    assert (f"{ID}-cancel" in executions.started) == (refused == "StopExecution")
    assert executions.stopped == ([ID] if refused == "StartExecution" else [])


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("outcome", ["CANCELLED", "LINK_CLICKED"])
def test_a_cancel_of_a_settled_verification_returns_it_and_does_nothing(outcome, executions, table):
    table.items[ID] |= CLICKED | {"outcome": outcome}

    verification = verifications.cancel(ID, NOW, executions, table)

    assert verification
    assert verification["outcome"] == outcome
    assert (executions.started, executions.stopped) == ([ID], [])


@pytest.mark.usefixtures("watched")
def test_a_cancel_that_the_table_refuses_does_nothing(executions, table):
    table.refused = {"UpdateItem"}

    with pytest.raises(AwsUnavailable):
        verifications.cancel(ID, NOW, executions, table)

    assert executions.stopped == []
