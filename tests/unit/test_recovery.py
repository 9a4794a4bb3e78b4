"""The rule of recovery, applied to one verification."""

from datetime import UTC, datetime, timedelta

import pytest

from linkwatch import recovery
from linkwatch.aws_errors import AwsUnavailable
from linkwatch.recovery import Recovered, pause_before, recover, recover_named, verification_of
from tests.unit.fakes import ID, RUNNING, FakeExecutions, FakeTable

NOW = datetime(2026, 11, 23, 10, 2, 0, tzinfo=UTC)


def item(nth: int = 0, **more: object) -> dict:
    """An open item after nth takeovers."""
    return {
        "verificationId": ID,
        "executionName": f"{ID}-r{nth}" if nth else ID,
        "takeovers": nth,
        "startedAt": "2026-11-23T10:00:00.000Z",
        "openVerifications": "2026-11-23T10:05:00.000Z",
        **more,
    }


def failed(nth: int = 0, since: timedelta = timedelta(hours=1)) -> FakeExecutions:
    """The first execution and nth takeovers, all of which have failed."""
    names = [ID, *(f"{ID}-r{takeover}" for takeover in range(1, nth + 1))]
    return FakeExecutions(**dict.fromkeys(names, NOW - since))


# ── Has it failed? ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_execution_that_was_never_started_is_started():
    executions, table = FakeExecutions(), FakeTable(item())

    assert recover(item(), NOW, executions, table) is Recovered.RUNNING
    assert (executions.started, table.items[ID]) == ([ID], item())


def test_a_running_execution_is_not_replaced():
    table = FakeTable(item())

    assert recover(item(), NOW, FakeExecutions(**{ID: RUNNING}), table) is Recovered.RUNNING
    assert table.items[ID] == item()


def test_an_execution_whose_name_is_taken_and_that_has_not_ended_is_running():
    class Emulator(FakeExecutions):
        def start(self, name, verification_id):
            super().start(name, verification_id)
            return False

    table = FakeTable(item())

    assert recover(item(), NOW, Emulator(**{ID: RUNNING}), table) is Recovered.RUNNING
    assert table.items[ID] == item()


@pytest.mark.parametrize("call", ["StartExecution", "DescribeExecution"])
def test_an_execution_does_not_count_as_failed_because_step_functions_does_not_answer(call):
    executions, table = failed(), FakeTable(item())
    executions.refused = {call}

    with pytest.raises(AwsUnavailable):
        recover(item(), NOW, executions, table)

    assert table.items[ID] == item()


# ── Takeover ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_failed_execution_is_replaced_by_the_next_name():
    executions, table = failed(), FakeTable(item())

    assert recover(item(), NOW, executions, table) is Recovered.TAKEN_OVER
    assert table.items[ID] == item(1)
    assert executions.started == [ID, f"{ID}-r1"]


def test_the_name_is_written_before_the_start():
    class RefusesTheNext(FakeExecutions):
        def start(self, name, verification_id):
            self.refused = {"StartExecution"} if name != ID else set()
            return super().start(name, verification_id)

    table = FakeTable(item())

    with pytest.raises(AwsUnavailable):
        recover(item(), NOW, RefusesTheNext(**failed().known), table)

    assert table.items[ID] == item(1)


@pytest.mark.parametrize("changed", [{"executionName": f"{ID}-r1"}, {"publishedAt": "2026-11-23T10:01:59.000Z"}])
def test_an_item_that_has_changed_meanwhile_is_not_taken_over(changed):
    executions, table = failed(), FakeTable(item(**changed))

    assert recover(item(), NOW, executions, table) is Recovered.NOTHING_TO_DO
    assert (table.items[ID], executions.started) == (item(**changed), [ID])


@pytest.mark.parametrize(
    ("nth", "recovered"),
    [
        (1, Recovered.TAKEN_OVER),
        (2, Recovered.TAKEN_OVER),
        (3, Recovered.TAKEN_OVER_REPEATEDLY),
        (10, Recovered.TAKEN_OVER_REPEATEDLY),
    ],
)
def test_the_third_takeover_and_later_ones_count_as_repeated(nth, recovered):
    assert recover(item(nth - 1), NOW, failed(nth - 1), FakeTable(item(nth - 1))) is recovered


