"""Whole windows: which checks are made when, and which outcome results."""

from itertools import pairwise

import pytest

from tests.definition.engine.account import ID
from tests.definition.engine.played import CLICKED, PENDING, SCHEDULE, Played
from tests.definition.engine.scenario import Fault, Scenario
from tests.definition.engine.world import World

UNKNOWN_IDS, MALFORMED_IDS = "unknown-ids", "malformed-request-id"
CLICKED_AT_33 = ((0, PENDING), (33_000, CLICKED))


def check_fails(nth, times=1, error="KeyError"):
    return (Fault("Check Link", nth, times, error, takes_effect=False),)


def late(nth_wait, millis):
    """A wait that ends late, or early; the first is number 0."""
    return Fault("Wait For Next Check", nth_wait, after_millis=millis)


#: What happens: fields of the scenario; what results: fields of Played.
SCHEDULES = {
    "one check at each point": ({}, {"outcome": "EXPIRED", "checks": SCHEDULE}),
    "slow answers delay no later check": ({"check": 6_000}, {"checks": SCHEDULE}),
    "a check without an answer is given up before the next": (
        {"faults": (Fault("Check Link", 1, before_millis=0, after_millis=20_000),)},
        {"checks": SCHEDULE, "counted": 30},
    ),
    "a wait that ends early does not cause two checks at one point": ({"faults": (late(4, -900),)}, {"counted": 30}),
    "a start on another millisecond": ({"sent_at": 999}, {"outcome": "EXPIRED", "checks": SCHEDULE}),
    "a start a minute before the link was sent": (
        {"starts": (("API", -60_000),)},
        {"outcome": "EXPIRED", "checks": SCHEDULE},
    ),
    "a late start": (
        {"starts": (("API", 240_000),)},
        {"outcome": "EXPIRED", "checks": [250, 260, 270, 280, 290, 298]},
    ),
    "a late event between two points": ({"starts": (("EVENT", 243_000),)}, {"checks": [250, 260, 270, 280, 290, 298]}),
    "a start after the last check, before the deadline": (
        {"starts": (("API", 298_500),)},
        {"outcome": "EXPIRED", "checks": [298]},
    ),
    "throttling by Lambda is retried within the same check": (
        {"answers": CLICKED_AT_33, "faults": check_fails(1, 2, "Lambda.TooManyRequestsException")},
        {"checks": [10, 23, 30, 40], "counted": 4},
    ),
    "20, 2, 1": (
        {"window_seconds": 20, "poll_seconds": 2, "lead_seconds": 1, "check": 100},
        {"checks": [2, 4, 6, 8, 10, 12, 14, 16, 18, 19]},
    ),
    "45, 7, 9": (
        {"window_seconds": 45, "poll_seconds": 7, "lead_seconds": 9, "check": 100},
        {"checks": [7, 14, 21, 28, 35, 36]},
    ),
    "30, 60, 5": ({"window_seconds": 30, "poll_seconds": 60, "lead_seconds": 5, "check": 100}, {"checks": [25]}),
    "60, 10, 10": (
        {"window_seconds": 60, "poll_seconds": 10, "lead_seconds": 10, "check": 100},
        {"outcome": "EXPIRED", "checks": [10, 20, 30, 40, 50]},
    ),
}

LATE_ANSWER = Fault("Check Link", 29, after_millis=5_000)
LAST_CHECKS = {
    "a click in the last check": ({"answers": ((0, PENDING), (297_500, CLICKED))}, ("LINK_CLICKED", None, 30)),
    "earlier checks without a usable answer": (
        {"answers": ((0, "502-html"), (295_000, PENDING))},
        ("EXPIRED", None, 30),
    ),
    "a crash": ({"faults": check_fails(29)}, ("UNKNOWN", "CHECK_FAILED", 30)),
    "it comes too late to be made": (
        {"faults": (Fault("Check Link", 29, before_millis=2_500),)},
        ("UNKNOWN", "PAST_DEADLINE", 29),
    ),
    # The wait before the check at 290 s.
    "it is not begun before the deadline": ({"faults": (late(28, 11_000),)}, ("UNKNOWN", "PAST_DEADLINE", 28)),
    "a click that comes after the deadline": (
        {"answers": ((0, PENDING), (297_500, CLICKED)), "faults": (LATE_ANSWER,)},
        ("LINK_CLICKED", None, 30),
    ),
    "not clicked, which comes after the deadline": ({"faults": (LATE_ANSWER,)}, ("EXPIRED", None, 30)),
    "not clicked, which comes after the deadline to an earlier check": (
        {"faults": (late(28, 6_000), Fault("Check Link", 28, after_millis=5_000))},
        ("UNKNOWN", "PAST_DEADLINE", 29),
    ),
    "every check fails": (
        {"answers": ((0, CLICKED),), "faults": check_fails(0, 99)},
        ("UNKNOWN", "CHECK_FAILED", 30),
    ),
    "the only check comes too late": (
        {"starts": (("API", 299_000),), "faults": (Fault("Check Link", before_millis=2_500),)},
        ("UNKNOWN", "PAST_DEADLINE", 0),
    ),
    "a start past the deadline": ({"starts": (("API", 300_000),)}, ("UNKNOWN", "STARTED_TOO_LATE", 0)),
    "an event past the deadline": ({"starts": (("EVENT", 300_000),)}, ("UNKNOWN", "STARTED_TOO_LATE", 0)),
    "a start in time, whose execution starts after the deadline": (
        {"starts": (("API", 299_900),), "starts_after": 200},
        ("UNKNOWN", "INTERRUPTED", 0),
    ),
} | {
    answer: ({"answers": ((0, PENDING), (295_000, answer))}, ("UNKNOWN", reason, 30))
    for answer, reason in {
        "upstream-down": "UPSTREAM_DOWN",
        "credentials-refused": "CREDENTIALS_REFUSED",
        "throttled": "THROTTLED",
        "502-html": "BAD_ANSWER",
        "another-session": "BAD_ANSWER",
        "TIMEOUT": "TIMEOUT",
        "NO_CONNECTION": "NO_CONNECTION",
    }.items()
}

