"""Whole windows: which checks are made when, and which outcome results."""

from typing import Any

import pytest

from tests.definition.engine.scenario import Fault, Scenario
from tests.definition.engine.world import CLICKED, PENDING, SCHEDULE, Played, World

UNKNOWN_IDS, MALFORMED_IDS = "unknown-ids", "malformed-request-id"


def then(millis, answer) -> dict[str, Any]:
    """Not clicked until then."""
    return {"answers": ((0, PENDING), (millis, answer))}


def started(after_millis, entry_point="API"):
    return {"starts": ((entry_point, after_millis),)}


def check(nth, **more):
    """A fault of a check; the first is number 0."""
    return (Fault("Check Link", nth, **more),)


def crash(nth, error="KeyError", times=1):
    return check(nth, error=error, times=times, takes_effect=False)


def wait(nth, millis):
    """A wait that ends late, or early."""
    return (Fault("Wait For Next Check", nth, after_millis=millis),)


def numbers(window, poll, lead):
    return {"window_seconds": window, "poll_seconds": poll, "lead_seconds": lead, "check": 100}


#: What happens: fields of the scenario; what results: fields of Played.
SCHEDULES = {
    "slow answers": ({"check": 6_000}, {"checks": SCHEDULE, "counted": 30}),
    "no answer in time": ({"faults": check(1, after_millis=20_000)}, {"checks": SCHEDULE, "counted": 30}),
    "a wait that ends early": ({"faults": wait(4, -900)}, {"counted": 30}),
    "another millisecond": ({"sent_at": 999}, {"outcome": "EXPIRED", "checks": SCHEDULE}),
    "a start before the link was sent": (started(-60_000), {"outcome": "EXPIRED", "checks": SCHEDULE}),
    "a late event": (started(243_000, "EVENT"), {"outcome": "EXPIRED", "checks": SCHEDULE[24:]}),
    "a start after the last check was due": (started(298_500), {"outcome": "EXPIRED", "checks": [298]}),
    "throttling by Lambda": (
        then(33_000, CLICKED) | {"faults": crash(1, "Lambda.TooManyRequestsException", times=2)},
        {"checks": [10, 23, 30, 40], "counted": 4},
    ),
    "a crash": (then(33_000, CLICKED) | {"faults": crash(1)}, {"checks": [10, 30, 40], "counted": 4}),
    "45, 7, 9": (numbers(45, 7, 9), {"checks": [7, 14, 21, 28, 35, 36]}),
    "30, 60, 5": (numbers(30, 60, 5), {"checks": [25]}),
    "60, 10, 10": (numbers(60, 10, 10), {"outcome": "EXPIRED", "checks": [10, 20, 30, 40, 50]}),
}


@pytest.mark.parametrize(("fields", "expected"), SCHEDULES.values(), ids=SCHEDULES)
def test_checks_are_made_on_the_schedule(fields, expected):
    assert Played(**fields).like(expected) == expected


@pytest.mark.parametrize("nth", [1, 30])
def test_the_check_after_a_click_finds_it_in_three_transitions_a_check_and_five_around_them(nth):
    played = Played(**then(SCHEDULE[nth - 1] * 1000 - 900, CLICKED))

    assert (played.outcome, played.reason, played.checks) == ("LINK_CLICKED", None, SCHEDULE[:nth])
    assert played.settled_after < SCHEDULE[nth - 1] + 2
    assert len(played.first.entered_states) == 3 * nth + 5


def test_an_item_may_expire_91_days_after_it_was_published():
    played = Played(answers=((0, CLICKED),))

    published_at = (played.scenario.link_sent_at + played.published_after * 1000) // 1000

    assert int(played.item["expiresAt"]["N"]) == int(published_at) + 91 * 86_400


