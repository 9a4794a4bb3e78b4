"""Every single fault of a scenario, and every pair, enumerated: wherever the scenario arrives, all that can go wrong there.

A fault is a call refused, unanswered or disconnected, with or without its effect; a function that crashes before or after a call;
an execution ended in a state before or after its call has taken effect; a status event lost or sent twice. A pair's second fault
may be anywhere after the first has struck, in the scenario as the first has changed it. Faults with the same result are left
out: the lost answer of a call that only reads is a refusal, and a crash after such a call is a crash before the next.
"""

from collections.abc import Iterator
from dataclasses import replace

from tests.definition.engine.account import Point
from tests.definition.engine.definition import SERVICES
from tests.definition.engine.scenario import CLOSE, CRASH, HANG, STATUS_EVENT, TWICE, End, Fault, Scenario
from tests.definition.engine.world import play

_CLICK = ((0, "pending"), (15_000, "clicked"))
_REJECTED_ONCE = ((0, "unknown-ids"), (15_000, "clicked"))
_WHILE_IT_WAITS = (End("Wait For Next Check", 1),)
_STALE = {"sweeps_at_once": 2, "index_lag": 2_000, "list_lag": 2_000}
#: The scenarios that faults are added to. Each window is short, with checks 10, 20 and 28 s after linkSentAt, and a sweep every
#: minute from 14 s on.
BASES: dict[str, Scenario] = {
    name: Scenario(**{"window_seconds": 30, "sent_at": 0, "first_sweep_at": 14_000, **fields})
    for name, fields in {
        "clicked": {"answers": _CLICK},
        "never clicked": {},
        "started by an event": {"answers": _CLICK, "starts": (("EVENT", 0),)},
        "started at both entry points at once": {"answers": _CLICK, "starts": (("API", 0), ("EVENT", 5))},
        "started just before the deadline": {"starts": (("API", 29_000),)},
        "started after the deadline": {"starts": (("EVENT", 31_000),)},
        "cancelled while it is watched": {"answers": _CLICK, "cancelled_at": (13_000,)},
        "cancelled twice at once": {"cancelled_at": (13_000, 13_005)},
        "cancelled after a click was seen, before it was recorded": {
            "answers": ((0, "clicked"),),
            "cancelled_at": (11_000,),
            "faults": (Fault("Record Outcome", before_millis=3_000),),
        },
        "cancelled after the click was recorded": {"answers": _CLICK, "cancelled_at": (20_440,)},
        "cancelled right after its start": {"cancelled_at": (45,)},
        "rejected twice": {"answers": ((0, "unknown-ids"),)},
        "rejected once, then clicked": {"answers": _REJECTED_ONCE},
        "aborted while it waits": {"answers": _CLICK, "ends": _WHILE_IT_WAITS},
        "aborted while it waits, found by two sweeps at once": {
            "ends": _WHILE_IT_WAITS,
            "events_after": (None,),
            "sweeps_at_once": 2,
        },
        "aborted before it publishes, told late, found by two sweeps that read stale data": {
            "answers": _CLICK,
            "ends": (End("Publish Outcome"),),
            "events_after": (53_700,),
            "description_lag": 2_000,
            **_STALE,
        },
        "cancelled, while two sweeps read stale data": {
            "answers": _CLICK,
            "cancelled_at": (13_980,),
            "starts": (("API", -20_000),),
            **_STALE,
        },
        "aborted, on an emulator that refuses the name of a running execution": {
            "ends": (End("Check Link", 1),),
            "start_refuses_running": True,
            "sweeps_at_once": 2,
        },
    }.items()
}

_REFUSAL = {
    "dynamodb": "DynamoDB.InternalServerError",
    "lambda": "Lambda.TooManyRequestsException",
    "events": "EventBridge.InternalException",
}
_READS = {"GetItem", "Scan", "ListExecutions", "DescribeExecution"}
#: Longer than any task waits for an answer.
_NEVER_MILLIS = 25_000


def faults_at(point: Point) -> Iterator[Fault | End]:
    """All that can go wrong at a point."""
    place, nth = point.place, point.nth
    if not point.is_call:
        yield End(place, nth)
        if place in SERVICES:
            yield End(place, nth, after_millis=100 if place == "Check Link" else 15)
    elif place == STATUS_EVENT:
        yield Fault(place, nth, takes_effect=False)
        yield Fault(place, nth, error=TWICE)
    elif place in SERVICES:
        yield Fault(place, nth, error=_REFUSAL[SERVICES[place]], takes_effect=False)
        if place != "Read Verification":
            yield Fault(place, nth, after_millis=_NEVER_MILLIS)
    elif ": " in place:
        yield Fault(place, nth, error="AccessDeniedException", takes_effect=False)  # the SDK does not try it again
        yield Fault(place, nth, error=HANG, takes_effect=False)
        yield Fault(place, nth, error=CRASH, takes_effect=False)
        if place.rpartition(": ")[2] not in _READS:
            yield Fault(place, nth, error=CLOSE, tries=1)  # the SDK tries it again
            yield Fault(place, nth, error=CLOSE)
            yield Fault(place, nth, error=CRASH)


def _with(scenario: Scenario, fault: Fault | End) -> Scenario:
    if isinstance(fault, End):
        return replace(scenario, ends=(*scenario.ends, fault))
    # The first fault that matches a call is the one that strikes.
    return replace(scenario, faults=(fault, *scenario.faults))


def single_faults(scenario: Scenario, after: int = -1) -> Iterator[tuple[Scenario, int]]:
    """The scenario, which is played, with each single fault after a point, and the number of the point at which it strikes."""
    for number, point in enumerate(play(scenario).points):
        if number > after:
            for fault in faults_at(point):
                yield _with(scenario, fault), number


def play_pairs_after(scenario: Scenario, at: int) -> tuple[int, list[str]]:
    """Plays a scenario with a fault at this point, and with each second one after it: how many there are, and the failures."""
    pairs = [pair for pair, _ in single_faults(scenario, at)]
    failures = []
    for pair in pairs:
        try:
            play(pair)
        except AssertionError as failure:
            failures.append(str(failure))
    return len(pairs), failures
