"""Whole windows: which checks are made when, and which outcome results."""

import pytest

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


def started(after_millis, entry_point="API"):
    return {"starts": ((entry_point, after_millis),)}


def numbers(window, poll, lead):
    return {"window_seconds": window, "poll_seconds": poll, "lead_seconds": lead, "check": 100}


#: What happens: fields of the scenario; what results: fields of Played.
SCHEDULES = {
    "slow answers delay no later check": ({"check": 6_000}, {"outcome": "EXPIRED", "checks": SCHEDULE}),
    "a check without an answer is given up before the next": (
        {"faults": (Fault("Check Link", 1, before_millis=0, after_millis=20_000),)},
        {"checks": SCHEDULE, "counted": 30},
    ),
    "a wait that ends early does not cause two checks at one point": ({"faults": (late(4, -900),)}, {"counted": 30}),
    "a start on another millisecond": ({"sent_at": 999}, {"outcome": "EXPIRED", "checks": SCHEDULE}),
    "a start before the link was sent": (started(-60_000), {"outcome": "EXPIRED", "checks": SCHEDULE}),
    "a late event": (started(243_000, "EVENT"), {"outcome": "EXPIRED", "checks": SCHEDULE[24:]}),
    "a start after the last check was due": (started(298_500), {"outcome": "EXPIRED", "checks": [298]}),
    "throttling by Lambda is retried within the same check": (
        {"answers": CLICKED_AT_33, "faults": check_fails(1, 2, "Lambda.TooManyRequestsException")},
        {"checks": [10, 23, 30, 40], "counted": 4},
    ),
    "45, 7, 9": (numbers(45, 7, 9), {"checks": [7, 14, 21, 28, 35, 36]}),
    "30, 60, 5": (numbers(30, 60, 5), {"checks": [25]}),
    "60, 10, 10": (numbers(60, 10, 10), {"outcome": "EXPIRED", "checks": [10, 20, 30, 40, 50]}),
}


@pytest.mark.parametrize(("fields", "expected"), SCHEDULES.values(), ids=SCHEDULES)
def test_checks_are_made_on_the_schedule(fields, expected):
    assert Played(**fields).like(expected) == expected


@pytest.mark.parametrize("nth", [1, 30])
def test_the_check_after_a_click_finds_it_in_three_transitions_a_check_and_five_around_them(nth):
    played = Played(answers=((0, PENDING), (SCHEDULE[nth - 1] * 1000 - 900, CLICKED)))

    assert (played.outcome, played.reason, played.checks) == ("LINK_CLICKED", None, SCHEDULE[:nth])
    assert played.settled_after < SCHEDULE[nth - 1] + 2
    assert len(played.first.entered_states) == 3 * nth + 5
    assert played.executions == [""]


def test_an_item_may_expire_91_days_after_it_was_published():
    played = Played(answers=((0, CLICKED),))

    published_at = (played.scenario.link_sent_at + played.published_after * 1000) // 1000

    assert int(played.item["expiresAt"]["N"]) == int(published_at) + 91 * 86_400