# ── Pauses ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_takeover_follows_at_once_and_later_ones_after_pauses_that_double():
    pauses = [pause_before(nth).total_seconds() for nth in range(1, 11)]

    assert pauses == [0, 10, 20, 40, 80, 160, 320, 600, 600, 600]


def test_ten_takeovers_take_forty_minutes_at_most():
    pauses = [pause_before(nth) for nth in range(1, recovery.TAKEOVERS + 1)]

    assert sum(pauses, timedelta()) < timedelta(minutes=41)


@pytest.mark.parametrize(("nth", "pause"), [(1, 0), (2, 10), (3, 20), (9, 600), (45, 600), (1_000, 600)])
def test_a_takeover_waits_until_its_pause_is_over(nth, pause):
    early, due = timedelta(seconds=pause - 0.001), timedelta(seconds=pause)
    waiting = item(nth - 1, takeoverLimit=1_000)

    assert recover(waiting, NOW, failed(nth - 1, early), FakeTable(waiting)) is Recovered.PAUSED
    assert recover(waiting, NOW, failed(nth - 1, due), FakeTable(waiting)) is not Recovered.PAUSED


# ── The limit ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_after_ten_takeovers_a_verification_is_left_open():
    executions, table = failed(10), FakeTable(item(10))

    assert recover(item(10), NOW, executions, table) is Recovered.EXHAUSTED
    assert (table.items[ID], executions.started) == (item(10), [f"{ID}-r10"])


def test_an_engineer_allows_ten_takeovers_more_and_starts_the_next_at_once():
    executions, table = failed(10, since=timedelta(seconds=1)), FakeTable(item(10))

    assert recover(item(10), NOW, executions, table, rearm=True) is Recovered.TAKEN_OVER_REPEATEDLY
    assert table.items[ID] == item(11, takeoverLimit=20)
    assert executions.started[-1] == f"{ID}-r11"


def test_the_limit_in_the_item_counts():
    raised = item(19, takeoverLimit=20)

    assert recover(raised, NOW, failed(19), FakeTable(raised)) is Recovered.TAKEN_OVER_REPEATEDLY
    assert recover(item(20, takeoverLimit=20), NOW, failed(20), FakeTable()) is Recovered.EXHAUSTED


def test_an_engineer_changes_neither_limit_nor_pause_of_what_is_not_exhausted():
    table = FakeTable(item(5))

    assert recover(item(5), NOW, failed(5, timedelta(seconds=1)), table, rearm=True) is Recovered.PAUSED
    assert recover(item(5), NOW, failed(5), table, rearm=True) is Recovered.TAKEN_OVER_REPEATEDLY
    assert "takeoverLimit" not in table.items[ID]


# ── A reported failure ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("suffix", ["", "-cancel", "-r1", "-r10"])
def test_an_executions_name_begins_with_its_verification_id(suffix):
    assert verification_of(f"{ID}{suffix}") == ID


@pytest.mark.parametrize("name", ["3f0f5a3e-90b2-4f54-8ed4-9cf5a2f7f6aa", f"{ID}r1", f"x{ID}", ""])
def test_another_name_has_no_verification_id(name):
    assert verification_of(name) is None


def test_a_reported_failure_of_the_named_execution_is_taken_over():
    table = FakeTable(item())

    assert recover_named(ID, NOW, failed(), table) is Recovered.TAKEN_OVER


@pytest.mark.parametrize(
    ("name", "items"),
    [
        pytest.param(ID, [item(1)], id="the item names another execution"),
        pytest.param(ID, [], id="no such verification"),
        pytest.param(ID, [item(publishedAt="2026-11-23T10:01:00.000Z")], id="published"),
        pytest.param("of-somebody-else", [item()], id="an execution of somebody else"),
    ],
)
def test_there_is_nothing_to_do_for(name, items):
    executions, table = failed(), FakeTable(*items)

    assert recover_named(name, NOW, executions, table) is Recovered.NOTHING_TO_DO
    assert (executions.started, list(table.items.values())) == ([], items)