#: What happens; the outcome, its reason, and how many checks led to it.
LAST_CHECKS = {
    "no usable answer": (then(295_000, "upstream-down"), ("UNKNOWN", "UPSTREAM_DOWN", 30)),
    "no answer": (then(295_000, "TIMEOUT"), ("UNKNOWN", "TIMEOUT", 30)),
    "an answer about another session": (then(0, "another-session"), ("UNKNOWN", "BAD_ANSWER", 30)),
    "a usable answer, the only one": ({"answers": ((0, "502-html"), (295_000, PENDING))}, ("EXPIRED", None, 30)),
    "a crash": ({"faults": crash(29)}, ("UNKNOWN", "CHECK_FAILED", 30)),
    "too late to be made": ({"faults": check(29, before_millis=2_500)}, ("UNKNOWN", "PAST_DEADLINE", 29)),
    "not begun before the deadline": ({"faults": wait(28, 11_000)}, ("UNKNOWN", "PAST_DEADLINE", 28)),
    "a click that comes late": (
        then(297_500, CLICKED) | {"faults": check(29, after_millis=5_000)},
        ("LINK_CLICKED", None, 30),
    ),
    "not clicked, which comes late": ({"faults": check(29, after_millis=5_000)}, ("EXPIRED", None, 30)),
    "not clicked, which comes late to an earlier check": (
        {"faults": wait(28, 6_000) + check(28, after_millis=5_000)},
        ("UNKNOWN", "PAST_DEADLINE", 29),
    ),
    "a start past the deadline": (started(300_000), ("UNKNOWN", "STARTED_TOO_LATE", 0)),
    "an execution past it": (started(299_900) | {"starts_after": 200}, ("UNKNOWN", "INTERRUPTED", 0)),
}


@pytest.mark.parametrize(("fields", "expected"), LAST_CHECKS.values(), ids=LAST_CHECKS)
def test_the_last_check_of_the_window_decides(fields, expected):
    played = Played(**fields)

    assert (played.outcome, played.reason, played.counted) == expected


def test_a_check_that_is_past_the_deadline_by_its_own_clock_is_the_last():
    # Not checked against the guarantees: the clocks of two AWS services are not fifteen seconds apart.
    account = World(Scenario(sent_at=0, **then(285_000, "PAST_DEADLINE"))).play()

    assert account.item is not None
    assert (account.item["reason"], account.item["checks"]) == ({"S": "PAST_DEADLINE"}, {"N": "28"})


REJECTED_THEN_NOT = ((0, UNKNOWN_IDS), (15_000, PENDING), (33_000, CLICKED))
NOT_IN_A_ROW = ((0, UNKNOWN_IDS), (15_000, "TIMEOUT"), (25_000, UNKNOWN_IDS), (35_000, CLICKED))
#: What happens; the outcome, its reason, and the checks that were made.
REJECTIONS = {
    "two settle it": (then(0, UNKNOWN_IDS), ("REJECTED", "UNKNOWN_IDS", [10, 20])),
    "the last is the second": (then(0, MALFORMED_IDS) | started(285_000), ("REJECTED", "MALFORMED_IDS", [290, 298])),
    "the last is the only one": (then(0, UNKNOWN_IDS) | started(298_500), ("UNKNOWN", "UNKNOWN_IDS", [298])),
    "after a not clicked": (then(45_000, MALFORMED_IDS), ("UNKNOWN", "MALFORMED_IDS", SCHEDULE)),
    "one costs one check": ({"answers": REJECTED_THEN_NOT}, ("LINK_CLICKED", None, [10, 20, 30, 40])),
    "two that are not in a row": ({"answers": NOT_IN_A_ROW}, ("LINK_CLICKED", None, [10, 20, 30, 40])),
    "a crash separates them": (
        then(0, UNKNOWN_IDS) | {"faults": crash(1)},
        ("REJECTED", "UNKNOWN_IDS", [10, 30, 40]),
    ),
}


@pytest.mark.parametrize(("fields", "expected"), REJECTIONS.values(), ids=REJECTIONS)
def test_rejections(fields, expected):
    played = Played(**fields)

    assert (played.outcome, played.reason, played.checks) == expected
