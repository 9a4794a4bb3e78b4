"""Who owns a verification, and who finishes it: takeovers and cancels of the shipped definition on the second engine."""

import pytest

from tests.definition.execution import Execution
from tests.definition.history import MORNING, End, Fault, History
from tests.definition.invariants import broken
from tests.definition.recovery import ID, World
from tests.definition.told import CLICKED, GRID, PENDING, Told

FULL_TABLE = "DynamoDB.ProvisionedThroughputExceededException"

# ── Takeovers ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_takeover_before_the_deadline_goes_on_checking():
    told = Told(ends=(End("Check Link", 4),), events_after=(5_000,))

    assert told.executions == ["", "-r1"]
    assert (told.outcome, told.checks) == ("EXPIRED", [10, 20, 30, 40, *GRID[5:]])


def test_a_takeover_that_only_the_sweep_asks_for_is_in_time_too():
    told = Told(ends=(End("Check Link", 4),), events_after=(None,), first_sweep_at=40_000)

    assert (told.outcome, told.checks) == ("EXPIRED", [10, 20, 30, 40, *GRID[10:]])


def test_a_takeover_after_the_deadline_does_not_know_what_was_seen():
    told = Told(ends=(End("Check Link", 29, after_millis=100),), events_after=(5_000,))

    assert (told.outcome, told.reason, told.counted) == ("UNKNOWN", "INTERRUPTED", 0)


@pytest.mark.parametrize("state", ["Publish Outcome", "Mark Published"])
def test_a_takeover_of_what_is_settled_publishes_it_and_does_not_watch_again(state):
    told = Told(answers=((0, CLICKED),), ends=(End(state),))

    assert (told.outcome, told.checks, told.executions) == ("LINK_CLICKED", [10], ["", "-r1"])
    assert len(told.account.events) == (1 if state == "Publish Outcome" else 2)


def test_an_owner_that_was_fenced_out_writes_nothing():
    told = Told(answers=((0, PENDING), (33_000, CLICKED)), false_alarms_at=(25_000,))

    assert [who.removeprefix(ID) for _, who, item in told.account.versions if "outcome" in item] == ["-r1"] * 2
    assert told.first.entered_states[-1] == "Watched Elsewhere"


def test_the_execution_of_a_start_that_nobody_heard_of_is_found_by_the_sweep():
    told = Told(ends=(End("Claim Verification", status="DELETED"),))

    assert (told.outcome, told.executions) == ("EXPIRED", ["", "-r1"])


def test_an_answer_of_the_claim_that_gets_lost_does_not_lock_its_execution_out():
    told = Told(faults=(Fault("Claim Verification", 0, 2, "DynamoDB.InternalServerError", takes_effect=True),))

    assert (told.outcome, told.executions, told.checks) == ("EXPIRED", [""], GRID)


def test_nor_does_it_lock_one_out_that_takes_over():
    lost = Fault("Claim Verification", 1, 2, "DynamoDB.InternalServerError", takes_effect=True)

    told = Told(ends=(End("Check Link", 4),), faults=(lost,))

    assert (told.outcome, told.executions) == ("EXPIRED", ["", "-r1"])


def test_a_takeover_moves_nothing_that_was_fixed_once_whatever_its_input_says():
    world = World(History(ends=(End("Check Link", 4),), events_after=(None,)))
    later = {
        "verificationId": ID,
        "requestId": "C" * 24,
        "sessionId": "d" * 24,
        "correlationId": "other",
        "source": "EVENT",
        "linkSentAt": "2026-11-23T10:01:00.000Z",
        "deadline": "2026-11-23T10:06:00.000Z",
        "startedAt": "2026-11-23T10:01:00.000Z",
        "attempt": 1,
        "predecessor": ID,
        "cancel": False,
    }
    taking_over = world.account.executions[f"{ID}-r1"] = Execution(world.account, f"{ID}-r1", later)
    world.account.time.at(MORNING + 55_000, taking_over.start)

    account = world.play()

    assert broken(world) == []
    assert account.table.items[ID]["executionName"] == {"S": f"{ID}-r1"}
    assert account.vendor_checks[-1].at < world.account.history.deadline


@pytest.mark.parametrize("state", ["Record Outcome", "Publish Outcome", "Mark Published"])
def test_two_minutes_of_refusal_are_sat_out_by_the_execution_itself(state):
    error = "EventBridge.InternalException" if state == "Publish Outcome" else FULL_TABLE

    told = Told(answers=((0, CLICKED),), faults=(Fault(state, 0, 8, error, takes_effect=False),))

    assert (told.outcome, told.executions) == ("LINK_CLICKED", [""])


# ── Cancels ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cancel_takes_the_watch_over_and_stops_it():
    told = Told(cancelled_at=(44_000,))

    assert (told.outcome, told.reason, told.checks) == ("CANCELLED", None, [10, 20, 30, 40])
    assert told.first.status == "ABORTED"


def test_a_cancel_that_dies_between_claim_and_record_is_finished_as_cancelled():
    told = Told(cancelled_at=(44_000,), ends=(End("Record Outcome"),))

    assert (told.outcome, told.executions) == ("CANCELLED", ["", "-cancel", "-r1"])


def test_a_cancel_after_the_outcome_changes_nothing():
    told = Told(answers=((0, CLICKED),), cancelled_at=(60_000,))

    assert (told.outcome, told.executions) == ("LINK_CLICKED", [""])


# ── What is published is closed ───────────────────────────────────────────────────────────────────────────────────────


def test_a_claim_of_a_cancel_that_lands_late_does_not_open_again_what_is_published():
    Told(cancelled_at=(5_000,), faults=(Fault("Claim Verification", first=1, before_millis=25_000),))


def test_a_cancel_that_is_resumed_does_not_open_again_what_was_published_meanwhile():
    Told(
        answers=((0, PENDING), (33_000, CLICKED)),
        cancelled_at=(20_000,),
        starts_after=15_000,
        ends=(End("Claim Verification", nth=1),),
    )


# ── A watch that was cancelled stops checking ──────────────────────────────────────────────────────────────────────────


def test_a_cancel_that_dies_before_it_has_stopped_the_watch_leaves_that_to_its_successor():
    told = Told(cancelled_at=(44_000,), ends=(End("Stop Old Watch"),))

    assert (told.outcome, told.checks) == ("CANCELLED", GRID[:4])


def test_a_cancel_whose_claim_is_answered_late_still_stops_the_takeover_that_watches():
    lost = Fault("Claim Verification", 2, 1, "DynamoDB.InternalServerError", takes_effect=True)

    told = Told(cancelled_at=(44_000,), ends=(End("Check Link", 2),), faults=(lost,))

    assert (told.outcome, told.executions, told.checks) == ("CANCELLED", ["", "-r1", "-cancel"], [10, 20, 40])
