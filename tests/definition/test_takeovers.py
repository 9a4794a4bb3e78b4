"""Which execution checks, and which one finishes: starts, takeovers and lost answers."""

from itertools import pairwise

import pytest

from tests.definition.engine import CLICKED, CLOSE, CRASH, HANG, PENDING, SCHEDULE, TWICE, End, Fault, Outage, Played
from tests.definition.engine.record import ID
from tests.definition.engine.scenario import Scenario
from tests.definition.engine.world import World

UNKNOWN_IDS = "unknown-ids"

# ── Starts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "starts",
    [
        (("API", 0), ("API", 60_000)),
        (("API", 0), ("EVENT", 0)),
        (("EVENT", 0), ("API", 5)),
        (("EVENT", 0), ("EVENT", 0), ("EVENT", 0), ("EVENT", 0)),
    ],
)
def test_a_verification_that_is_started_again_is_watched_once(starts):
    played = Played(starts=starts)

    assert (played.executions, played.checks) == ([""], SCHEDULE)


def test_a_repeated_start_does_not_start_an_execution():
    played = Played(starts=(("API", 0), ("EVENT", 60_000)))

    assert "EVENT start: StartExecution" not in {point.place for point in played.account.record.points}


@pytest.mark.parametrize("error", ["AccessDeniedException", HANG, CRASH])
def test_the_sweep_starts_an_execution_that_was_never_started(error):
    played = Played(faults=(Fault("API start: StartExecution", error=error, takes_effect=False),))

    assert (played.executions, played.checks) == ([""], SCHEDULE[6:])


@pytest.mark.parametrize("error", [HANG, CLOSE, "ThrottlingException"])
def test_one_failed_try_of_a_start_costs_no_check(error):
    played = Played(faults=(Fault("API start: StartExecution", error=error, takes_effect=False, tries=1),))

    assert (played.executions, played.checks) == ([""], SCHEDULE)


def test_the_sweep_ignores_what_was_started_in_the_last_half_minute():
    refused = Fault("API start: StartExecution", error="AccessDeniedException", takes_effect=False)

    played = Played(faults=(refused,), first_sweep_at=20_000)

    assert played.checks == SCHEDULE[8:]


@pytest.mark.parametrize("error", [HANG, CLOSE, "ThrottlingException", "AccessDeniedException"])
def test_an_event_that_the_table_refuses_once_comes_back_after_ten_seconds(error):
    played = Played(starts=(("EVENT", 0),), faults=(Fault("EVENT start: PutItem", error=error, takes_effect=False),))

    assert (played.outcome, played.checks[0]) == ("EXPIRED", 20)


@pytest.mark.parametrize(("lasts", "first_check"), [(20_000, 40), (60_000, 80), (140_000, 160)])
def test_an_event_comes_back_after_pauses_that_double(lasts, first_check):
    played = Played(starts=(("EVENT", 0),), outages=(Outage("dynamodb", 0, lasts),))

    assert (played.outcome, played.checks[0]) == ("EXPIRED", first_check)


def test_an_event_whose_function_crashes_comes_back_after_the_visibility_time_out():
    played = Played(starts=(("EVENT", 0),), faults=(Fault("EVENT start: PutItem", error=CRASH, takes_effect=False),))

    assert (played.outcome, played.checks[0]) == ("EXPIRED", 250)


@pytest.mark.parametrize("entry_point", ["API", "EVENT"])
@pytest.mark.parametrize("error", [HANG, CLOSE])
def test_a_start_is_accepted_although_the_answer_to_its_put_is_lost(entry_point, error):
    lost = Fault(f"{entry_point} start: PutItem", error=error, tries=1)

    played = Played(starts=((entry_point, 0),), faults=(lost,))

    assert (played.outcome, played.executions, played.checks) == ("EXPIRED", [""], SCHEDULE)


# ── Takeovers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_takeover_before_the_deadline_goes_on_checking():
    played = Played(ends=(End("Check Link", 4),), events_after=(5_000,))

    assert played.executions == ["", "-r1"]
    assert (played.outcome, played.checks) == ("EXPIRED", [10, 20, 30, 40, *SCHEDULE[5:]])


def test_a_takeover_by_the_sweep_goes_on_checking():
    played = Played(ends=(End("Check Link", 4),), events_after=(None,), first_sweep_at=40_000)

    assert (played.outcome, played.checks) == ("EXPIRED", [10, 20, 30, 40, *SCHEDULE[10:]])


def test_a_takeover_after_the_deadline_does_not_know_the_answers_of_earlier_checks():
    played = Played(ends=(End("Check Link", 29, after_millis=100),), events_after=(5_000,))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", "INTERRUPTED", 0)


def test_rejections_before_a_takeover_do_not_count_with_those_after_it():
    played = Played(answers=((0, UNKNOWN_IDS),), ends=(End("Check Link", 1),))

    assert (played.outcome, played.reason, played.executions) == ("UNKNOWN", "UNKNOWN_IDS", ["", "-r1"])


def test_rejections_after_a_takeover_do_not_end_the_window():
    played = Played(answers=((0, PENDING), (45_000, UNKNOWN_IDS), (75_000, CLICKED)), ends=(End("Check Link", 3),))

    assert (played.outcome, played.executions) == ("LINK_CLICKED", ["", "-r1"])


