"""The sweep: the rule of recovery, applied to all open verifications."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from linkwatch.aws_errors import AwsUnavailable
from linkwatch.executions import Executions
from linkwatch.model import iso_from
from linkwatch.recovery import LISTING_RESERVE_SECONDS, RESERVE_SECONDS, WORKERS, Failure, Recovered, Sweep, sweep
from tests.unit.fakes import ID, PAGE, RUNNING, FakeExecutions, FakeTable

NOW = datetime(2026, 11, 23, 10, 2, 0, tzinfo=UTC)
MINUTE_AGO = NOW - timedelta(minutes=1)


def id_of(number: int) -> str:
    return f"{ID[:-2]}{number:02}"


def item(number: int = 0, **more: object) -> dict:
    return {
        "verificationId": id_of(number),
        "executionName": id_of(number),
        "takeovers": 0,
        "startedAt": "2026-11-23T10:00:00.000Z",
        "openVerifications": "2026-11-23T10:05:00.000Z",
        **more,
    }


def swept(executions: FakeExecutions, *items: dict, rearm: bool = False) -> Sweep:
    """A sweep with time enough."""
    return sweep(NOW, lambda: 50, executions, FakeTable(*items), rearm=rearm)


# ── What it recovers ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sweep_starts_what_never_ran_replaces_what_failed_and_leaves_what_runs():
    executions = FakeExecutions(**{id_of(1): MINUTE_AGO, id_of(2): RUNNING})

    seen = swept(executions, item(0), item(1), item(2))

    assert seen.recovered == {id_of(0): Recovered.RUNNING, id_of(1): Recovered.TAKEN_OVER}
    assert sorted(executions.started) == [id_of(0), f"{id_of(1)}-r1"]
    assert (seen.open, seen.is_complete, seen.failures, seen.left) == (3, True, [], 0)


def test_a_failed_execution_that_is_not_listed_yet_is_replaced_too():
    executions = FakeExecutions(**{id_of(0): MINUTE_AGO})
    executions.lists_failed = False

    assert swept(executions, item()).recovered == {id_of(0): Recovered.TAKEN_OVER}
    assert executions.started == [id_of(0), f"{id_of(0)}-r1"]


def test_an_execution_does_not_count_as_failed_because_no_list_has_it():
    executions = FakeExecutions(**{id_of(0): RUNNING})
    executions.listed = set()

    assert swept(executions, item()).recovered == {id_of(0): Recovered.RUNNING}
    assert executions.started == [id_of(0)]


def test_the_pauses_apply_to_a_listed_failure():
    second = item(executionName=f"{id_of(0)}-r1", takeovers=1)
    executions = FakeExecutions(**{f"{id_of(0)}-r1": NOW - timedelta(seconds=9)})

    assert swept(executions, second).recovered == {id_of(0): Recovered.PAUSED}


def test_a_sweep_continues_exhausted_verifications_only_when_an_engineer_says_so():
    exhausted = item(takeovers=10, executionName=f"{id_of(0)}-r10")
    executions = FakeExecutions(**{f"{id_of(0)}-r10": NOW - timedelta(hours=1)})

    assert swept(executions, exhausted).recovered == {id_of(0): Recovered.EXHAUSTED}
    assert swept(executions, exhausted, rearm=True).recovered == {id_of(0): Recovered.TAKEN_OVER_REPEATEDLY}


@pytest.mark.parametrize(("ago", "is_left"), [(29.9, True), (30.1, False)])
def test_a_sweep_ignores_what_was_put_in_the_last_half_minute(ago, is_left):
    started_at = iso_from(NOW - timedelta(seconds=ago))

    seen = swept(FakeExecutions(), item(startedAt=started_at))

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
            if name == id_of(1):
                raise AwsUnavailable("StartExecution: ThrottlingException")
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
    executions = FakeExecutions(**{id_of(1): MINUTE_AGO})

    seen = swept(executions, item(0), wrong, item(2))

    assert set(seen.recovered) == {id_of(0), id_of(2)}
    assert seen.failures == [Failure(error, id_of(1))]


@pytest.mark.parametrize("started_at", [None, 5, "yesterday", "2026-11-23T10:00:00"])
def test_an_item_without_a_valid_start_is_recovered_with_the_others(started_at):
    executions = FakeExecutions(**{id_of(0): MINUTE_AGO, id_of(1): MINUTE_AGO})

    seen = swept(executions, item(0), item(1, startedAt=started_at))

    assert seen.recovered == dict.fromkeys(map(id_of, range(2)), Recovered.TAKEN_OVER)


# ── Lists that are cut short ──────────────────────────────────────────────────────────────────────────────────────────


def test_without_the_first_page_of_open_verifications_nothing_is_known():
    executions, table = FakeExecutions(), FakeTable(item())
    table.refused = {"Scan"}

    seen = sweep(NOW, lambda: 50, executions, table)

    assert (seen.open, seen.is_complete, executions.started) == (0, False, [])
    assert seen.failures == [Failure("Scan: ThrottlingException")]


def test_a_refused_page_leaves_the_listed_verifications_recovered():
    class SecondPageRefused(FakeTable):
        def open_pages(self):
            yield next(super().open_pages())
            raise AwsUnavailable("Scan: ThrottlingException")

    seen = sweep(NOW, lambda: 50, FakeExecutions(), SecondPageRefused(*map(item, range(40))))

    assert (seen.open, seen.is_complete, len(seen.recovered)) == (PAGE, False, PAGE)
    assert seen.failures == [Failure("Scan: ThrottlingException")]


def test_without_a_list_of_executions_each_is_asked_for():
    executions = FakeExecutions(**{id_of(0): RUNNING, id_of(1): MINUTE_AGO})
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

    swept(
        executions,
        item(0),
        item(1, startedAt="2026-11-23T09:59:00.000Z"),
        item(2, startedAt="2026-11-23T09:00:00.000Z"),
    )

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

    def endless(entry):
        while True:
            clock.pass_by(5)
            yield entry

    class ManyOpen(FakeTable):
        def open_pages(self) -> Any:
            return endless([]) if slow == "open" else super().open_pages()

    class ManyExecutions(FakeExecutions):
        def running_pages(self) -> Any:
            return endless([]) if slow == "running" else super().running_pages()

        def failed_pages(self, since) -> Any:
            return endless([]) if slow == "failed" else super().failed_pages(since)

    seen = sweep(NOW, lambda: clock.left, ManyExecutions(), ManyOpen(item()))

    assert clock.left > RESERVE_SECONDS
    assert seen.is_complete == (slow != "open")
    assert seen.recovered == ({} if slow == "open" else {id_of(0): Recovered.RUNNING})
