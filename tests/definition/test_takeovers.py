"""Which execution checks, and which one finishes: starts, takeovers and lost answers."""

from typing import Any

import pytest

from tests.definition.engine.scenario import CRASH, HANG, ID, TWICE, End, Fault, Outage, Scenario
from tests.definition.engine.world import CLICKED, PENDING, SCHEDULE, Played, World

UNKNOWN_IDS = "unknown-ids"
REFUSED = "AccessDeniedException"
BY_AN_EVENT = {"starts": (("EVENT", 0),)}


def fails(place, error, **more):
    return {"faults": (Fault(place, error=error, **{"takes_effect": False, **more}),)}


def answer_lost(place):
    return fails(place, HANG, tries=1, takes_effect=True)


#: What happens: fields of the scenario; when the first check is made.
STARTS = {
    "at both entry points": ({"starts": (("API", 0), ("EVENT", 0), ("EVENT", 0), ("API", 60_000))}, 10),
    "one try of it hangs": (fails("API start: StartExecution", HANG, tries=1), 10),
    "the answer to its put is lost": (answer_lost("API start: PutItem"), 10),
    "the answer to an event's put is lost": (BY_AN_EVENT | answer_lost("EVENT start: PutItem"), 10),
    "the sweep makes it": (fails("API start: StartExecution", REFUSED), 70),
    "not in its first half minute": (fails("API start: StartExecution", CRASH) | {"first_sweep_at": 20_000}, 90),
    "an event returns after ten seconds": (BY_AN_EVENT | fails("EVENT start: PutItem", REFUSED), 20),
    "and after pauses that double": (BY_AN_EVENT | {"outages": (Outage("dynamodb", 0, 60_000),)}, 80),
    "an event whose function crashes": (BY_AN_EVENT | fails("EVENT start: PutItem", CRASH), 250),
}


@pytest.mark.parametrize(("fields", "first_check"), STARTS.values(), ids=STARTS)
def test_a_verification_is_watched_once_from_its_start_on(fields, first_check):
    played = Played(**fields)

    assert (played.outcome, played.executions) == ("EXPIRED", [""])
    assert played.checks == [it for it in SCHEDULE if it >= first_check]


def ends(state, nth=0, **more):
    return {"ends": (End(state, nth, **more),)}


FAILS_AT_50 = ends("Check Link", 4)
REPORTED_TWICE = fails("status event", TWICE, takes_effect=True) | {"events_after": (9_950,), "sweeps_at_once": 2}
REJECTED_AT_50_AND_60 = {"answers": ((0, PENDING), (45_000, UNKNOWN_IDS), (65_000, CLICKED))}
NOT_LISTED = {"list_lag": 400_000, "start_refuses_running": True}
AT_ONCE: dict[str, Any] = {"answers": ((0, CLICKED),)}
#: What happens: fields of the scenario; what results: fields of Played.
TAKEOVERS = {
    "before the deadline it goes on checking": (
        FAILS_AT_50 | {"events_after": (5_000,)},
        {"outcome": "EXPIRED", "executions": ["", "-r1"], "checks": [*SCHEDULE[:4], *SCHEDULE[5:]]},
    ),
    "by the sweep": (
        FAILS_AT_50 | {"events_after": (None,), "first_sweep_at": 40_000},
        {"outcome": "EXPIRED", "checks": [*SCHEDULE[:4], *SCHEDULE[10:]]},
    ),
    "by the sweep, after a status event that is not handled": (
        FAILS_AT_50 | fails("status event: UpdateItem", HANG) | {"first_sweep_at": 80_000},
        {"outcome": "EXPIRED", "executions": ["", "-r1"], "checks": [*SCHEDULE[:4], *SCHEDULE[8:]]},
    ),
    "after the deadline it does not know the answers of earlier checks": (
        ends("Check Link", 29, after_millis=100) | {"events_after": (5_000,)},
        {"outcome": "UNKNOWN", "reason": "INTERRUPTED", "counted": 0},
    ),
    "rejections before and after it": (
        {"answers": ((0, UNKNOWN_IDS),)} | ends("Check Link", 1),
        {"outcome": "UNKNOWN", "reason": "UNKNOWN_IDS", "executions": ["", "-r1"]},
    ),
    "rejections after it": (REJECTED_AT_50_AND_60 | ends("Check Link", 3), {"outcome": "LINK_CLICKED"}),
    "of a settled verification": (AT_ONCE | ends("Publish Outcome"), {"checks": [10], "executions": ["", "-r1"]}),
    "none after it was published": (AT_ONCE | ends("Mark Published", after_millis=15), {"executions": [""]}),
    "none although it is not listed": (NOT_LISTED, {"executions": [""], "checks": SCHEDULE}),
    "one, reported twice, found twice": (FAILS_AT_50 | REPORTED_TWICE, {"executions": ["", "-r1"]}),
}


@pytest.mark.parametrize(("fields", "expected"), TAKEOVERS.values(), ids=TAKEOVERS)
def test_a_takeover(fields, expected):
    assert Played(**fields).like(expected) == expected


@pytest.mark.parametrize(
    ("state", "reads", "events", "last"),
    [
        ("Record Outcome", 2, 1, "Mark Published"),
        ("Publish Outcome", 1, 2, "Mark Published"),
        ("Mark Published", 1, 1, "Nothing To Do"),
    ],
)
def test_a_lost_answer_changes_nothing(state, reads, events, last):
    played = Played(**AT_ONCE, faults=(Fault(state, after_millis=25_000),))

    assert (played.outcome, played.executions, played.checks) == ("LINK_CLICKED", [""], [10])
    assert played.events == [played.events[0]] * events
    assert played.first.entered_states.count("Read Verification") == reads
    assert played.first.entered_states[-1] == last


@pytest.mark.parametrize("moment", [100, 5_000, 10_510], ids=["before it is read", "recorded", "marked"])
def test_a_deleted_item_is_not_created_again(moment):
    world = World(Scenario(sent_at=0, starts_after=100, **AT_ONCE))
    account = world.account
    account.time.at(account.scenario.link_sent_at + moment, lambda: account.table.delete(ID))

    world.play()

    (execution,) = account.executions.values()
    assert (execution.status, execution.entered_states[-1]) == ("SUCCEEDED", "Nothing To Do")
    assert account.item is None
