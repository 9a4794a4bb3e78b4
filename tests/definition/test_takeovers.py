"""Which execution checks, and which one finishes: starts, takeovers and lost answers."""

import pytest

from tests.definition.engine.account import ID
from tests.definition.engine.played import CLICKED, PENDING, SCHEDULE, Played
from tests.definition.engine.scenario import CRASH, HANG, TWICE, End, Fault, Outage, Scenario
from tests.definition.engine.world import World

UNKNOWN_IDS = "unknown-ids"
REFUSED = "AccessDeniedException"
BY_AN_EVENT = (("EVENT", 0),)


def fails(place, error, **more):
    return (Fault(place, error=error, **{"takes_effect": False, **more}),)


#: What happens: fields of the scenario; when the first check is made.
STARTS = {
    "at both entry points at once": ({"starts": (("API", 0), ("EVENT", 0), ("EVENT", 0), ("API", 60_000))}, 10),
    "one try of it hangs": ({"faults": fails("API start: StartExecution", HANG, tries=1)}, 10),
    "the answer to its put is lost": ({"faults": fails("API start: PutItem", HANG, tries=1, takes_effect=True)}, 10),
    "the answer to an event's put is lost": (
        {"starts": BY_AN_EVENT, "faults": fails("EVENT start: PutItem", HANG, tries=1, takes_effect=True)},
        10,
    ),
    "the sweep makes it": ({"faults": fails("API start: StartExecution", REFUSED)}, 70),
    "the sweep ignores the last half minute": (
        {"faults": fails("API start: StartExecution", CRASH), "first_sweep_at": 20_000},
        90,
    ),
    "an event comes back after ten seconds": (
        {"starts": BY_AN_EVENT, "faults": fails("EVENT start: PutItem", REFUSED)},
        20,
    ),
    "an event comes back after pauses that double": (
        {"starts": BY_AN_EVENT, "outages": (Outage("dynamodb", 0, 60_000),)},
        80,
    ),
    "an event whose function crashes comes back after the visibility time-out": (
        {"starts": BY_AN_EVENT, "faults": fails("EVENT start: PutItem", CRASH)},
        250,
    ),
}


@pytest.mark.parametrize(("fields", "first_check"), STARTS.values(), ids=STARTS)
def test_a_verification_is_watched_once_from_its_start_on(fields, first_check):
    played = Played(**fields)

    assert (played.outcome, played.executions) == ("EXPIRED", [""])
    assert played.checks == [it for it in SCHEDULE if it >= first_check]


def test_a_repeated_start_does_not_start_an_execution():
    played = Played(starts=(("API", 0), ("EVENT", 60_000)))

    assert "EVENT start: StartExecution" not in {point.place for point in played.account.points}


FAILS_AT_50 = (End("Check Link", 4),)
#: What happens: fields of the scenario; what results: fields of Played.
TAKEOVERS = {
    "before the deadline it goes on checking": (
        {"ends": FAILS_AT_50, "events_after": (5_000,)},
        {"outcome": "EXPIRED", "executions": ["", "-r1"], "checks": [*SCHEDULE[:4], *SCHEDULE[5:]]},
    ),
    "by the sweep": (
        {"ends": FAILS_AT_50, "events_after": (None,), "first_sweep_at": 40_000},
        {"outcome": "EXPIRED", "checks": [*SCHEDULE[:4], *SCHEDULE[10:]]},
    ),
    "by the sweep, after a status event that is not handled": (
        {"ends": FAILS_AT_50, "faults": fails("status event: UpdateItem", HANG), "first_sweep_at": 80_000},
        {"outcome": "EXPIRED", "executions": ["", "-r1"], "checks": [*SCHEDULE[:4], *SCHEDULE[8:]]},
    ),
    "after the deadline it does not know the answers of earlier checks": (
        {"ends": (End("Check Link", 29, after_millis=100),), "events_after": (5_000,)},
        {"outcome": "UNKNOWN", "reason": "INTERRUPTED", "counted": 0},
    ),
    "rejections before it do not count with those after it": (
        {"answers": ((0, UNKNOWN_IDS),), "ends": (End("Check Link", 1),)},
        {"outcome": "UNKNOWN", "reason": "UNKNOWN_IDS", "executions": ["", "-r1"]},
    ),
    "rejections after it do not end the window": (
        {"answers": ((0, PENDING), (45_000, UNKNOWN_IDS), (75_000, CLICKED)), "ends": (End("Check Link", 3),)},
        {"outcome": "LINK_CLICKED", "executions": ["", "-r1"]},
    ),
    "of a settled verification it publishes the outcome": (
        {"answers": ((0, CLICKED),), "ends": (End("Publish Outcome"),)},
        {"outcome": "LINK_CLICKED", "checks": [10], "executions": ["", "-r1"]},
    ),
    "none after it was published": (
        {"answers": ((0, CLICKED),), "ends": (End("Mark Published", after_millis=15),)},
        {"executions": [""]},
    ),
    "none although an event says that it failed": (
        {"false_events_at": (25_000, 120_000)},
        {"executions": [""], "checks": SCHEDULE},
    ),
    "none although it is not listed as running": (
        {"list_lag": 400_000, "start_refuses_running": True},
        {"executions": [""], "checks": SCHEDULE},
    ),
    "one for a failure that is reported twice and found by two sweeps": (
        {
            "ends": FAILS_AT_50,
            "faults": fails("status event", TWICE, takes_effect=True),
            "events_after": (9_950,),
            "sweeps_at_once": 2,
        },
        {"executions": ["", "-r1"]},
    ),
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
    played = Played(answers=((0, CLICKED),), faults=(Fault(state, after_millis=25_000),))

    assert (played.outcome, played.executions, played.checks) == ("LINK_CLICKED", [""], [10])
    assert played.events == [played.events[0]] * events
    assert played.first.entered_states.count("Read Verification") == reads
    assert played.first.entered_states[-1] == last


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(100, id="before it is read"),
        pytest.param(5_000, id="before it is recorded"),
        pytest.param(10_510, id="before it is marked"),
    ],
)
def test_a_deleted_item_is_not_created_again(moment):
    world = World(Scenario(sent_at=0, starts_after=100, answers=((0, CLICKED),)))
    account = world.account
    account.time.at(account.scenario.link_sent_at + moment, lambda: account.table.delete(ID))

    world.play()

    (execution,) = account.executions.values()
    assert (execution.status, execution.entered_states[-1]) == ("SUCCEEDED", "Nothing To Do")
    assert account.item is None
