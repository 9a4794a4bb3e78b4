"""The rule of recovery, applied to one verification and, in the sweep, to all open ones."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from linkwatch.aws_errors import AwsUnavailable
from linkwatch.executions import Executions
from linkwatch.model import iso_from
from linkwatch.recovery import (
    LISTING_RESERVE_SECONDS,
    RESERVE_SECONDS,
    WORKERS,
    Failure,
    Recovered,
    Sweep,
    pause_before,
    recover,
    recover_named,
    sweep,
    verification_of,
)
from tests.unit.fakes import ID, PAGE, RUNNING, FakeExecutions, FakeTable

NOW = datetime(2026, 11, 23, 10, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def id_of(number: int) -> str:
    return f"{ID[:-2]}{number:02}"


def name_of(number: int, nth: int = 0) -> str:
    """The execution of the nth takeover; of none: the first."""
    return f"{id_of(number)}-r{nth}" if nth else id_of(number)


def item(number: int = 0, nth: int = 0, **more: object) -> dict:
    """An open item after nth takeovers."""
    return {
        "verificationId": id_of(number),
        "executionName": name_of(number, nth),
        "takeovers": nth,
        "startedAt": "2026-11-23T10:00:00.000Z",
        "openVerifications": "2026-11-23T10:05:00.000Z",
        **more,
    }


def failed(nth: int = 0, ago: timedelta = HOUR) -> FakeExecutions:
    """The first execution and nth takeovers of item(), all of which have failed."""
    return FakeExecutions(**{name_of(0, takeover): NOW - ago for takeover in range(nth + 1)})


# ── Has it failed? ────────────────────────────────────────────────────────────────────────────────────────────────────


class Emulator(FakeExecutions):
    """Refuses the name of a running execution."""

    def start(self, name, verification_id):
        super().start(name, verification_id)
        return False


@pytest.mark.parametrize(
    "executions",
    [
        pytest.param(FakeExecutions(), id="it was never started"),
        pytest.param(FakeExecutions(**{id_of(0): RUNNING}), id="it runs"),
        pytest.param(Emulator(**{id_of(0): RUNNING}), id="its name is taken and it has not ended"),
    ],
)
def test_an_execution_that_has_not_failed_is_started_and_not_replaced(executions):
    table = FakeTable(item())

    assert recover(item(), NOW, executions, table) is Recovered.RUNNING
    assert (executions.started, table.items[id_of(0)]) == ([id_of(0)], item())


@pytest.mark.parametrize("call", ["StartExecution", "DescribeExecution"])
def test_an_execution_does_not_count_as_failed_because_step_functions_does_not_answer(call):
    executions, table = failed(), FakeTable(item())
    executions.refused = {call}

    with pytest.raises(AwsUnavailable):
        recover(item(), NOW, executions, table)

    assert table.items[id_of(0)] == item()


# ── Takeover ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("nth", "recovered"),
    [
        (1, Recovered.TAKEN_OVER),
        (2, Recovered.TAKEN_OVER),
        (3, Recovered.TAKEN_OVER_REPEATEDLY),
        (10, Recovered.TAKEN_OVER_REPEATEDLY),
    ],
)
def test_a_failed_execution_is_replaced_by_the_next_name(nth, recovered):
    before = item(nth=nth - 1)
    executions, table = failed(nth - 1), FakeTable(before)

    assert recover(before, NOW, executions, table) is recovered
    assert table.items[id_of(0)] == item(nth=nth)
    assert executions.started == [name_of(0, nth - 1), name_of(0, nth)]


def test_the_name_is_written_before_the_start():
    class RefusesTheNext(FakeExecutions):
        def start(self, name, verification_id):
            self.refused = {"StartExecution"} if name != id_of(0) else set()
            return super().start(name, verification_id)

    table = FakeTable(item())

    with pytest.raises(AwsUnavailable):
        recover(item(), NOW, RefusesTheNext(**failed().known), table)

    assert table.items[id_of(0)] == item(nth=1)


@pytest.mark.parametrize("changed", [{"executionName": name_of(0, 1)}, {"publishedAt": "2026-11-23T10:01:59.000Z"}])
def test_an_item_that_has_changed_meanwhile_is_not_taken_over(changed):
    executions, table = failed(), FakeTable(item(**changed))

    assert recover(item(), NOW, executions, table) is Recovered.NOTHING_TO_DO
    assert (table.items[id_of(0)], executions.started) == (item(**changed), [id_of(0)])


def test_the_first_takeover_follows_at_once_and_later_ones_after_pauses_that_double():
    pauses = [pause_before(nth).total_seconds() for nth in range(1, 11)]

    assert pauses == [0, 10, 20, 40, 80, 160, 320, 600, 600, 600]


@pytest.mark.parametrize(("nth", "pause"), [(1, 0), (2, 10), (9, 600), (1_000, 600)])
def test_a_takeover_waits_until_its_pause_is_over(nth, pause):
    early, due = timedelta(seconds=pause - 0.001), timedelta(seconds=pause)
    waiting = item(nth=nth - 1, takeoverLimit=1_000)

    assert recover(waiting, NOW, failed(nth - 1, early), FakeTable(waiting)) is Recovered.PAUSED
    assert recover(waiting, NOW, failed(nth - 1, due), FakeTable(waiting)) is not Recovered.PAUSED


@pytest.mark.parametrize(("nth", "limit"), [(10, {}), (20, {"takeoverLimit": 20})])
def test_when_the_takeovers_are_exhausted_an_engineer_allows_ten_more_and_starts_the_next_at_once(nth, limit):
    exhausted = item(nth=nth, **limit)
    executions, table = failed(nth, timedelta(seconds=1)), FakeTable(exhausted)

    assert recover(exhausted, NOW, executions, table) is Recovered.EXHAUSTED
    assert (table.items[id_of(0)], executions.started) == (exhausted, [name_of(0, nth)])
    assert recover(exhausted, NOW, executions, table, rearm=True) is Recovered.TAKEN_OVER_REPEATEDLY
    assert table.items[id_of(0)] == item(nth=nth + 1, takeoverLimit=nth + 10)
    assert executions.started[-1] == name_of(0, nth + 1)


def test_an_engineer_changes_neither_limit_nor_pause_of_what_is_not_exhausted():
    table = FakeTable(item(nth=5))

    assert recover(item(nth=5), NOW, failed(5, timedelta(seconds=1)), table, rearm=True) is Recovered.PAUSED
    assert recover(item(nth=5), NOW, failed(5), table, rearm=True) is Recovered.TAKEN_OVER_REPEATEDLY
    assert "takeoverLimit" not in table.items[id_of(0)]


# ── A reported failure ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "verification_id"),
    [
        *((f"{ID}{suffix}", ID) for suffix in ("", "-cancel", "-r10")),
        *((name, None) for name in ("3f0f5a3e-90b2-4f54-8ed4-9cf5a2f7f6aa", f"{ID}r1", f"x{ID}", "")),
    ],
)
def test_an_executions_name_begins_with_its_verification_id(name, verification_id):
    assert verification_of(name) == verification_id


@pytest.mark.parametrize(
    ("name", "items"),
    [
        pytest.param(id_of(0), [item(nth=1)], id="the item names another execution"),
        pytest.param(id_of(0), [], id="no such verification"),
        pytest.param(id_of(0), [item(publishedAt="2026-11-23T10:01:00.000Z")], id="published"),
        pytest.param("of-somebody-else", [item()], id="an execution of somebody else"),
    ],
)
def test_there_is_nothing_to_do_for(name, items):
    executions, table = failed(), FakeTable(*items)

    assert recover_named(name, NOW, executions, table) is Recovered.NOTHING_TO_DO
    assert (executions.started, list(table.items.values())) == ([], items)


# ── The sweep ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def swept(executions: FakeExecutions, *items: dict) -> Sweep:
    """A sweep with time enough."""
    return sweep(NOW, lambda: 50, executions, FakeTable(*items))


def test_a_sweep_starts_what_never_ran_replaces_what_failed_and_leaves_what_runs():
    executions = FakeExecutions(**{id_of(1): NOW - HOUR, id_of(2): RUNNING, name_of(3, 1): NOW - timedelta(seconds=9)})

    seen = swept(executions, item(0), item(1), item(2), item(3, nth=1))

    recovered = {0: Recovered.RUNNING, 1: Recovered.TAKEN_OVER, 3: Recovered.PAUSED}
    assert seen.recovered == {id_of(number): result for number, result in recovered.items()}
    assert sorted(executions.started) == [id_of(0), name_of(1, 1)]
    assert (seen.open, seen.is_complete, seen.failures, seen.left) == (4, True, [], 0)


@pytest.mark.parametrize(("end", "started"), [(NOW - HOUR, [id_of(0), name_of(0, 1)]), (RUNNING, [id_of(0)])])
def test_an_execution_that_no_list_has_is_asked_for(end, started):
    executions = FakeExecutions(**{id_of(0): end})
    executions.lists_failed, executions.listed = False, set()

    assert swept(executions, item()).recovered == {id_of(0): Recovered.TAKEN_OVER if end else Recovered.RUNNING}
    assert executions.started == started


@pytest.mark.parametrize(("ago", "is_left"), [(29.9, True), (30.1, False)])
def test_a_sweep_ignores_what_was_put_in_the_last_half_minute(ago, is_left):
    seen = swept(FakeExecutions(), item(startedAt=iso_from(NOW - timedelta(seconds=ago))))

    assert (seen.recovered == {}) == is_left
    assert (seen.open, seen.left) == (1, 0)


@pytest.mark.parametrize(("past", "late"), [(29.9, 0), (30.1, 1)])
def test_a_verification_is_late_when_it_is_open_half_a_minute_after_its_deadline(past, late):
    deadline = iso_from(NOW - timedelta(seconds=past))

    assert swept(FakeExecutions(**{id_of(0): RUNNING}), item(openVerifications=deadline)).late == late


def test_a_sweep_recovers_several_at_once():
    all_there = threading.Barrier(WORKERS, timeout=5)

    class Waiting(FakeExecutions):
        def start(self, name, verification_id):
            all_there.wait()  # raises unless all workers wait at once
            return super().start(name, verification_id)

    assert len(swept(Waiting(), *map(item, range(WORKERS))).recovered) == WORKERS


def test_no_verification_is_always_the_last():
    def first() -> str:
        executions = FakeExecutions()
        swept(executions, *map(item, range(40)))
        return executions.started[0]

    # In order, it would be one of those that the workers begin with. At random it is one of these in all 20 sweeps once in 90
    # million runs.
    assert {first() for _ in range(20)} - set(map(id_of, range(WORKERS)))


# ── One failure is one verification's ─────────────────────────────────────────────────────────────────────────────────


def test_a_refused_call_leaves_the_others_recovered():
    class Throttled(FakeExecutions):
        def start(self, name, verification_id):
            self.refused = {"StartExecution"} if name == id_of(1) else set()
            return super().start(name, verification_id)

    seen = swept(Throttled(), item(0), item(1), item(2))

    assert set(seen.recovered) == {id_of(0), id_of(2)}
    assert seen.failures == [Failure("StartExecution: ThrottlingException", id_of(1))]
    assert seen.left == 0


def without(name: str) -> dict:
    return {key: value for key, value in item(1).items() if key != name}


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        pytest.param(without("executionName"), "KeyError", id="names no execution"),
        pytest.param(item(1, executionName=["x"]), "TypeError", id="names a list"),
        pytest.param(item(1, executionName="x"), "AssertionError", id="a defect of ours"),
        pytest.param(without("takeovers"), "KeyError", id="has no number of takeovers"),
        pytest.param(item(1, takeovers="many"), "ValueError", id="has a text for the number"),
        pytest.param(item(1, takeovers=-1_000), "IndexError", id="has a negative number"),
    ],
)
def test_an_item_with_wrong_values_fails_alone(wrong, error):
    seen = swept(FakeExecutions(**{id_of(1): NOW - HOUR}), item(0), wrong, item(2))

    assert set(seen.recovered) == {id_of(0), id_of(2)}
    assert seen.failures == [Failure(error, id_of(1))]


@pytest.mark.parametrize("started_at", [None, 5, "yesterday", "2026-11-23T10:00:00"])
def test_an_item_without_a_valid_start_is_recovered_with_the_others(started_at):
    executions = FakeExecutions(**{id_of(0): NOW - HOUR, id_of(1): NOW - HOUR})

    seen = swept(executions, item(0), item(1, startedAt=started_at))

    assert seen.recovered == dict.fromkeys(map(id_of, range(2)), Recovered.TAKEN_OVER)


# ── Lists that are cut short ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pages", [0, 1])
def test_a_refused_page_leaves_the_listed_verifications_recovered(pages):
    class NextPageRefused(FakeTable):
        def open_pages(self):
            yield from list(super().open_pages())[:pages]
            raise AwsUnavailable("Scan: ThrottlingException")

    seen = sweep(NOW, lambda: 50, FakeExecutions(), NextPageRefused(*map(item, range(40))))

    assert (seen.open, seen.is_complete, len(seen.recovered)) == (pages * PAGE, False, pages * PAGE)
    assert seen.failures == [Failure("Scan: ThrottlingException")]


def test_without_a_list_of_executions_each_is_asked_for():
    executions = FakeExecutions(**{id_of(0): RUNNING, id_of(1): NOW - HOUR})
    executions.refused = {"ListExecutions"}

    seen = swept(executions, item(0), item(1))

    assert seen.recovered == {id_of(0): Recovered.RUNNING, id_of(1): Recovered.TAKEN_OVER}
    assert (seen.open, seen.is_complete) == (2, True)
    assert set(seen.failures) == {Failure("ListExecutions: ThrottlingException")}


class StepFunctions:
    """Lists an execution that failed for each of the last 100 minutes, the latest first, one on a page."""

    def __init__(self) -> None:
        self.pages = 0

    def get_paginator(self, _):
        return self

    def paginate(self, **asked):
        for minutes in range(100 if asked["statusFilter"] == "FAILED" else 0):
            self.pages += 1
            at = {"startDate": NOW - timedelta(minutes=minutes), "stopDate": NOW}
            yield {"executions": [{"name": f"failed-{minutes}"} | at]}


def test_failed_executions_are_listed_no_further_back_than_asked():
    client = StepFunctions()

    pages = Executions(client, "arn").failed_pages(NOW - timedelta(minutes=2))  # pyright: ignore[reportArgumentType]

    assert list(pages) == [[(f"failed-{minutes}", NOW)] for minutes in range(3)] + [[]]
    assert client.pages == 4


def test_failed_executions_are_listed_as_far_back_as_the_oldest_that_is_not_running():
    executions = FakeExecutions(**{id_of(2): RUNNING})
    starts = ("2026-11-23T10:00:00.000Z", "2026-11-23T09:59:00.000Z", "2026-11-23T09:00:00.000Z")

    swept(executions, *(item(number, startedAt=started_at) for number, started_at in enumerate(starts)))

    assert executions.failed_since == datetime(2026, 11, 23, 9, 58, 30, tzinfo=UTC)


# ── Within its time ───────────────────────────────────────────────────────────────────────────────────────────────────


class Clock:
    """The function's time, in seconds. It passes when a fake says so."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        self.lock = threading.Lock()

    def pass_by(self, seconds: float) -> None:
        with self.lock:
            self.left -= seconds


def test_a_sweep_without_time_leaves_the_rest_to_the_next_one():
    clock = Clock(LISTING_RESERVE_SECONDS + 1)

    class Slow(FakeExecutions):
        def start(self, name, verification_id):
            clock.pass_by(1)
            return super().start(name, verification_id)

    seen = sweep(NOW, lambda: clock.left, Slow(), FakeTable(*map(item, range(40))))

    assert (seen.open, seen.is_complete) == (40, True)
    assert seen.left > 0
    assert len(seen.recovered) + seen.left == 40
    assert clock.left >= RESERVE_SECONDS - WORKERS


@pytest.mark.parametrize("slow", ["open", "running", "failed"])
def test_listing_ends_in_time_however_many_pages_there_are(slow):
    clock = Clock(50)

    def endless(*_: object) -> Any:
        while True:
            clock.pass_by(5)
            yield []

    executions, table = FakeExecutions(), FakeTable(item())
    setattr(table if slow == "open" else executions, f"{slow}_pages", endless)

    seen = sweep(NOW, lambda: clock.left, executions, table)

    assert clock.left > RESERVE_SECONDS
    assert seen.is_complete == (slow != "open")
    assert seen.recovered == ({} if slow == "open" else {id_of(0): Recovered.RUNNING})
