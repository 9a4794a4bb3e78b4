"""Cancels: one that was answered with 200 is final."""

import pytest

from tests.definition.engine import CLICKED, CRASH, HANG, PENDING, SCHEDULE, End, Fault, Played

CLICKED_AT_33 = ((0, PENDING), (33_000, CLICKED))


def test_a_cancel_settles_publishes_and_stops_the_execution():
    played = Played(cancelled_at=(44_000,))

    assert (played.outcome, played.reason, played.counted) == ("CANCELLED", None, None)
    assert (played.executions, played.first.status, played.checks) == (["", "-cancel"], "ABORTED", SCHEDULE[:4])
    assert played.published_after < 45


@pytest.mark.parametrize("at", [15, 45, 70, 90], ids=lambda at: f"{at} ms after the start")
def test_a_cancel_right_after_the_start_is_published_once(at):
    refused = Fault("cancel: StopExecution", error="AccessDeniedException", takes_effect=False)

    played = Played(cancelled_at=(at,), faults=(refused,))

    assert [detail["outcome"] for detail in played.events] == ["CANCELLED"]


def test_a_repeated_cancel_gets_the_same_answer_and_does_nothing_more():
    played = Played(cancelled_at=(44_000, 44_005, 60_000))

    answers = [verification["outcome"] for _, who, verification in played.account.record.answers if who == "cancel"]

    assert answers == ["CANCELLED"] * 3
    assert played.executions == ["", "-cancel"]


def test_a_cancel_after_the_outcome_changes_nothing():
    played = Played(answers=((0, CLICKED),), cancelled_at=(60_000,))

    assert (played.outcome, played.executions) == ("LINK_CLICKED", [""])


def test_a_cancel_between_a_click_and_its_record_carries_nothing_of_the_click():
    slow = Fault("Record Outcome", before_millis=5_000)

    played = Played(answers=CLICKED_AT_33, cancelled_at=(42_000,), faults=(slow,))

    assert (played.outcome, played.checks[-1]) == ("CANCELLED", 40)
    assert [(detail["result"], detail["checks"]) for detail in played.events] == [(None, None)]


@pytest.mark.parametrize("error", ["AccessDeniedException", HANG])
def test_an_execution_that_a_cancel_could_not_stop_changes_nothing(error):
    refused = Fault("cancel: StopExecution", error=error, takes_effect=False)

    played = Played(answers=CLICKED_AT_33, cancelled_at=(22_000,), faults=(refused,))

    assert (played.outcome, played.first.status) == ("CANCELLED", "SUCCEEDED")
    assert played.first.entered_states[-2:] == ("Is It Settled?", "Nothing To Do")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("cancel: StartExecution", error="AccessDeniedException", takes_effect=False),
        Fault("cancel: StartExecution", error=HANG, takes_effect=False),
        Fault("cancel: UpdateItem", error=CRASH),
        Fault("cancel: StartExecution", error=CRASH),
    ],
    ids=["its start is refused", "its start hangs", "it crashes after its write", "it crashes after its start"],
)
def test_the_sweep_finishes_an_unfinished_cancel(fault):
    played = Played(cancelled_at=(44_000,), faults=(fault,))

    assert (played.outcome, played.executions) == ("CANCELLED", ["", "-cancel"])
    assert played.published_after < 61


@pytest.mark.parametrize("error", ["AccessDeniedException", HANG])
def test_a_cancel_that_the_table_refuses_is_not_confirmed(error):
    refused = Fault("cancel: UpdateItem", error=error, takes_effect=False)

    played = Played(answers=CLICKED_AT_33, cancelled_at=(22_000,), faults=(refused,))

    assert played.outcome == "LINK_CLICKED"
    assert not [who for _, who, _ in played.account.record.answers if who == "cancel"]


def test_the_execution_of_a_cancel_is_taken_over_when_it_fails():
    played = Played(cancelled_at=(44_000,), ends=(End("Publish Outcome"),))

    assert (played.outcome, played.executions) == ("CANCELLED", ["", "-cancel", "-r1"])


def test_a_cancel_stops_a_takeover():
    played = Played(cancelled_at=(44_000,), ends=(End("Check Link", 2),))

    assert (played.executions, played.checks) == (["", "-r1", "-cancel"], [10, 20, 40])
    assert played.account.executions[played.item["verificationId"]["S"] + "-r1"].status == "ABORTED"
