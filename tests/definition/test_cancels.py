"""Cancels on the second engine: a cancel that was answered with 200 is final."""

import pytest

from tests.definition.engine import CLICKED, CRASH, PENDING, SCHEDULE, End, Fault, Played

SEEN_AT_40 = ((0, PENDING), (33_000, CLICKED))


def test_a_cancel_settles_publishes_and_stops_the_execution_that_watched():
    played = Played(cancelled_at=(44_000,))

    assert (played.outcome, played.reason, played.counted) == ("CANCELLED", None, None)
    assert (played.executions, played.first.status, played.checks) == (["", "-cancel"], "ABORTED", SCHEDULE[:4])
    assert played.published_after < 45


def test_a_cancel_that_is_repeated_is_answered_the_same_and_does_nothing_more():
    played = Played(cancelled_at=(44_000, 44_005, 60_000))

    answers = [verification["outcome"] for _, who, verification in played.account.record.answers if who == "cancel"]

    assert answers == ["CANCELLED"] * 3
    assert played.executions == ["", "-cancel"]


def test_a_cancel_after_the_outcome_changes_nothing():
    played = Played(answers=((0, CLICKED),), cancelled_at=(60_000,))

    assert (played.outcome, played.executions) == ("LINK_CLICKED", [""])


def test_a_cancel_after_a_click_was_seen_and_before_it_was_recorded_carries_nothing_of_the_click():
    slow = Fault("Record Outcome", before_millis=5_000)

    played = Played(answers=SEEN_AT_40, cancelled_at=(42_000,), faults=(slow,))

    assert (played.outcome, played.checks[-1]) == ("CANCELLED", 40)
    assert [(detail["result"], detail["checks"]) for detail in played.events] == [(None, None)]


def test_a_watch_that_could_not_be_stopped_changes_nothing_and_publishes_what_stands():
    refused = Fault("cancel: StopExecution", error="ThrottlingException", takes_effect=False)

    played = Played(answers=SEEN_AT_40, cancelled_at=(22_000,), faults=(refused,))

    assert (played.outcome, played.first.status) == ("CANCELLED", "SUCCEEDED")
    assert played.first.entered_states[-2:] == ["Is It Settled?", "Nothing To Do"]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("cancel: StartExecution", error="ThrottlingException", takes_effect=False),
        Fault("cancel: UpdateItem", error=CRASH),
        Fault("cancel: StartExecution", error=CRASH),
    ],
    ids=["its start is refused", "it dies once it is written", "it dies once it is started"],
)
def test_a_cancel_that_is_not_finished_is_finished_by_the_sweep(fault):
    played = Played(cancelled_at=(44_000,), faults=(fault,))

    assert (played.outcome, played.executions) == ("CANCELLED", ["", "-cancel"])
    assert played.published_after < 61


def test_a_cancel_that_the_table_does_not_take_is_not_answered_and_the_watch_goes_on():
    refused = Fault("cancel: UpdateItem", error="ThrottlingException", takes_effect=False)

    played = Played(answers=SEEN_AT_40, cancelled_at=(22_000,), faults=(refused,))

    assert played.outcome == "LINK_CLICKED"
    assert not [who for _, who, _ in played.account.record.answers if who == "cancel"]


def test_an_execution_of_a_cancel_that_dies_is_taken_over_as_what_it_was():
    played = Played(cancelled_at=(44_000,), ends=(End("Publish Outcome"),))

    assert (played.outcome, played.executions) == ("CANCELLED", ["", "-cancel", "-r1"])


def test_a_cancel_of_what_is_taken_over_stops_the_takeover():
    played = Played(cancelled_at=(44_000,), ends=(End("Check Link", 2),))

    assert (played.executions, played.checks) == (["", "-r1", "-cancel"], [10, 20, 40])
    assert played.account.executions[played.item["verificationId"]["S"] + "-r1"].status == "ABORTED"
