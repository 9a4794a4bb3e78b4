"""The shipped definition through whole windows on the second engine: what is checked at when, and what comes of it."""

import pytest

from tests.definition.history import Fault
from tests.definition.told import CLICKED, GRID, PENDING, Told

# ── The window ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("nth", [1, 2, 29, 30])
def test_a_click_is_seen_by_the_check_after_it(nth):
    told = Told(answers=((0, PENDING), (GRID[nth - 1] * 1000 - 900, CLICKED)))

    assert (told.outcome, told.reason, told.checks) == ("LINK_CLICKED", None, GRID[:nth])
    assert told.settled_after < GRID[nth - 1] + 2


def test_a_link_that_nobody_clicks_expires_after_a_check_at_each_point_of_the_grid():
    told = Told()

    assert (told.outcome, told.reason, told.checks) == ("EXPIRED", None, GRID)


def test_slow_answers_do_not_make_the_cadence_drift():
    told = Told(check=6_000)

    assert told.checks == GRID


def test_an_answer_that_does_not_come_is_given_up_before_the_next_point():
    told = Told(faults=(Fault("Check Link", first=1, before_millis=0, after_millis=20_000),))

    assert (told.checks, told.counted) == (GRID, 30)


def test_a_rejected_link_is_settled_by_its_first_check():
    told = Told(answers=((0, "unknown-ids"),))

    assert (told.outcome, told.reason, told.checks) == ("REJECTED", "UNKNOWN_IDS", [10])


def test_a_last_check_that_learns_nothing_makes_the_outcome_unknown_for_its_reason():
    told = Told(answers=((0, PENDING), (295_000, "upstream-down")))

    assert (told.outcome, told.reason, told.counted) == ("UNKNOWN", "UPSTREAM_DOWN", 30)


def test_checks_that_learn_nothing_are_forgotten_when_the_last_one_sees_that_nobody_clicked():
    told = Told(answers=((0, "502-html"), (295_000, PENDING)))

    assert (told.outcome, told.reason) == ("EXPIRED", None)


def test_a_wait_that_wakes_early_does_not_check_twice_at_one_point():
    told = Told(faults=(Fault("Wait For Next Check", first=4, after_millis=-900),))

    assert (told.outcome, told.counted) == ("EXPIRED", 30)


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
def test_the_grid_follows_the_parameters(numbers, checks):
    told = Told(**numbers, check=100)

    assert (told.outcome, told.checks) == ("EXPIRED", checks)


@pytest.mark.parametrize("nth", [1, 7, 30])
def test_a_watch_costs_three_transitions_a_check_and_six_around_them(nth):
    told = Told(answers=((0, PENDING), (GRID[nth - 1] * 1000 - 900, CLICKED)))

    assert len(told.first.entered_states) <= 3 * nth + 6


def test_between_a_positive_answer_and_its_event_lie_two_states():
    told = Told(answers=((0, PENDING), (42_000, CLICKED)))

    entered = told.first.entered_states
    between = entered[len(entered) - entered[::-1].index("Check Link") : entered.index("Publish Outcome")]

    assert between == ["Is It Settled?", "Record Outcome"]


# ── The start ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_late_start_gets_the_checks_that_are_left():
    told = Told(started_at=240_000)

    assert (told.outcome, told.checks) == ("EXPIRED", [250, 260, 270, 280, 290, 298])


def test_a_start_after_the_last_check_but_before_the_deadline_gets_one_check():
    told = Told(started_at=298_500)

    assert (told.outcome, told.checks) == ("EXPIRED", [298])


def test_a_start_past_the_deadline_gets_no_check_and_is_unknown():
    told = Told(started_at=300_000)

    assert (told.outcome, told.reason, told.checks) == ("UNKNOWN", "STARTED_TOO_LATE", [])


def test_a_link_sent_a_minute_ahead_is_watched_from_then_on():
    told = Told(started_at=-60_000)

    assert (told.outcome, told.checks) == ("EXPIRED", GRID)


@pytest.mark.parametrize("sent_at", [1, 250, 999])
def test_a_link_sent_between_two_seconds_is_watched_on_the_grid_of_whole_seconds(sent_at):
    told = Told(sent_at=sent_at)

    assert (told.outcome, told.checks) == ("EXPIRED", GRID)
    assert told.history.deadline % 1000 == 0


# ── A check that fails ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "error", ["KeyError", "Lambda.Unknown", "Sandbox.Timedout", "States.Timeout", "Runtime.ExitError"]
)
def test_a_crash_of_the_function_costs_one_check(error):
    told = Told(
        answers=((0, PENDING), (33_000, CLICKED)), faults=(Fault("Check Link", 1, 1, error, takes_effect=False),)
    )

    assert (told.outcome, told.checks, told.counted) == ("LINK_CLICKED", [10, 30, 40], 4)


def test_throttling_of_lambda_is_sat_out_within_the_same_check():
    throttled = Fault("Check Link", 1, 2, "Lambda.TooManyRequestsException", takes_effect=False)

    told = Told(answers=((0, PENDING), (33_000, CLICKED)), faults=(throttled,))

    assert (told.checks, told.counted) == ([10, 23, 30, 40], 4)


def test_a_last_check_that_fails_makes_the_outcome_unknown():
    told = Told(faults=(Fault("Check Link", 29, 1, "KeyError"),))

    assert (told.outcome, told.reason, told.counted) == ("UNKNOWN", "CHECK_FAILED", 30)


def test_a_check_that_comes_too_late_is_not_counted_and_the_answer_before_stands():
    told = Told(faults=(Fault("Check Link", 29, before_millis=2_500),))

    assert (told.outcome, told.reason, told.counted) == ("EXPIRED", None, 29)
    assert told.checks == GRID[:-1]


def test_a_verification_whose_only_check_comes_too_late_is_unknown_for_that():
    told = Told(started_at=299_000, faults=(Fault("Check Link", before_millis=2_500),))

    assert (told.outcome, told.reason, told.checks) == ("UNKNOWN", "PAST_DEADLINE", [])
