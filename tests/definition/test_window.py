"""The shipped definition through whole windows on the second engine: what is checked when, and what comes of it."""

import pytest

from tests.definition.engine import CLICKED, PENDING, SCHEDULE, Fault, Played, Scenario
from tests.definition.engine.record import ID
from tests.definition.engine.world import World

# ── The window ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("nth", [1, 2, 29, 30])
def test_a_click_is_seen_by_the_check_after_it(nth):
    played = Played(answers=((0, PENDING), (SCHEDULE[nth - 1] * 1000 - 900, CLICKED)))

    assert (played.outcome, played.reason, played.checks) == ("LINK_CLICKED", None, SCHEDULE[:nth])
    assert played.settled_after < SCHEDULE[nth - 1] + 2


def test_a_link_that_nobody_clicks_expires_after_a_check_at_each_point_of_the_schedule():
    played = Played()

    assert (played.outcome, played.reason, played.checks) == ("EXPIRED", None, SCHEDULE)


def test_slow_answers_do_not_make_the_schedule_drift():
    assert Played(check=6_000).checks == SCHEDULE


def test_an_answer_that_does_not_come_is_given_up_before_the_next_point():
    played = Played(faults=(Fault("Check Link", first=1, before_millis=0, after_millis=20_000),))

    assert (played.checks, played.counted) == (SCHEDULE, 30)


def test_a_rejected_link_is_settled_by_its_first_check():
    played = Played(answers=((0, "unknown-ids"),))

    assert (played.outcome, played.reason, played.checks) == ("REJECTED", "UNKNOWN_IDS", [10])


def test_a_check_that_is_past_the_deadline_by_its_own_clock_is_the_last():
    # Not judged by the guarantees: the clocks of two AWS services are not five seconds apart.
    account = World(Scenario(sent_at=0, answers=((0, PENDING), (285_000, "PAST_DEADLINE")))).play()

    assert account.item is not None
    assert (account.item["reason"], account.item["checks"]) == ({"S": "PAST_DEADLINE"}, {"N": "28"})
    assert account.executions[ID].entered_states.count("Check Link") == 29


def test_a_wait_that_wakes_early_does_not_check_twice_at_one_point():
    played = Played(faults=(Fault("Wait For Next Check", first=4, after_millis=-900),))

    assert (played.outcome, played.counted) == ("EXPIRED", 30)


@pytest.mark.parametrize(
    ("numbers", "checks"),
    [
        ({"window_seconds": 20, "poll_seconds": 2, "lead_seconds": 1}, [2, 4, 6, 8, 10, 12, 14, 16, 18, 19]),
        ({"window_seconds": 45, "poll_seconds": 7, "lead_seconds": 9}, [7, 14, 21, 28, 35, 36]),
        ({"window_seconds": 30, "poll_seconds": 60, "lead_seconds": 5}, [25]),
        ({"window_seconds": 60, "poll_seconds": 10, "lead_seconds": 10}, [10, 20, 30, 40, 50]),
    ],
    ids=str,
)
def test_the_schedule_follows_the_parameters(numbers, checks):
    played = Played(**numbers, check=100)

    assert (played.outcome, played.checks) == ("EXPIRED", checks)


@pytest.mark.parametrize("nth", [1, 7, 30])
def test_a_watch_costs_three_transitions_a_check_and_five_around_them(nth):
    played = Played(answers=((0, PENDING), (SCHEDULE[nth - 1] * 1000 - 900, CLICKED)))

    assert len(played.first.entered_states) == 3 * nth + 5


def test_between_a_positive_answer_and_its_event_lie_two_states():
    entered = Played(answers=((0, PENDING), (42_000, CLICKED))).first.entered_states

    after_the_check = entered[len(entered) - entered[::-1].index("Check Link") :]

    assert after_the_check == ["Is It Settled?", "Record Outcome", "Publish Outcome", "Mark Published"]


@pytest.mark.parametrize("answer", ["only-link-clicked", "carrier-in-another-alphabet", "clicked-carrier-unknown"])
def test_what_signzy_says_of_a_click_is_stored_and_published_as_it_is(answer):
    played = Played(answers=((0, answer),))

    check = played.first.checks[-1]

    assert isinstance(check, dict)
    assert [detail["result"] for detail in played.events] == [check["result"]]


def test_an_item_may_expire_91_days_after_it_was_published():
    played = Played(answers=((0, CLICKED),))

    published_at = (played.scenario.link_sent_at + played.published_after * 1000) // 1000

    assert int(played.item["expiresAt"]["N"]) == pytest.approx(published_at + 91 * 86_400, abs=1)


# ── The last check ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_click_in_the_last_check_still_counts():
    assert Played(answers=((0, PENDING), (297_500, CLICKED))).outcome == "LINK_CLICKED"