@pytest.mark.parametrize("state", ["Publish Outcome", "Mark Published"])
def test_a_takeover_of_a_settled_verification_publishes_it_without_a_check(state):
    played = Played(answers=((0, CLICKED),), ends=(End(state),))

    assert (played.outcome, played.checks, played.executions) == ("LINK_CLICKED", [10], ["", "-r1"])
    assert len(played.events) == (1 if state == "Publish Outcome" else 2)


def test_a_published_verification_is_not_taken_over():
    played = Played(answers=((0, CLICKED),), ends=(End("Mark Published", after_millis=15),))

    assert played.executions == [""]


def test_a_running_execution_is_not_taken_over_although_an_event_says_that_it_failed():
    played = Played(false_events_at=(25_000, 120_000))

    assert (played.executions, played.checks) == ([""], SCHEDULE)


@pytest.mark.parametrize("is_emulator", [False, True], ids=["AWS", "an emulator that refuses the name"])
def test_a_running_execution_is_not_taken_over_although_it_is_not_listed(is_emulator):
    played = Played(list_lag=400_000, start_refuses_running=is_emulator)

    assert (played.executions, played.checks) == ([""], SCHEDULE)


def test_a_failure_that_is_reported_twice_and_found_by_two_sweeps_is_taken_over_once():
    played = Played(
        ends=(End("Check Link", 4),),
        faults=(Fault("status event", error=TWICE),),
        events_after=(9_950,),
        sweeps_at_once=2,
    )

    assert played.executions == ["", "-r1"]


def test_recovery_is_not_retried_by_lambda_and_the_sweep_does_its_work():
    hangs = Fault("status event: UpdateItem", error=HANG, takes_effect=False)

    played = Played(ends=(End("Check Link", 4),), faults=(hangs,))

    assert (played.outcome, played.executions) == ("EXPIRED", ["", "-r1"])
    takeover = next(it for it in played.account.record.versions if it.item["takeovers"] == {"N": "1"})
    assert takeover.who == "sweep"


def test_a_takeover_that_crashes_after_its_write_is_started_by_the_next_sweep():
    played = Played(ends=(End("Check Link", 4),), faults=(Fault("status event: UpdateItem", error=CRASH),))

    assert (played.outcome, played.executions) == ("EXPIRED", ["", "-r1"])
    assert played.item["takeovers"] == {"N": "1"}


def test_the_pauses_between_takeovers_double():
    played = Played(
        answers=((0, "upstream-down"),),
        ends=tuple(End("Wait For Next Check", nth) for nth in range(5)),
        first_sweep_at=1_000,
    )

    started = [execution.started_at for execution in played.account.executions.values()]
    assert played.executions == ["", "-r1", "-r2", "-r3", "-r4", "-r5"]
    # Pauses of 0, 10, 20, 40 and 80 s, and then until the sweep's next minute.
    assert [round((after - before) / 1000) for before, after in pairwise(started)] == [1, 60, 60, 60, 120]


# ── Exhausted takeovers ───────────────────────────────────────────────────────────────────────────────────────────────

ALWAYS_FAILS = tuple(End("Publish Outcome", nth) for nth in range(11))


def test_after_ten_takeovers_a_verification_stays_open_for_an_engineer():
    played = Played(answers=((0, CLICKED),), ends=ALWAYS_FAILS)

    assert played.executions == ["", *(f"-r{nth}" for nth in range(1, 11))]
    assert (played.outcome, "publishedAt" in played.item) == ("LINK_CLICKED", False)
    assert "openVerifications" in played.item


def test_an_engineer_rearms_it_and_it_is_published():
    played = Played(answers=((0, CLICKED),), ends=ALWAYS_FAILS, rearmed_at=(4 * 3_600_000,))

    assert played.executions[-1] == "-r11"
    assert played.item["takeoverLimit"] == {"N": "20"}
    assert [detail["outcome"] for detail in played.events] == ["LINK_CLICKED"]


# ── Lost answers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_whose_answer_is_lost_publishes_what_it_stored():
    played = Played(answers=((0, CLICKED),), faults=(Fault("Record Outcome", after_millis=25_000),))

    assert (played.outcome, played.executions, played.checks) == ("LINK_CLICKED", [""], [10])
    assert played.first.entered_states.count("Read Verification") == 2


def test_an_event_whose_answer_is_lost_is_published_again_unchanged():
    played = Played(answers=((0, PENDING), (33_000, CLICKED)), faults=(Fault("Publish Outcome", after_millis=25_000),))

    first, second = played.events
    assert first == second


def test_a_mark_whose_answer_is_lost_leaves_nothing_to_do():
    played = Played(answers=((0, CLICKED),), faults=(Fault("Mark Published", after_millis=25_000),))

    assert played.first.entered_states[-1] == "Nothing To Do"


# ── Deleted items ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("moment", "last"),
    [
        pytest.param(100, ("Read Verification", "Is It Settled?", "Nothing To Do"), id="before it is read"),
        pytest.param(5_000, ("Read Verification", "Is It Settled?", "Nothing To Do"), id="before it is recorded"),
        pytest.param(10_510, ("Mark Published", "Nothing To Do"), id="before it is marked"),
    ],
)
def test_a_deleted_item_is_not_created_again(moment, last):
    world = World(Scenario(sent_at=0, starts_after=100, answers=((0, CLICKED),)))
    account = world.account
    account.time.at(account.scenario.link_sent_at + moment, lambda: account.table.delete(ID))

    world.play()

    (execution,) = account.executions.values()
    assert (execution.status, execution.entered_states[-len(last) :]) == ("SUCCEEDED", last)
    assert account.item is None
