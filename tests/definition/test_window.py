"""Whole windows: which checks are made when, and which outcome results."""

from itertools import pairwise

import pytest

from tests.definition.engine import CLICKED, PENDING, SCHEDULE, Fault, Played, Scenario
from tests.definition.engine.record import ID
from tests.definition.engine.world import World

UNKNOWN_IDS, MALFORMED_IDS = "unknown-ids", "malformed-request-id"
REJECTIONS = pytest.mark.parametrize(
    ("answer", "reason"), [(UNKNOWN_IDS, "UNKNOWN_IDS"), (MALFORMED_IDS, "MALFORMED_IDS")]
)

# ── The schedule ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("nth", [1, 2, 29, 30])
def test_the_check_after_a_click_finds_it(nth):
    played = Played(answers=((0, PENDING), (SCHEDULE[nth - 1] * 1000 - 900, CLICKED)))

    assert (played.outcome, played.reason, played.checks) == ("LINK_CLICKED", None, SCHEDULE[:nth])
    assert played.settled_after < SCHEDULE[nth - 1] + 2


def test_a_link_that_nobody_clicks_expires_after_a_check_at_each_point_of_the_schedule():
    played = Played()

    assert (played.outcome, played.reason, played.checks) == ("EXPIRED", None, SCHEDULE)


def test_slow_answers_do_not_delay_later_checks():
    assert Played(check=6_000).checks == SCHEDULE


def test_a_check_without_an_answer_is_given_up_before_the_next_one():
    played = Played(faults=(Fault("Check Link", first=1, before_millis=0, after_millis=20_000),))

    assert (played.checks, played.counted) == (SCHEDULE, 30)


def test_a_check_that_is_past_the_deadline_by_its_own_clock_is_the_last():
    # Not checked against the guarantees: the clocks of two AWS services are not fifteen seconds apart.
    account = World(Scenario(sent_at=0, answers=((0, PENDING), (285_000, "PAST_DEADLINE")))).play()

    assert account.item is not None
    assert (account.item["reason"], account.item["checks"]) == ({"S": "PAST_DEADLINE"}, {"N": "28"})


def test_a_wait_that_ends_early_does_not_cause_two_checks_at_one_point():
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
def test_a_verification_takes_three_transitions_a_check_and_five_around_them(nth):
    played = Played(answers=((0, PENDING), (SCHEDULE[nth - 1] * 1000 - 900, CLICKED)))

    assert len(played.first.entered_states) == 3 * nth + 5


def test_only_the_record_is_between_a_click_and_its_event():
    entered = Played(answers=((0, CLICKED),)).first.entered_states

    assert entered[-4:] == ("Is It Settled?", "Record Outcome", "Publish Outcome", "Mark Published")


def test_an_item_may_expire_91_days_after_it_was_published():
    played = Played(answers=((0, CLICKED),))

    published_at = (played.scenario.link_sent_at + played.published_after * 1000) // 1000

    assert int(played.item["expiresAt"]["N"]) == pytest.approx(published_at + 91 * 86_400, abs=1)


# ── The last check ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_click_in_the_last_check_still_counts():
    assert Played(answers=((0, PENDING), (297_500, CLICKED))).outcome == "LINK_CLICKED"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("upstream-down", "UPSTREAM_DOWN"),
        ("credentials-refused", "CREDENTIALS_REFUSED"),
        ("throttled", "THROTTLED"),
        ("502-html", "BAD_ANSWER"),
        ("another-session", "BAD_ANSWER"),
        ("TIMEOUT", "TIMEOUT"),
        ("NO_CONNECTION", "NO_CONNECTION"),
    ],
)
def test_a_last_check_without_a_usable_answer_makes_the_outcome_unknown_for_its_reason(answer, reason):
    played = Played(answers=((0, PENDING), (295_000, answer)))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", reason, 30)


def test_earlier_checks_without_a_usable_answer_do_not_matter():
    played = Played(answers=((0, "502-html"), (295_000, PENDING)))

    assert (played.outcome, played.reason) == ("EXPIRED", None)


def test_a_last_check_that_crashes_makes_the_outcome_unknown():
    played = Played(faults=(Fault("Check Link", 29, 1, "KeyError"),))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", "CHECK_FAILED", 30)


def test_a_last_check_that_comes_too_late_is_not_made_and_not_counted():
    played = Played(faults=(Fault("Check Link", 29, before_millis=2_500),))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", "PAST_DEADLINE", 29)
    assert played.checks == SCHEDULE[:-1]


def test_a_last_check_that_is_not_begun_before_the_deadline_makes_the_outcome_unknown():
    late = Fault("Wait For Next Check", 28, after_millis=11_000)  # the wait before the check at 290 s

    played = Played(faults=(late,))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", "PAST_DEADLINE", 28)


@pytest.mark.parametrize(
    ("answer", "outcome"), [(CLICKED, "LINK_CLICKED"), (PENDING, "EXPIRED")], ids=["clicked", "not clicked"]
)
def test_an_answer_to_the_last_check_counts_although_it_comes_after_the_deadline(answer, outcome):
    played = Played(answers=((0, PENDING), (297_500, answer)), faults=(Fault("Check Link", 29, after_millis=5_000),))

    assert (played.outcome, played.checks[-1]) == (outcome, 298)
    assert played.settled_after > 303


def test_an_answer_after_the_deadline_to_an_earlier_check_does_not_make_the_outcome_expired():
    slow = (Fault("Wait For Next Check", 28, after_millis=6_000), Fault("Check Link", 28, after_millis=5_000))

    played = Played(faults=slow)

    assert (played.outcome, played.reason, played.checks[-1]) == ("UNKNOWN", "PAST_DEADLINE", 296)


