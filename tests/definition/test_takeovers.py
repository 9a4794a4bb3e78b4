"""Which execution watches, and which one finishes: starts and takeovers on the second engine, with the real recovery."""

from itertools import pairwise
from typing import Any

import pytest

from tests.definition.engine import CLICKED, CRASH, PENDING, SCHEDULE, TWICE, End, Fault, Outage, Played, Scenario
from tests.definition.engine.account import Account
from tests.definition.engine.world import World

# ── Starts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "starts", [(("API", 0), ("API", 60_000)), (("API", 0), ("EVENT", 0)), (("EVENT", 0), ("API", 5))]
)
def test_a_verification_that_is_started_twice_is_watched_once(starts):
    played = Played(starts=starts)

    assert (played.executions, played.checks) == ([""], SCHEDULE)


def test_a_repeated_start_costs_no_start_of_an_execution():
    played = Played(starts=(("API", 0), ("EVENT", 60_000)))

    assert "EVENT start: StartExecution" not in {point.place for point in played.account.record.points}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("API start: StartExecution", error="ThrottlingException", takes_effect=False),
        Fault("API start: StartExecution", error=CRASH, takes_effect=False),
    ],
    ids=["throttled", "the function died"],
)
def test_an_execution_that_never_came_to_be_is_started_by_the_sweep(fault):
    played = Played(faults=(fault,))

    assert (played.executions, played.checks) == ([""], SCHEDULE[6:])


def test_the_sweep_leaves_alone_what_was_started_in_the_last_half_minute():
    throttled = Fault("API start: StartExecution", error="ThrottlingException", takes_effect=False)

    played = Played(faults=(throttled,), first_sweep_at=20_000)

    assert played.checks == SCHEDULE[8:]


def test_an_event_that_the_table_does_not_take_waits_in_the_queue():
    played = Played(starts=(("EVENT", 0),), outages=(Outage("dynamodb", 0, 140_000),))

    assert (played.outcome, played.checks) == ("EXPIRED", SCHEDULE[15:])


@pytest.mark.parametrize("entry_point", ["API", "EVENT"])
def test_a_start_whose_puts_answer_is_lost_is_accepted_all_the_same(entry_point):
    played = Played(starts=((entry_point, 0),), faults=(Fault(f"{entry_point} start: PutItem", error="ReadTimeout"),))

    assert (played.outcome, played.executions) == ("EXPIRED", [""])


# ── Takeovers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_takeover_before_the_deadline_goes_on_checking():
    played = Played(ends=(End("Check Link", 4),), events_after=(5_000,))

    assert played.executions == ["", "-r1"]
    assert (played.outcome, played.checks) == ("EXPIRED", [10, 20, 30, 40, *SCHEDULE[5:]])


def test_a_takeover_by_the_sweep_is_in_time_too():
    played = Played(ends=(End("Check Link", 4),), events_after=(None,), first_sweep_at=40_000)

    assert (played.outcome, played.checks) == ("EXPIRED", [10, 20, 30, 40, *SCHEDULE[10:]])


def test_a_takeover_after_the_deadline_does_not_know_what_was_seen():
    played = Played(ends=(End("Check Link", 29, after_millis=100),), events_after=(5_000,))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", "INTERRUPTED", 0)


@pytest.mark.parametrize("state", ["Publish Outcome", "Mark Published"])
def test_a_takeover_of_what_is_settled_publishes_it_and_does_not_check_again(state):
    played = Played(answers=((0, CLICKED),), ends=(End(state),))

    assert (played.outcome, played.checks, played.executions) == ("LINK_CLICKED", [10], ["", "-r1"])
    assert len(played.events) == (1 if state == "Publish Outcome" else 2)


def test_a_takeover_of_what_is_published_already_is_none():
    played = Played(answers=((0, CLICKED),), ends=(End("Mark Published", after_millis=15),))

    assert played.executions == [""]


def test_an_execution_that_is_said_to_have_died_and_runs_is_not_taken_over():
    played = Played(false_events_at=(25_000, 120_000))

    assert (played.executions, played.checks) == ([""], SCHEDULE)


@pytest.mark.parametrize("is_emulator", [False, True], ids=["AWS", "an emulator that refuses to start what runs"])
def test_nor_is_one_that_the_list_of_running_ones_lacks(is_emulator):
    played = Played(list_lag=400_000, start_refuses_running=is_emulator)

    assert (played.executions, played.checks) == ([""], SCHEDULE)


