"""Every single fault of a scenario, and every pair, enumerated: wherever the scenario arrives, all that can go wrong there.

A fault is a call refused, unanswered or disconnected, with or without its effect; a function that crashes before or after a call;
an execution ended in a state before or after its call has taken effect; a status event lost or sent twice. A pair's second fault
may be anywhere after the first has struck, in the scenario as the first has changed it. Faults with the same result are left
out: the lost answer of a call that only reads is a refusal, and a crash after such a call is a crash before the next.
"""

from collections.abc import Iterator
from dataclasses import replace

from tests.definition.engine.definition import TASKS
from tests.definition.engine.record import Point
from tests.definition.engine.result import play
from tests.definition.engine.scenario import CLOSE, CRASH, HANG, STATUS_EVENT, TWICE, End, Fault, Scenario

_SMALL = Scenario(
    window_seconds=30,
    poll_seconds=10,
    lead_seconds=2,
    sent_at=0,
    answers=((0, "pending"),),
    first_sweep_at=14_000,
)
_CLICK = ((0, "pending"), (15_000, "clicked"))
#: The scenarios that faults are added to. Each window is short, with checks 10, 20 and 28 s after linkSentAt, and a sweep every
#: minute from 14 s on.
BASES: dict[str, Scenario] = {
    "clicked": replace(_SMALL, answers=_CLICK),
    "never clicked": _SMALL,
    "started by an event": replace(_SMALL, answers=_CLICK, starts=(("EVENT", 0),)),
    "started at both entry points at once": replace(_SMALL, answers=_CLICK, starts=(("API", 0), ("EVENT", 5))),
    "started just before the deadline": replace(_SMALL, starts=(("API", 29_000),)),
    "started after the deadline": replace(_SMALL, starts=(("EVENT", 31_000),)),
    "cancelled while it is watched": replace(_SMALL, answers=_CLICK, cancelled_at=(13_000,)),
    "cancelled twice at once": replace(_SMALL, cancelled_at=(13_000, 13_005)),
    "cancelled after a click was seen, before it was recorded": replace(
        _SMALL,
        answers=((0, "clicked"),),
        cancelled_at=(11_000,),
        faults=(Fault("Record Outcome", before_millis=3_000),),
    ),
    "cancelled after the click was recorded": replace(_SMALL, answers=_CLICK, cancelled_at=(20_440,)),
    "cancelled right after its start": replace(_SMALL, cancelled_at=(45,)),
    "rejected twice": replace(_SMALL, answers=((0, "unknown-ids"),)),
    "rejected once, then clicked": replace(_SMALL, answers=((0, "unknown-ids"), (15_000, "clicked"))),
    "aborted while it waits": replace(_SMALL, answers=_CLICK, ends=(End("Wait For Next Check", 1),)),
    "aborted while it waits, found by two sweeps at once": replace(
        _SMALL, ends=(End("Wait For Next Check", 1),), events_after=(None,), sweeps_at_once=2
    ),
    "aborted before it publishes, told late, found by two sweeps that read stale data": replace(
        _SMALL,
        answers=_CLICK,
        ends=(End("Publish Outcome"),),
        events_after=(53_700,),
        sweeps_at_once=2,
        index_lag=2_000,
        list_lag=2_000,
        description_lag=2_000,
    ),
    "cancelled, while two sweeps read stale data": replace(
        _SMALL,
        answers=_CLICK,
        cancelled_at=(13_980,),
        sweeps_at_once=2,
        starts=(("API", -20_000),),
        index_lag=2_000,
        list_lag=2_000,
    ),
    "aborted, on an emulator that refuses the name of a running execution": replace(
        _SMALL, ends=(End("Check Link", 1),), start_refuses_running=True, sweeps_at_once=2
    ),
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
    state = point.place.removesuffix(" (again)")
    if not point.is_call:
        yield End(point.place, point.nth)
        if state in TASKS:
            yield End(point.place, point.nth, after_millis=100 if state == "Check Link" else 15)
    elif point.place == STATUS_EVENT:
        yield Fault(STATUS_EVENT, point.nth, takes_effect=False)
        yield Fault(STATUS_EVENT, point.nth, error=TWICE)
    elif state in TASKS:
        service = TASKS[state]["Resource"].split(":::")[1].split(":")[0]
        yield Fault(state, point.nth, error=_REFUSAL[service], takes_effect=False)
        if state != "Read Verification":
            yield Fault(state, point.nth, after_millis=_NEVER_MILLIS)
    elif ": " in point.place:
        yield from _faults_of_a_function(point)


def _faults_of_a_function(point: Point) -> Iterator[Fault]:
    place, nth = point.place, point.nth
    yield Fault(place, nth, error="AccessDeniedException", takes_effect=False)  # the SDK does not try it again
    yield Fault(place, nth, error=HANG, takes_effect=False)
    yield Fault(place, nth, error=CRASH, takes_effect=False)
    if place.rpartition(": ")[2] not in _READS:
        yield Fault(place, nth, error=CLOSE, tries=1)  # the SDK tries it again
        yield Fault(place, nth, error=CLOSE)
        yield Fault(place, nth, error=CRASH)


def with_fault(scenario: Scenario, fault: Fault | End) -> Scenario:
    if isinstance(fault, End):
        return replace(scenario, ends=(*scenario.ends, fault))
    # The first fault that matches a call is the one that strikes.
    return replace(scenario, faults=(fault, *scenario.faults))


def single_faults(scenario: Scenario) -> Iterator[tuple[Scenario, int]]:
    """The scenario with each single fault, and the number of the point at which it strikes."""
    for number, point in enumerate(play(scenario).record.points):
        for fault in faults_at(point):
            yield with_fault(scenario, fault), number


def second_faults(scenario: Scenario, first_at: int) -> Iterator[Scenario]:
    """A scenario with a fault at this point, with each further fault after it. The scenario itself is played, too."""
    for point in play(scenario).record.points[first_at + 1 :]:
        for fault in faults_at(point):
            yield with_fault(scenario, fault)


def play_pairs_after(scenario: Scenario, at: int) -> tuple[int, list[str]]:
    """How many second faults there are, and the failures."""
    failures = [failure for pair in second_faults(scenario, at) for failure in [_failure_of(pair)]]
    return len(failures), [failure for failure in failures if failure]


def _failure_of(scenario: Scenario) -> str:
    try:
        play(scenario)
    except AssertionError as failure:
        return str(failure)
    return ""