# ── Rejections ────────────────────────────────────────────────────────────────────────────────────────────────────────


@REJECTIONS
def test_two_rejections_at_the_start_settle_the_verification(answer, reason):
    played = Played(answers=((0, answer),))

    assert (played.outcome, played.reason, played.checks) == ("REJECTED", reason, [10, 20])


@pytest.mark.parametrize("answer", [UNKNOWN_IDS, MALFORMED_IDS])
def test_one_rejection_at_first_costs_one_check(answer):
    played = Played(answers=((0, answer), (15_000, PENDING), (33_000, CLICKED)))

    assert (played.outcome, played.reason, played.counted) == ("LINK_CLICKED", None, 4)


@pytest.mark.parametrize("answer", [UNKNOWN_IDS, MALFORMED_IDS])
def test_rejections_after_a_not_clicked_do_not_end_the_window(answer):
    played = Played(answers=((0, PENDING), (45_000, answer), (75_000, CLICKED)))

    assert (played.outcome, played.checks) == ("LINK_CLICKED", SCHEDULE[:8])


@REJECTIONS
def test_rejections_to_the_end_after_a_not_clicked_make_the_outcome_unknown(answer, reason):
    played = Played(answers=((0, PENDING), (45_000, answer)))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", reason, 30)


@REJECTIONS
def test_a_rejection_by_the_only_check_makes_the_outcome_unknown(answer, reason):
    played = Played(starts=(("API", 298_500),), answers=((0, answer),))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", reason, 1)


@REJECTIONS
def test_the_last_check_may_be_the_second_rejection(answer, reason):
    played = Played(starts=(("API", 285_000),), answers=((0, answer),))

    assert (played.outcome, played.reason, played.checks) == ("REJECTED", reason, [290, 298])


@pytest.mark.parametrize("between", ["upstream-down", "TIMEOUT"])
def test_rejections_have_to_be_in_a_row(between):
    played = Played(answers=((0, UNKNOWN_IDS), (15_000, between), (25_000, UNKNOWN_IDS), (35_000, CLICKED)))

    assert (played.outcome, played.checks) == ("LINK_CLICKED", [10, 20, 30, 40])


def test_a_crash_between_two_rejections_separates_them():
    played = Played(answers=((0, UNKNOWN_IDS),), faults=(Fault("Check Link", 1, 1, "KeyError", takes_effect=False),))

    assert (played.outcome, played.counted) == ("REJECTED", 4)


# ── The start ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("entry_point", ["API", "EVENT"])
@pytest.mark.parametrize("at", [240_000, 243_000])
def test_a_late_start_gets_the_checks_that_are_left(entry_point, at):
    played = Played(starts=((entry_point, at),))

    assert (played.outcome, played.checks) == ("EXPIRED", [250, 260, 270, 280, 290, 298])


def test_a_start_after_the_last_check_but_before_the_deadline_gets_one_check():
    played = Played(starts=(("API", 298_500),))

    assert (played.outcome, played.checks) == ("EXPIRED", [298])


@pytest.mark.parametrize("entry_point", ["API", "EVENT"])
def test_a_start_past_the_deadline_gets_no_check(entry_point):
    played = Played(starts=((entry_point, 300_000),))

    assert (played.outcome, played.reason, played.checks) == ("UNKNOWN", "STARTED_TOO_LATE", [])


def test_a_start_in_time_whose_execution_starts_after_the_deadline_is_interrupted():
    played = Played(starts=(("API", 299_900),), starts_after=200)

    assert (played.outcome, played.reason, played.checks) == ("UNKNOWN", "INTERRUPTED", [])


def test_an_only_check_that_comes_too_late_makes_the_outcome_unknown():
    played = Played(starts=(("API", 299_000),), faults=(Fault("Check Link", before_millis=2_500),))

    assert (played.outcome, played.reason, played.checks) == ("UNKNOWN", "PAST_DEADLINE", [])


def test_a_link_sent_a_minute_after_its_start_is_checked_from_then_on():
    played = Played(starts=(("API", -60_000),))

    assert (played.outcome, played.checks) == ("EXPIRED", SCHEDULE)


@pytest.mark.parametrize("sent_at", [1, 250, 999])
def test_the_schedule_is_on_whole_seconds(sent_at):
    played = Played(sent_at=sent_at)

    assert (played.outcome, played.checks) == ("EXPIRED", SCHEDULE)


# ── A check that fails ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "error", ["KeyError", "Lambda.Unknown", "Sandbox.Timedout", "States.Timeout", "Runtime.ExitError"]
)
def test_a_crash_of_the_function_costs_one_check(error):
    crash = Fault("Check Link", 1, 1, error, takes_effect=False)

    played = Played(answers=((0, PENDING), (33_000, CLICKED)), faults=(crash,))

    assert (played.outcome, played.checks, played.counted) == ("LINK_CLICKED", [10, 30, 40], 4)


def test_throttling_by_lambda_is_retried_within_the_same_check():
    throttled = Fault("Check Link", 1, 2, "Lambda.TooManyRequestsException", takes_effect=False)

    played = Played(answers=((0, PENDING), (33_000, CLICKED)), faults=(throttled,))

    assert (played.checks, played.counted) == ([10, 23, 30, 40], 4)


def test_a_check_that_fails_every_time_leaves_the_schedule_as_it_is():
    played = Played(faults=(Fault("Check Link", times=99, error="KeyError"),), answers=((0, CLICKED),))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", "CHECK_FAILED", 30)
    assert {later - earlier for earlier, later in pairwise(played.checks)} == {10, 8}


def test_a_verification_has_one_execution_named_after_it():
    assert list(Played(answers=((0, CLICKED),)).account.executions) == [ID]