#: By Signzy's answer and by the outcome's reason.
REJECTIONS = pytest.mark.parametrize(
    ("answer", "reason"), [(UNKNOWN_IDS, "UNKNOWN_IDS"), (MALFORMED_IDS, "MALFORMED_IDS")]
)


@pytest.mark.parametrize(("fields", "expected"), SCHEDULES.values(), ids=SCHEDULES)
def test_checks_are_made_on_the_schedule(fields, expected):
    played = vars(Played(**fields))

    assert {name: played[name] for name in expected} == expected


@pytest.mark.parametrize("nth", [1, 2, 29, 30])
def test_the_check_after_a_click_finds_it_in_three_transitions_a_check_and_five_around_them(nth):
    played = Played(answers=((0, PENDING), (SCHEDULE[nth - 1] * 1000 - 900, CLICKED)))

    assert (played.outcome, played.reason, played.checks) == ("LINK_CLICKED", None, SCHEDULE[:nth])
    assert played.settled_after < SCHEDULE[nth - 1] + 2
    assert len(played.first.entered_states) == 3 * nth + 5
    assert played.first.entered_states[-3:] == ("Record Outcome", "Publish Outcome", "Mark Published")
    assert list(played.account.executions) == [ID]


def test_an_item_may_expire_91_days_after_it_was_published():
    played = Played(answers=((0, CLICKED),))

    published_at = (played.scenario.link_sent_at + played.published_after * 1000) // 1000

    assert int(played.item["expiresAt"]["N"]) == int(published_at) + 91 * 86_400


def test_a_check_that_is_past_the_deadline_by_its_own_clock_is_the_last():
    # Not checked against the guarantees: the clocks of two AWS services are not fifteen seconds apart.
    account = World(Scenario(sent_at=0, answers=((0, PENDING), (285_000, "PAST_DEADLINE")))).play()

    assert account.item is not None
    assert (account.item["reason"], account.item["checks"]) == ({"S": "PAST_DEADLINE"}, {"N": "28"})


@pytest.mark.parametrize(("fields", "expected"), LAST_CHECKS.values(), ids=LAST_CHECKS)
def test_the_last_check_of_the_window_decides(fields, expected):
    played = Played(**fields)

    assert (played.outcome, played.reason, played.counted) == expected


@pytest.mark.parametrize("error", ["KeyError", "Lambda.Unknown", "Sandbox.Timedout", "States.Timeout"])
def test_a_crash_of_the_function_costs_one_check(error):
    played = Played(answers=CLICKED_AT_33, faults=check_fails(1, error=error))

    assert (played.outcome, played.checks, played.counted) == ("LINK_CLICKED", [10, 30, 40], 4)


def test_a_check_that_fails_every_time_leaves_the_schedule_as_it_is():
    played = Played(faults=(Fault("Check Link", times=99, error="KeyError"),), answers=((0, CLICKED),))

    assert {later - earlier for earlier, later in pairwise(played.checks)} == {10, 8}


# ── Rejections ────────────────────────────────────────────────────────────────────────────────────────────────────────


@REJECTIONS
def test_two_rejections_at_the_start_settle_the_verification(answer, reason):
    played = Played(answers=((0, answer),))

    assert (played.outcome, played.reason, played.checks) == ("REJECTED", reason, [10, 20])


@REJECTIONS
def test_the_last_check_may_be_the_second_rejection_but_not_the_only_one(answer, reason):
    second, only = (Played(starts=(("API", at),), answers=((0, answer),)) for at in (285_000, 298_500))

    assert (second.outcome, second.reason, second.checks) == ("REJECTED", reason, [290, 298])
    assert (only.outcome, only.reason, only.checks) == ("UNKNOWN", reason, [298])


@REJECTIONS
def test_rejections_to_the_end_after_a_not_clicked_make_the_outcome_unknown(answer, reason):
    played = Played(answers=((0, PENDING), (45_000, answer)))

    assert (played.outcome, played.reason, played.counted) == ("UNKNOWN", reason, 30)


@pytest.mark.parametrize(
    ("answers", "checks"),
    [
        pytest.param(((15_000, PENDING), (33_000, CLICKED)), [10, 20, 30, 40], id="one at first"),
        pytest.param(
            ((15_000, "TIMEOUT"), (25_000, UNKNOWN_IDS), (35_000, CLICKED)), [10, 20, 30, 40], id="not in a row"
        ),
        pytest.param(
            ((5_000, PENDING), (45_000, UNKNOWN_IDS), (75_000, CLICKED)), SCHEDULE[:8], id="after a not clicked"
        ),
    ],
)
def test_other_rejections_cost_one_check_each(answers, checks):
    played = Played(answers=((0, UNKNOWN_IDS), *answers))

    assert (played.outcome, played.reason, played.checks) == ("LINK_CLICKED", None, checks)


def test_a_crash_between_two_rejections_separates_them():
    played = Played(answers=((0, UNKNOWN_IDS),), faults=check_fails(1))

    assert (played.outcome, played.counted) == ("REJECTED", 4)
