"""Which execution checks, and which one finishes: starts, takeovers and lost answers."""

import pytest

from tests.definition.engine.account import ID
from tests.definition.engine.played import CLICKED, PENDING, SCHEDULE, Played
from tests.definition.engine.scenario import CLOSE, CRASH, HANG, TWICE, End, Fault, Outage, Scenario
from tests.definition.engine.world import World

UNKNOWN_IDS = "unknown-ids"
REFUSED = "AccessDeniedException"
BY_AN_EVENT = (("EVENT", 0),)


def fails(place, error, **more):
    return (Fault(place, error=error, **{"takes_effect": False, **more}),)


def matches(played, expected):
    """expected: some of Played's fields."""
    shown = vars(played)
    assert {name: shown[name] for name in expected} == expected


# ── Starts ────────────────────────────────────────────────────────────────────────────────────────────────────────────

#: What happens: fields of the scenario; when the first check is made.
STARTS = {
    "started twice": ({"starts": (("API", 0), ("API", 60_000))}, 10),
    "started at both entry points at once": ({"starts": (("API", 0), ("EVENT", 0))}, 10),
    "started by four events at once": ({"starts": (("EVENT", 0),) * 4}, 10),
    **{
        f"one try of its start: {error}": ({"faults": fails("API start: StartExecution", error, tries=1)}, 10)
        for error in (HANG, CLOSE, "ThrottlingException")
    },
    **{
        f"the answer to its put is lost: {by}, {error}": (
            {"starts": ((by, 0),), "faults": fails(f"{by} start: PutItem", error, tries=1, takes_effect=True)},
            10,
        )
        for by in ("API", "EVENT")
        for error in (HANG, CLOSE)
    },
    **{
        f"the sweep starts it: {error}": ({"faults": fails("API start: StartExecution", error)}, 70)
        for error in (REFUSED, HANG, CRASH)
    },
    "the sweep ignores what was started in the last half minute": (
        {"faults": fails("API start: StartExecution", REFUSED), "first_sweep_at": 20_000},
        90,
    ),
    **{
        f"an event comes back after ten seconds: {error}": (
            {"starts": BY_AN_EVENT, "faults": fails("EVENT start: PutItem", error)},
            20,
        )
        for error in (HANG, REFUSED)
    },
    **{
        f"an event comes back after pauses that double: {lasts} s": (
            {"starts": BY_AN_EVENT, "outages": (Outage("dynamodb", 0, lasts * 1000),)},
            first,
        )
        for lasts, first in ((20, 40), (60, 80), (140, 160))
    },
    "an event whose function crashes comes back after the visibility time-out": (
        {"starts": BY_AN_EVENT, "faults": fails("EVENT start: PutItem", CRASH)},
        250,
    ),
}


@pytest.mark.parametrize(("fields", "first_check"), STARTS.values(), ids=STARTS)
def test_a_verification_is_watched_once_and_from_then_on(fields, first_check):
    played = Played(**fields)

    matches(played, {"outcome": "EXPIRED", "executions": [""], "checks": [it for it in SCHEDULE if it >= first_check]})


def test_a_repeated_start_does_not_start_an_execution():
    played = Played(starts=(("API", 0), ("EVENT", 60_000)))

    assert "EVENT start: StartExecution" not in {point.place for point in played.account.points}


# ── Takeovers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

FAILS_AT_50 = (End("Check Link", 4),)
TAKEOVERS = {
    "before the deadline it goes on checking": (
        {"ends": FAILS_AT_50, "events_after": (5_000,)},
        {"outcome": "EXPIRED", "executions": ["", "-r1"], "checks": [*SCHEDULE[:4], *SCHEDULE[5:]]},
    ),
    "by the sweep": (
        {"ends": FAILS_AT_50, "events_after": (None,), "first_sweep_at": 40_000},
        {"outcome": "EXPIRED", "checks": [*SCHEDULE[:4], *SCHEDULE[10:]]},
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
    "malformed ids in the middle of the window and after it": (
        {"answers": ((0, PENDING), (25_000, "malformed-request-id"), (75_000, CLICKED)), "ends": FAILS_AT_50},
        {"outcome": "LINK_CLICKED", "executions": ["", "-r1"]},
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
        {"list_lag": 400_000},
        {"executions": [""], "checks": SCHEDULE},
    ),
    "none on an emulator that refuses the name of a running execution": (
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
    "it crashes after its write": (
        {"ends": FAILS_AT_50, "faults": fails("status event: UpdateItem", CRASH, takes_effect=True)},
        {"outcome": "EXPIRED", "executions": ["", "-r1"]},
    ),
}


@pytest.mark.parametrize(("fields", "expected"), TAKEOVERS.values(), ids=TAKEOVERS)
def test_a_takeover(fields, expected):
    matches(Played(**fields), expected)


@pytest.mark.parametrize(("state", "events"), [("Publish Outcome", 1), ("Mark Published", 2)])
def test_a_takeover_of_a_settled_verification_publishes_it_without_a_check(state, events):
    played = Played(answers=((0, CLICKED),), ends=(End(state),))

    matches(played, {"outcome": "LINK_CLICKED", "checks": [10], "executions": ["", "-r1"]})
    assert len(played.events) == events


def test_recovery_is_not_retried_by_lambda_and_the_sweep_does_its_work():
    played = Played(ends=FAILS_AT_50, faults=fails("status event: UpdateItem", HANG))

    matches(played, {"outcome": "EXPIRED", "executions": ["", "-r1"]})
    assert next(it for it in played.account.versions if it.item["takeovers"] == {"N": "1"}).who == "sweep"


# ── Lost answers and deleted items ────────────────────────────────────────────────────────────────────────────────────


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

    matches(played, {"outcome": "LINK_CLICKED", "executions": [""], "checks": [10]})
    assert played.events == [played.events[0]] * events
    assert played.first.entered_states.count("Read Verification") == reads
    assert played.first.entered_states[-1] == last


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