def test_a_death_that_is_told_twice_and_found_by_two_sweeps_is_taken_over_once():
    played = Played(
        ends=(End("Check Link", 4),),
        faults=(Fault("status event", error=TWICE),),
        events_after=(9_950,),
        sweeps_at_once=2,
    )

    assert played.executions == ["", "-r1"]


def test_a_takeover_that_dies_between_the_name_and_the_start_is_started_by_the_next_sweep():
    played = Played(ends=(End("Check Link", 4),), faults=(Fault("status event: UpdateItem", error=CRASH),))

    assert (played.outcome, played.executions) == ("EXPIRED", ["", "-r1"])
    assert played.item["takeovers"] == {"N": "1"}


def test_takeovers_follow_each_other_after_pauses_that_double():
    played = Played(
        answers=((0, "UPSTREAM_DOWN"),),
        ends=tuple(End("Wait For Next Check", nth) for nth in range(5)),
        first_sweep_at=1_000,
    )

    started = [execution.started_at for execution in played.account.executions.values()]
    assert played.executions == ["", "-r1", "-r2", "-r3", "-r4", "-r5"]
    # Pauses of 0, 10, 20, 40 and 80 s, and then until the sweep's next minute.
    assert [round((after - before) / 1000) for before, after in pairwise(started)] == [
        *(1, 60, 60, 60, 120),
    ]


# ── What is given up ──────────────────────────────────────────────────────────────────────────────────────────────────

ELEVEN_DEATHS = tuple(End("Wait For Next Check", nth) for nth in range(11))
ALWAYS_DIES = tuple(End("Publish Outcome", nth) for nth in range(11))


def test_after_ten_takeovers_it_is_left_open_for_an_engineer():
    played = Played(answers=((0, CLICKED),), ends=ALWAYS_DIES)

    assert played.executions == ["", *(f"-r{nth}" for nth in range(1, 11))]
    assert (played.outcome, "publishedAt" in played.item) == ("LINK_CLICKED", False)
    assert "openVerifications" in played.item


def test_an_engineer_rearms_it_and_it_is_published():
    played = Played(answers=((0, CLICKED),), ends=ALWAYS_DIES, rearmed_at=(4 * 3_600_000,))

    assert played.executions[-1] == "-r11"
    assert played.item["takeoverLimit"] == {"N": "20"}
    assert [detail["outcome"] for detail in played.events] == ["LINK_CLICKED"]


# ── Lost answers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_whose_answer_is_lost_reads_what_it_has_stored_and_publishes_that():
    played = Played(answers=((0, CLICKED),), faults=(Fault("Record Outcome", after_millis=25_000),))

    assert (played.outcome, played.executions, played.checks) == ("LINK_CLICKED", [""], [10])
    assert played.first.entered_states.count("Read Verification") == 2


def test_an_event_whose_answer_is_lost_is_published_again_the_same():
    played = Played(answers=((0, PENDING), (33_000, CLICKED)), faults=(Fault("Publish Outcome", after_millis=25_000),))

    first, second = played.events
    assert first == second


def test_a_mark_whose_answer_is_lost_finds_nothing_to_do():
    played = Played(answers=((0, CLICKED),), faults=(Fault("Mark Published", after_millis=25_000),))

    assert played.first.entered_states[-1] == "Nothing To Do"


# ── What is deleted ───────────────────────────────────────────────────────────────────────────────────────────────────


def deleted_at(moment: int, **fields: Any) -> Account:
    """A scenario in which somebody deletes the item, in milliseconds since linkSentAt."""
    world = World(Scenario(**fields))
    world.account.time.at(world.account.scenario.link_sent_at + moment, world.account.table.items.clear)
    return world.play()


@pytest.mark.parametrize(
    ("moment", "last"),
    [
        pytest.param(100, ["Read Verification", "Is It Settled?", "Nothing To Do"], id="before it is read"),
        pytest.param(5_000, ["Read Verification", "Is It Settled?", "Nothing To Do"], id="before it is recorded"),
        pytest.param(10_430, ["Mark Published", "Nothing To Do"], id="before it is marked"),
    ],
)
def test_an_item_that_is_deleted_leaves_nothing_to_do_and_is_not_made_anew(moment, last):
    account = deleted_at(moment, sent_at=0, starts_after=100, answers=((0, CLICKED),))

    (execution,) = account.executions.values()
    assert (execution.status, execution.entered_states[-len(last) :]) == ("SUCCEEDED", last)
    assert account.item is None