LATE_ANSWER = Fault("Check Link", 29, after_millis=5_000)
#: What happens; the outcome, its reason and how many checks led to it.
LAST_CHECKS = {
    "a check without a usable answer": (
        {"answers": ((0, PENDING), (295_000, "upstream-down"))},
        ("UNKNOWN", "UPSTREAM_DOWN", 30),
    ),
    "a check that Signzy does not answer": (
        {"answers": ((0, PENDING), (295_000, "TIMEOUT"))},
        ("UNKNOWN", "TIMEOUT", 30),
    ),
    "another session": ({"answers": ((0, "another-session"),)}, ("UNKNOWN", "BAD_ANSWER", 30)),
    "a check after others without a usable answer": (
        {"answers": ((0, "502-html"), (295_000, PENDING))},
        ("EXPIRED", None, 30),
    ),
    "a crash": ({"faults": check_fails(29)}, ("UNKNOWN", "CHECK_FAILED", 30)),
    "a check that comes too late to be made": (
        {"faults": (Fault("Check Link", 29, before_millis=2_500),)},
        ("UNKNOWN", "PAST_DEADLINE", 29),
    ),
    # The wait before the check at 290 s.
    "a check that is not begun before the deadline": (
        {"faults": (late(28, 11_000),)},
        ("UNKNOWN", "PAST_DEADLINE", 28),
    ),
    "a click that comes after the deadline": (
        {"answers": ((0, PENDING), (297_500, CLICKED)), "faults": (LATE_ANSWER,)},
        ("LINK_CLICKED", None, 30),
    ),
    "not clicked, which comes after the deadline": ({"faults": (LATE_ANSWER,)}, ("EXPIRED", None, 30)),
    "not clicked, which comes after the deadline to an earlier check": (
        {"faults": (late(28, 6_000), Fault("Check Link", 28, after_millis=5_000))},
        ("UNKNOWN", "PAST_DEADLINE", 29),
    ),
    "a start past the deadline": (started(300_000), ("UNKNOWN", "STARTED_TOO_LATE", 0)),
    "a start in time, whose execution starts after the deadline": (
        started(299_900) | {"starts_after": 200},
        ("UNKNOWN", "INTERRUPTED", 0),
    ),
}


@pytest.mark.parametrize(("fields", "expected"), LAST_CHECKS.values(), ids=LAST_CHECKS)
def test_the_last_check_of_the_window_decides(fields, expected):
    played = Played(**fields)

    assert (played.outcome, played.reason, played.counted) == expected


def test_a_check_that_is_past_the_deadline_by_its_own_clock_is_the_last():
    # Not checked against the guarantees: the clocks of two AWS services are not fifteen seconds apart.
    account = World(Scenario(sent_at=0, answers=((0, PENDING), (285_000, "PAST_DEADLINE")))).play()

    assert account.item is not None
    assert (account.item["reason"], account.item["checks"]) == ({"S": "PAST_DEADLINE"}, {"N": "28"})


@pytest.mark.parametrize("error", ["Lambda.Unknown", "States.Timeout"])
def test_a_crash_of_the_function_costs_one_check(error):
    played = Played(answers=CLICKED_AT_33, faults=check_fails(1, error=error))

    assert (played.outcome, played.checks, played.counted) == ("LINK_CLICKED", [10, 30, 40], 4)


REJECTIONS = {
    "two settle the verification": (
        {"answers": ((0, UNKNOWN_IDS),)},
        {"outcome": "REJECTED", "reason": "UNKNOWN_IDS", "checks": [10, 20]},
    ),
    "the last check may be the second": (
        {"answers": ((0, MALFORMED_IDS),), **started(285_000)},
        {"outcome": "REJECTED", "reason": "MALFORMED_IDS", "checks": [290, 298]},
    ),
    "the last check may not be the only one": (
        {"answers": ((0, UNKNOWN_IDS),), **started(298_500)},
        {"outcome": "UNKNOWN", "reason": "UNKNOWN_IDS", "checks": [298]},
    ),
    "none settles it after a not clicked": (
        {"answers": ((0, PENDING), (45_000, MALFORMED_IDS))},
        {"outcome": "UNKNOWN", "reason": "MALFORMED_IDS", "counted": 30},
    ),
    "one costs one check": (
        {"answers": ((0, UNKNOWN_IDS), (15_000, PENDING), (33_000, CLICKED))},
        {"outcome": "LINK_CLICKED", "reason": None, "checks": [10, 20, 30, 40]},
    ),
    "two that are not in a row cost two checks": (
        {"answers": ((0, UNKNOWN_IDS), (15_000, "TIMEOUT"), (25_000, UNKNOWN_IDS), (35_000, CLICKED))},
        {"outcome": "LINK_CLICKED", "checks": [10, 20, 30, 40]},
    ),
    "a crash separates two": (
        {"answers": ((0, UNKNOWN_IDS),), "faults": check_fails(1)},
        {"outcome": "REJECTED", "counted": 4},
    ),
}


@pytest.mark.parametrize(("fields", "expected"), REJECTIONS.values(), ids=REJECTIONS)
def test_rejections(fields, expected):
    assert Played(**fields).like(expected) == expected
