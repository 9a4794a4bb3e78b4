"""Recovery, through its handler: what a status event or a sweep does, answers, counts, logs and raises."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from linkwatch import recovery
from linkwatch.aws_errors import AwsUnavailable
from linkwatch.model import iso_from
from tests.sample_events import event
from tests.unit.fake_aws import Context, Function

NOW = datetime(2026, 11, 23, 10, 10, 0, tzinfo=UTC)
STARTED_AT = NOW - timedelta(minutes=10)
HOUR = timedelta(hours=1)
ABORTED, SWEEP = event("recover-unfinished-aborted"), event("recover-unfinished-sweep")


def id_of(number: int) -> str:
    return f"{'a' * 24}-{number:024}"


ID = id_of(0)


def name_of(number: int, nth: int = 0) -> str:
    """The execution of the nth takeover; of none: the first."""
    return f"{id_of(number)}-r{nth}" if nth else id_of(number)


def item(number: int = 0, nth: int = 0, **changes: str | int | None) -> dict[str, Any]:
    """An open item after nth takeovers, past its deadline. None removes an attribute."""
    values: dict[str, str | int | None] = {
        "verificationId": id_of(number),
        "executionName": name_of(number, nth),
        "takeovers": nth,
        "startedAt": iso_from(STARTED_AT),
        "openVerifications": "2026-11-23T10:05:00.000Z",
        **changes,
    }
    return {name: {"N" if type(it) is int else "S": str(it)} for name, it in values.items() if it is not None}


def execution(name: str = ID, status: str = "ABORTED", ago: timedelta = HOUR) -> dict[str, dict[str, Any]]:
    """An execution that started with its item and ended that long ago, by its name."""
    end = {} if status == "RUNNING" else {"stopDate": (NOW - ago).timestamp()}
    given = json.dumps({"verificationId": name[: len(ID)]})
    return {name: {"status": status, "input": given, "startDate": STARTED_AT.timestamp(), **end}}


class Recovery(Function):
    """The handler, and the account in which it finds what a test has put there."""

    def __init__(self, aws, capsys) -> None:
        super().__init__("recover_unfinished", capsys)
        self._aws = aws

    def given(self, *items: dict[str, Any], **executions: dict[str, Any]) -> None:
        for each in items:
            self._aws.table.store(each)
        self._aws.executions |= executions

    def report_failure(self, name: str = ID) -> None:
        self(ABORTED | {"detail": ABORTED["detail"] | {"name": name}})

    def sweep(self, context: Context | None = None, **more: bool) -> dict[str, int]:
        """Returns the counts that are not 0."""
        counts = self(SWEEP | more, context)
        return {name: count for name, count in counts.items() if count}


@pytest.fixture
def recover(aws, capsys):
    with time_machine.travel(NOW, tick=False):
        yield Recovery(aws, capsys)


# ── A status event ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reported_failure_is_taken_over_with_the_calls_that_the_reserve_counts_with(recover, aws):
    recover.given(item(), **execution())

    recover.report_failure()

    assert aws.table.items[ID] == item(nth=1)
    assert json.loads(aws.executions[name_of(0, 1)]["input"]) == {"verificationId": ID}
    assert recover.metrics == {"Takeovers": 1}
    [line] = recover.logged("WARNING")
    assert (line["verificationId"], line["result"]) == (ID, "taken over")
    assert aws.called == ["GetItem", "StartExecution", "DescribeExecution", "UpdateItem", "StartExecution"]
    assert len(aws.called[1:]) == recovery.CALLS_FOR_AN_ITEM


@pytest.mark.parametrize(
    ("status", "suffix", "is_taken_over"),
    [
        ("FAILED", "", True),
        ("TIMED_OUT", "-cancel", True),
        ("ABORTED", "-r1", True),
        ("SUCCEEDED", "", True),
        ("PENDING_REDRIVE", "", False),
        ("RUNNING", "", False),
    ],
)
def test_an_execution_counts_as_failed_when_step_functions_says_that_it_has_ended(
    status, suffix, is_taken_over, recover, aws
):
    recover.given(item(executionName=f"{ID}{suffix}", takeovers=1), **execution(f"{ID}{suffix}", status))

    recover.report_failure(f"{ID}{suffix}")

    assert (name_of(0, 2) in aws.executions) == is_taken_over


@pytest.mark.parametrize("refused", ["GetItem", "StartExecution", "DescribeExecution", "UpdateItem"])
def test_a_status_event_raises_and_changes_nothing_where_aws_refuses(refused, recover, aws):
    recover.given(item(), **execution())
    aws.refused = {refused}

    with pytest.raises(AwsUnavailable, match=f"{refused}: AccessDeniedException"):
        recover.report_failure()

    assert aws.table.items[ID] == item()


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        pytest.param(ID, item(nth=1), id="the item names another execution"),
        pytest.param(ID, item(1), id="no such verification"),
        pytest.param(ID, item(publishedAt="2026-11-23T10:01:00.000Z"), id="published"),
        pytest.param(f"x{ID}", item(), id="an execution of somebody else"),
    ],
)
def test_there_is_nothing_to_do_for(name, stored, recover, aws, recwarn):
    recover.given(stored)

    recover.report_failure(name)

    assert (list(aws.table.items.values()), aws.executions, recover.metrics) == ([stored], {}, {})
    assert not recwarn.list, "Powertools warns where there is no metric to publish"


# ── Takeover ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("changed", [{"executionName": name_of(0, 1)}, {"publishedAt": "2026-11-23T10:01:59.000Z"}])
def test_an_item_that_changes_meanwhile_is_not_taken_over(changed, recover, aws):
    def change(operation: str, _: object) -> bool:
        if operation == "UpdateItem":
            aws.table.store(item(**changed))
        return False

    recover.given(item(), **execution())
    aws.refuses = change

    assert recover.sweep() == {"open": 1, "late": 1, "nothing_to_do": 1}
    assert (aws.table.items[ID], aws.executions) == (item(**changed), execution())


@pytest.mark.parametrize(("nth", "pause"), [*enumerate([0, 10, 20, 40, 80, 160, 320, 600, 600, 600], start=1)])
def test_a_takeover_waits_until_its_pause_is_over(nth, pause, recover):
    name, pause = name_of(0, nth - 1), timedelta(seconds=pause)
    recover.given(item(nth=nth - 1), **execution(name, ago=pause - timedelta(seconds=0.001)))

    assert recover.sweep() == {"open": 1, "late": 1, "paused": 1}
    recover.given(**execution(name, ago=pause))
    assert recover.sweep() == {"open": 1, "late": 1, "taken_over" if nth < 3 else "taken_over_repeatedly": 1}
    repeated = {} if nth < 3 else {"TakeoversRepeated": 1}
    assert recover.metrics == {"OpenVerifications": 1, "OpenPastDeadline": 1, "Takeovers": 1} | repeated


@pytest.mark.parametrize(
    ("exhausted", "status", "limit"),
    [
        pytest.param(item(0, nth=10), "ABORTED", 20, id="listed"),
        pytest.param(item(0, nth=20, takeoverLimit=20), "SUCCEEDED", 30, id="not listed, for the second time"),
    ],
)
def test_an_engineer_allows_ten_more_takeovers_at_once_and_only_where_they_are_exhausted(
    exhausted, status, limit, recover, aws
):
    recover.given(exhausted, **execution(name_of(0, limit - 10), status, ago=timedelta(seconds=1)))
    assert recover.sweep() == {"open": 1, "late": 1, "exhausted": 1}
    assert recover.metrics == {"OpenVerifications": 1, "OpenPastDeadline": 1, "TakeoversExhausted": 1}
    recover.given(item(1, nth=5), **execution(name_of(1, 5), ago=timedelta(seconds=1)))
    recover.given(item(2, nth=5), **execution(name_of(2, 5)))

    recover.sweep(rearm=True)

    again = item(0, nth=limit - 9, takeoverLimit=limit)
    assert list(aws.table.items.values()) == [again, item(1, nth=5), item(2, nth=6)]
    running = {name for name, it in aws.executions.items() if it["status"] == "RUNNING"}
    assert running == {name_of(0, limit - 9), name_of(2, 6)}


# ── A sweep ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sweep_that_finds_nothing_publishes_zeros(recover):
    assert recover.sweep() == {}
    assert recover.metrics == {"OpenVerifications": 0, "OpenPastDeadline": 0}


def test_a_sweep_starts_what_never_ran_replaces_what_failed_and_leaves_what_runs(recover, aws):
    aws.page = 1
    recover.given(*map(item, range(3)), item(3, nth=1))
    recover.given(**execution(id_of(1)), **execution(id_of(2), "RUNNING"))
    recover.given(**execution(name_of(3, 1), ago=timedelta(seconds=9)))

    counts = recover.sweep()

    assert counts == {"open": 4, "late": 4, "running": 1, "taken_over": 1, "paused": 1}
    [line] = recover.logged("INFO")
    assert line.items() >= {"message": "Swept", "isComplete": True, "failed": 0, "left": 0, **counts}.items()
    running = {name for name, it in aws.executions.items() if it["status"] == "RUNNING"}
    assert running == {id_of(0), name_of(1, 1), id_of(2)}
    assert (aws.called.count("StartExecution"), aws.called.count("DescribeExecution")) == (2, 0)


@pytest.mark.parametrize(("ago", "started"), [(30, []), (30.001, [ID])])
def test_a_sweep_ignores_what_was_put_in_the_last_half_minute(ago, started, recover, aws):
    recover.given(item(startedAt=iso_from(NOW - timedelta(seconds=ago))))

    assert recover.sweep()["open"] == 1
    assert list(aws.executions) == started


@pytest.mark.parametrize(("past", "late"), [(30, {}), (30.001, {"late": 1})])
def test_a_verification_is_late_when_it_is_open_half_a_minute_after_its_deadline(past, late, recover):
    deadline = iso_from(NOW - timedelta(seconds=past))
    recover.given(item(openVerifications=deadline), **execution(status="RUNNING"))

    assert recover.sweep() == {"open": 1} | late


def test_a_sweep_recovers_several_at_once(recover, aws):
    at_once = 16  # what gets a sweep through 20,000 in its minute (benchmarks/capacity.py)
    all_there = threading.Barrier(at_once, timeout=5)

    def wait(operation: str, _: object) -> bool:
        return operation == "StartExecution" and all_there.wait() < 0  # raises unless all workers wait at once

    aws.refuses = wait
    recover.given(*map(item, range(at_once)))

    assert recover.sweep()["running"] == at_once


def test_a_sweep_recovers_in_random_order(recover, aws):
    recover.given(*map(item, range(100)))

    recover.sweep()

    # In order, the tenth start would be at most that of the 26th item. At random, all ten are of these once in 3 million runs.
    assert not set(list(aws.executions)[:10]) <= set(map(id_of, range(10 + recovery.WORKERS)))


# ── One failure is one verification's ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        pytest.param({}, "StartExecution: AccessDeniedException", id="a call is refused"),
        pytest.param({"executionName": None}, "KeyError", id="it names no execution"),
        pytest.param({"takeovers": "of +15550001111"}, "ValueError", id="an error of ours quotes it"),
    ],
)
def test_a_sweep_that_fails_for_one_recovers_the_others_and_raises_after_it_has_reported(wrong, error, recover, aws):
    recover.given(item(0), item(1, **wrong), item(2))
    recover.given(**execution(id_of(1)) if wrong else {})
    aws.refuses = lambda operation, asked: operation == "StartExecution" and asked["name"] == id_of(1)

    with pytest.raises(Exception, match=f"1 failures, the first: {error}"):
        recover.sweep()

    assert {id_of(0), id_of(2)} <= set(aws.executions)
    assert recover.metrics == {"OpenVerifications": 3, "OpenPastDeadline": 3}
    [line] = recover.logged("ERROR")
    assert (line["error"], line["count"], line["verificationIds"]) == (error, 1, [id_of(1)])
    assert "+15550001111" not in str(recover.lines)


def test_items_without_a_valid_start_are_recovered_with_the_others(recover):
    for number, started_at in enumerate(["2026-11-23T10:00:00.000Z", None, 5, "yesterday", "2026-11-23T10:00:00"]):
        recover.given(item(number, startedAt=started_at), **execution(id_of(number)))

    assert recover.sweep() == {"open": 5, "late": 5, "taken_over": 5}


# ── Lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("pages", "metrics"), [(0, {}), (1, {"OpenVerifications": 20, "OpenPastDeadline": 20})])
def test_a_refused_page_leaves_what_was_listed_recovered_and_publishes_no_zero(pages, metrics, recover, aws):
    recover.given(*map(item, range(40)))
    aws.page = 20
    aws.refuses = lambda operation, _: operation == "Scan" and aws.called.count("Scan") > pages

    with pytest.raises(Exception, match="1 failures, the first: Scan: AccessDeniedException"):
        recover.sweep()

    assert (len(aws.executions), recover.metrics) == (20 * pages, metrics)


def test_without_a_list_of_executions_each_is_asked_for(recover, aws):
    recover.given(item(0), item(1), **execution(id_of(0), "RUNNING"), **execution(id_of(1)))
    aws.refused = {"ListExecutions"}

    with pytest.raises(Exception, match="2 failures, the first: ListExecutions: AccessDeniedException"):
        recover.sweep()

    assert set(aws.executions) == {id_of(0), id_of(1), name_of(1, 1)}


def test_failed_executions_are_listed_as_far_back_as_the_oldest_that_is_not_running(recover, aws):
    aws.page = 1
    for number in range(120):
        started_at = NOW - timedelta(minutes=number / 2)
        recover.given(**{f"failed-{number}": execution()[ID] | {"startDate": started_at.timestamp()}})
    for number, minutes in enumerate((1, 9, 50)):
        recover.given(item(number, startedAt=iso_from(NOW - timedelta(minutes=minutes))))
    recover.given(**execution(id_of(2), "RUNNING"))

    recover.sweep()

    # The running one, those of 0 to 9.5 minutes ago and the next one, and two lists without any.
    assert aws.called.count("ListExecutions") == 1 + 21 + 2


# ── Within its time ───────────────────────────────────────────────────────────────────────────────────────────────────


def passing(context: Context, operation: str, seconds: float) -> Any:
    """Has each call of an operation take as long."""

    def call(called: str, _: object) -> bool:
        context.remaining_millis -= round(seconds * 1_000) if called == operation else 0
        return False

    return call


def test_a_sweep_without_time_leaves_the_rest_to_the_next_one(recover, aws):
    recover.given(*map(item, range(40)))
    context = Context(1_000 * (recovery.LISTING_RESERVE_SECONDS + 1))
    aws.refuses = passing(context, "StartExecution", 1)

    counts = recover.sweep(context)

    assert counts["left"] > 0
    assert counts["running"] + counts["left"] == counts["open"] == 40
    assert context.remaining_millis >= 1_000 * (recovery.RESERVE_SECONDS - recovery.WORKERS)


@pytest.mark.parametrize(("seconds", "listed"), [(recovery.LISTING_RESERVE_SECONDS, 0), (50, 4)])
def test_a_sweep_without_the_time_to_list_all_recovers_what_it_has_listed_and_raises(seconds, listed, recover, aws):
    aws.page = 1
    recover.given(*map(item, range(10)))
    context = Context(1_000 * seconds)
    aws.refuses = passing(context, "Scan", 5)

    with pytest.raises(Exception, match="no time to list all open verifications"):
        recover.sweep(context)

    assert (len(aws.executions), aws.called.count("Scan")) == (listed, listed)


@pytest.mark.parametrize("status", ["RUNNING", "FAILED"])
def test_a_long_list_of_executions_leaves_time_to_recover(status, recover, aws):
    aws.page = 1
    recover.given(item())
    for number in range(10):
        recover.given(**{f"other-{number}": execution(status=status)[ID] | {"startDate": NOW.timestamp()}})
    context = Context()
    aws.refuses = passing(context, "ListExecutions", 5)

    assert recover.sweep(context) == {"open": 1, "late": 1, "running": 1}
    assert context.remaining_millis > 1_000 * recovery.RESERVE_SECONDS
