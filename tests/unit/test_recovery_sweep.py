"""The sweep: the one rule for all open verifications at once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from linkwatch.aws_errors import AwsUnavailable
from linkwatch.model import iso_from
from linkwatch.recovery import WORKERS, Recovered, sweep
from tests.unit.fakes import ID, RUNNING, FakeExecutions, FakeTable

NOW = datetime(2026, 11, 23, 10, 2, 0, tzinfo=UTC)


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


def always() -> bool:
    return True


def test_a_sweep_starts_what_never_ran_takes_over_what_died_and_leaves_what_runs():
    executions = FakeExecutions(**{id_of(1): NOW - timedelta(minutes=1), id_of(2): RUNNING})

    swept = sweep(NOW, always, executions, FakeTable(item(0), item(1), item(2)))

    assert swept.recovered == {id_of(0): Recovered.RUNNING, id_of(1): Recovered.TAKEN_OVER}
    assert sorted(executions.started) == [id_of(0), id_of(1), f"{id_of(1)}-r1"]
    assert (swept.open, swept.failures, swept.left) == (3, [], 0)


def test_a_sweep_believes_nothing_dead_because_a_list_lacks_it():
    executions, table = FakeExecutions(**{id_of(0): RUNNING}), FakeTable(item())
    executions.listed = set()

    assert sweep(NOW, always, executions, table).recovered == {id_of(0): Recovered.RUNNING}
    assert table.items[id_of(0)] == item()


@pytest.mark.parametrize(("ago", "is_left"), [(29.9, True), (30.1, False)])
def test_a_sweep_leaves_alone_what_was_started_in_the_last_half_minute(ago, is_left):
    started_at = iso_from(NOW - timedelta(seconds=ago))

    swept = sweep(NOW, always, FakeExecutions(), FakeTable(item(startedAt=started_at)))

    assert (swept.recovered == {}) == is_left
    assert (swept.open, swept.left) == (1, 0)


@pytest.mark.parametrize(("past", "late"), [(29.9, 0), (30.1, 1)])
def test_what_is_open_half_a_minute_after_its_deadline_is_late(past, late):
    deadline = iso_from(NOW - timedelta(seconds=past))

    swept = sweep(NOW, always, FakeExecutions(**{id_of(0): RUNNING}), FakeTable(item(openVerifications=deadline)))

    assert swept.late == late


def test_a_failure_of_one_leaves_the_others_recovered():
    class Throttled(FakeExecutions):
        def start(self, name, verification_id):
            if name == id_of(1):
                raise AwsUnavailable("StartExecution: ThrottlingException")
            return super().start(name, verification_id)

    swept = sweep(NOW, always, Throttled(), FakeTable(item(0), item(1), item(2)))

    assert set(swept.recovered) == {id_of(0), id_of(2)}
    assert [str(failure) for failure in swept.failures] == ["StartExecution: ThrottlingException"]
    assert swept.left == 0


def test_a_sweep_without_time_leaves_the_rest_to_the_next_one():
    times = iter([True] * 3 + [False] * 37)
    lock = threading.Lock()

    def has_time() -> bool:
        with lock:
            return next(times)

    executions = FakeExecutions()

    swept = sweep(NOW, has_time, executions, FakeTable(*map(item, range(40))))

    assert (swept.open, len(swept.recovered), swept.left, len(executions.started)) == (40, 3, 37, 3)


def test_a_sweep_recovers_several_at_once():
    all_there = threading.Barrier(WORKERS, timeout=5)

    class Waiting(FakeExecutions):
        def start(self, name, verification_id):
            all_there.wait()  # breaks unless as many as there are workers wait
            return super().start(name, verification_id)

    swept = sweep(NOW, always, Waiting(), FakeTable(*map(item, range(WORKERS))))

    assert len(swept.recovered) == WORKERS


def test_no_verification_is_always_the_last():
    def first() -> str:
        executions = FakeExecutions()
        sweep(NOW, always, executions, FakeTable(*map(item, range(40))))
        return executions.started[0]

    # In order, it would be one of those that the workers begin with. By chance it is so 20 times in a row once in 90 million.
    assert {first() for _ in range(20)} - set(map(id_of, range(WORKERS)))


def test_a_sweep_rearms_what_was_given_up_only_when_it_is_told_to():
    given_up = item(takeovers=10, executionName=f"{id_of(0)}-r10")
    executions = FakeExecutions(**{f"{id_of(0)}-r10": NOW - timedelta(hours=1)})

    assert sweep(NOW, always, executions, FakeTable(given_up)).recovered == {id_of(0): Recovered.EXHAUSTED}
    assert sweep(NOW, always, executions, FakeTable(given_up), rearm=True).recovered == {
        id_of(0): Recovered.TAKEN_OVER_REPEATEDLY
    }


@pytest.mark.parametrize(("described", "lists"), [(1, True), (2, False)])
def test_a_sweep_with_many_to_recover_lists_the_dead_and_takes_them_over_without_asking_for_each(described, lists):
    executions = FakeExecutions(**{id_of(0): NOW - timedelta(minutes=1), id_of(1): NOW - timedelta(minutes=1)})
    table = FakeTable(item(0), item(1, startedAt="2026-11-23T09:59:00.000Z"))

    swept = sweep(NOW, always, executions, table, described=described)

    assert swept.recovered == dict.fromkeys(map(id_of, range(2)), Recovered.TAKEN_OVER)
    assert (executions.died_since == datetime(2026, 11, 23, 9, 58, 30, tzinfo=UTC)) == lists
    assert (len(executions.started) == 2) == lists


def test_a_sweep_that_lists_the_dead_keeps_the_pauses_too():
    second = item(executionName=f"{id_of(0)}-r1", takeovers=1)
    executions = FakeExecutions(**{f"{id_of(0)}-r1": NOW - timedelta(seconds=9)})

    swept = sweep(NOW, always, executions, FakeTable(second), described=0)

    assert swept.recovered == {id_of(0): Recovered.PAUSED}


def test_a_sweep_that_lists_the_dead_rearms_too():
    given_up = item(takeovers=10, executionName=f"{id_of(0)}-r10")
    executions = FakeExecutions(**{f"{id_of(0)}-r10": NOW - timedelta(hours=1)})

    swept = sweep(NOW, always, executions, FakeTable(given_up), rearm=True, described=0)

    assert swept.recovered == {id_of(0): Recovered.TAKEN_OVER_REPEATEDLY}


@pytest.mark.parametrize("call", ["Scan", "ListExecutions"])
def test_a_sweep_that_cannot_list_recovers_nothing(call):
    executions, table = FakeExecutions(), FakeTable(item())
    executions.refused = table.refused = {call}

    with pytest.raises(AwsUnavailable):
        sweep(NOW, always, executions, table)

    assert executions.started == []
