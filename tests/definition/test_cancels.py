"""Cancels: one that was answered with 200 is final."""

import pytest

from tests.definition.engine.scenario import CRASH, HANG, End, Fault
from tests.definition.engine.world import CLICKED, PENDING, SCHEDULE, Played

CLICKED_AT_70 = ((0, PENDING), (70_000, CLICKED))


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


def test_a_cancel_between_a_click_and_its_record_carries_nothing_of_the_click():
    played = Played(
        answers=((0, CLICKED),), cancelled_at=(12_000,), faults=(Fault("Record Outcome", before_millis=5_000),)
    )

    assert [(it["outcome"], it["result"], it["checks"]) for it in played.events] == [("CANCELLED", None, None)]


def test_an_execution_that_a_cancel_could_not_stop_changes_nothing():
    played = Played(answers=CLICKED_AT_70, cancelled_at=(22_000,), faults=fails("StopExecution", HANG))

    assert (played.outcome, played.first.status) == ("CANCELLED", "SUCCEEDED")
    assert played.first.entered_states[-2:] == ("Is It Settled?", "Nothing To Do")


#: What happens: fields of the scenario, cancelled after 44 s; the outcome and the executions.
CANCELS = {
    "its start is refused": ({"faults": fails("StartExecution")}, ("CANCELLED", ["", "-cancel"])),
    "it crashes after its write": (
        {"faults": fails("UpdateItem", CRASH, takes_effect=True)},
        ("CANCELLED", ["", "-cancel"]),
    ),
    "the table refuses it": ({"answers": CLICKED_AT_70, "faults": fails("UpdateItem")}, ("LINK_CLICKED", [""])),
    "after the outcome": ({"answers": ((0, CLICKED),)}, ("LINK_CLICKED", [""])),
    "its execution fails": ({"ends": (End("Publish Outcome"),)}, ("CANCELLED", ["", "-cancel", "-r1"])),
    "of a takeover": ({"ends": (End("Check Link", 2),)}, ("CANCELLED", ["", "-r1", "-cancel"])),
}


@pytest.mark.parametrize(("fields", "expected"), CANCELS.values(), ids=CANCELS)
def test_who_publishes_which_outcome_after_a_cancel(fields, expected):
    played = Played(cancelled_at=(44_000,), **fields)

    assert (played.outcome, played.executions) == expected
    assert played.published_after < 75
    answered = [verification["outcome"] for _, who, verification in played.account.answers if who == "cancel"]
    assert answered in ([], [played.outcome])