def test_a_last_check_that_learns_nothing_makes_the_outcome_unknown_for_its_reason():
    played = Played(answers=((0, PENDING), (295_000, "upstream-down")))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", "UPSTREAM_DOWN", 30)


def test_checks_that_learn_nothing_are_forgotten_when_the_last_one_sees_that_nobody_clicked():
    played = Played(answers=((0, "502-html"), (295_000, PENDING)))

    assert (played.outcome, played.reason) == ("EXPIRED", None)


def test_a_last_check_that_fails_makes_the_outcome_unknown():
    played = Played(faults=(Fault("Check Link", 29, 1, "KeyError"),))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", "CHECK_FAILED", 30)


def test_a_last_check_that_comes_too_late_is_not_counted_and_the_outcome_is_unknown():
    played = Played(faults=(Fault("Check Link", 29, before_millis=2_500),))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", "PAST_DEADLINE", 29)
    assert played.checks == SCHEDULE[:-1]


def test_a_last_check_that_is_not_even_begun_before_the_deadline_makes_the_outcome_unknown():
    late = Fault("Wait For Next Check", 28, after_millis=11_000)  # the wait before the check at 290 s

    played = Played(faults=(late,))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", "PAST_DEADLINE", 28)


def test_an_answer_before_the_deadline_counts_although_it_comes_after_it():
    played = Played(answers=((0, PENDING), (297_500, CLICKED)), faults=(Fault("Check Link", 29, after_millis=5_000),))

    assert (played.outcome, played.checks[-1]) == ("LINK_CLICKED", 298)
    assert played.settled_after > 303


def test_a_check_before_the_last_that_is_answered_after_the_deadline_does_not_make_it_expired():
    slow = (Fault("Wait For Next Check", 28, after_millis=6_000), Fault("Check Link", 28, after_millis=5_000))

    played = Played(faults=slow)

    assert (played.outcome, played.reason, played.checks[-1]) == ("UNKNOWN", "PAST_DEADLINE", 296)


# ── The start ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("entry_point", ["API", "EVENT"])
def test_a_late_start_gets_the_checks_that_are_left(entry_point):
    played = Played(starts=((entry_point, 240_000),))

    assert (played.outcome, played.checks) == ("EXPIRED", [250, 260, 270, 280, 290, 298])


def test_a_start_after_the_last_check_but_before_the_deadline_gets_one_check():
    played = Played(starts=(("API", 298_500),))

    assert (played.outcome, played.checks) == ("EXPIRED", [298])


def test_a_start_past_the_deadline_gets_no_check_and_is_unknown():
    played = Played(starts=(("API", 300_000),))

    assert (played.outcome, played.reason, played.checks) == ("UNKNOWN", "STARTED_TOO_LATE", [])


def test_a_start_that_was_reported_in_time_and_not_executed_before_the_deadline_was_interrupted():
    played = Played(starts=(("API", 299_900),), starts_after=200)

    assert (played.outcome, played.reason, played.checks) == ("UNKNOWN", "INTERRUPTED", [])


def test_a_verification_whose_only_check_comes_too_late_is_unknown_for_that():
    played = Played(starts=(("API", 299_000),), faults=(Fault("Check Link", before_millis=2_500),))

    assert (played.outcome, played.reason, played.checks) == ("UNKNOWN", "PAST_DEADLINE", [])


def test_a_link_sent_a_minute_ahead_is_watched_from_then_on():
    played = Played(starts=(("API", -60_000),))

    assert (played.outcome, played.checks) == ("EXPIRED", SCHEDULE)


@pytest.mark.parametrize("sent_at", [1, 250, 999])
def test_a_link_sent_between_two_seconds_is_watched_on_a_schedule_of_whole_seconds(sent_at):
    played = Played(sent_at=sent_at)

    assert (played.outcome, played.checks) == ("EXPIRED", SCHEDULE)
    assert played.scenario.deadline % 1000 == 0


# ── A check that fails ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "error", ["KeyError", "Lambda.Unknown", "Sandbox.Timedout", "States.Timeout", "Runtime.ExitError"]
)
def test_a_crash_of_the_function_costs_one_check(error):
    played = Played(
        answers=((0, PENDING), (33_000, CLICKED)), faults=(Fault("Check Link", 1, 1, error, takes_effect=False),)
    )

    assert (played.outcome, played.checks, played.counted) == ("LINK_CLICKED", [10, 30, 40], 4)


def test_throttling_of_lambda_is_sat_out_within_the_same_check():
    throttled = Fault("Check Link", 1, 2, "Lambda.TooManyRequestsException", takes_effect=False)

    played = Played(answers=((0, PENDING), (33_000, CLICKED)), faults=(throttled,))

    assert (played.checks, played.counted) == ([10, 23, 30, 40], 4)
