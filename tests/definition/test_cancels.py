"""Cancels: one that was answered with 200 is final."""

import pytest

from tests.definition.engine.account import ID
from tests.definition.engine.played import CLICKED, PENDING, SCHEDULE, Played
from tests.definition.engine.scenario import CRASH, HANG, End, Fault

CLICKED_AT_33 = ((0, PENDING), (33_000, CLICKED))


def fails(call, error="AccessDeniedException", *, takes_effect=False):
    return (Fault(f"cancel: {call}", error=error, takes_effect=takes_effect),)


def test_a_cancel_settles_publishes_and_stops_the_execution_and_may_be_repeated():
    played = Played(cancelled_at=(44_000, 44_005, 60_000))

    assert (played.outcome, played.reason, played.counted) == ("CANCELLED", None, None)
    assert (played.executions, played.first.status, played.checks) == (["", "-cancel"], "ABORTED", SCHEDULE[:4])
    assert played.published_after < 45
    answered = [verification["outcome"] for _, who, verification in played.account.answers if who == "cancel"]
    assert answered == ["CANCELLED"] * 3


@pytest.mark.parametrize("at", [15, 70], ids=lambda at: f"{at} ms after the start")
def test_a_cancel_right_after_the_start_is_published_once(at):
    played = Played(cancelled_at=(at,), faults=fails("StopExecution"))

    assert [detail["outcome"] for detail in played.events] == ["CANCELLED"]


def test_a_cancel_after_the_outcome_changes_nothing():
    played = Played(answers=((0, CLICKED),), cancelled_at=(60_000,))

    assert (played.outcome, played.executions) == ("LINK_CLICKED", [""])


def test_a_cancel_between_a_click_and_its_record_carries_nothing_of_the_click():
    slow = Fault("Record Outcome", before_millis=5_000)

    played = Played(answers=CLICKED_AT_33, cancelled_at=(42_000,), faults=(slow,))

    assert (played.outcome, played.checks[-1]) == ("CANCELLED", 40)
    assert [(detail["result"], detail["checks"]) for detail in played.events] == [(None, None)]


def test_an_execution_that_a_cancel_could_not_stop_changes_nothing():
    played = Played(answers=CLICKED_AT_33, cancelled_at=(22_000,), faults=fails("StopExecution", HANG))

    assert (played.outcome, played.first.status) == ("CANCELLED", "SUCCEEDED")
    assert played.first.entered_states[-2:] == ("Is It Settled?", "Nothing To Do")


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(fails("StartExecution"), id="its start is refused"),
        pytest.param(fails("UpdateItem", CRASH, takes_effect=True), id="it crashes after its write"),
    ],
)
def test_the_sweep_finishes_an_unfinished_cancel(faults):
    played = Played(cancelled_at=(44_000,), faults=faults)

    assert (played.outcome, played.executions) == ("CANCELLED", ["", "-cancel"])
    assert played.published_after < 61


def test_a_cancel_that_the_table_refuses_is_not_confirmed():
    played = Played(answers=CLICKED_AT_33, cancelled_at=(22_000,), faults=fails("UpdateItem"))

    assert played.outcome == "LINK_CLICKED"
    assert not [who for _, who, _ in played.account.answers if who == "cancel"]


def test_the_execution_of_a_cancel_is_taken_over_when_it_fails():
    played = Played(cancelled_at=(44_000,), ends=(End("Publish Outcome"),))

    assert (played.outcome, played.executions) == ("CANCELLED", ["", "-cancel", "-r1"])


def test_a_cancel_stops_a_takeover():
    played = Played(cancelled_at=(44_000,), ends=(End("Check Link", 2),))

    assert (played.executions, played.checks) == (["", "-r1", "-cancel"], [10, 20, 40])
    assert played.account.executions[f"{ID}-r1"].status == "ABORTED"
