"""Random scenarios, which hypothesis generates, simplest first."""

from typing import Any

from hypothesis import strategies as st

from tests.definition.engine.definition import SERVICES, STATES
from tests.definition.engine.scenario import (
    CLOSE,
    CRASH,
    HANG,
    STATUS_EVENT,
    TWICE,
    End,
    EntryPoint,
    Fault,
    Outage,
    Scenario,
)

#: The errors of each service, by AWS's names; the last four of Lambda's are a function's own.
ERRORS = {
    "dynamodb": [
        "DynamoDB.ProvisionedThroughputExceededException",
        "DynamoDB.InternalServerError",
        "DynamoDB.SdkClientException",
        "States.Timeout",
    ],
    "lambda": [
        "Lambda.TooManyRequestsException",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.Unknown",
        "Sandbox.Timedout",
        "States.Timeout",
        "Runtime.ExitError",
        "KeyError",
    ],
    "events": ["EventBridge.FailedEntry", "EventBridge.InternalException", "States.Timeout"],
}
WAITS = [name for name, state in STATES.items() if state["Type"] == "Wait"]
#: The calls of functions.
CALLS = [
    *("API start: PutItem", "API start: StartExecution", "EVENT start: PutItem", "EVENT start: StartExecution"),
    *("cancel: UpdateItem", "cancel: StartExecution", "cancel: StopExecution"),
    *(
        f"{who}: {operation}"
        for who in ("sweep", STATUS_EVENT)
        for operation in ("StartExecution", "DescribeExecution", "UpdateItem", "StartExecution")
    ),
    *("sweep: Scan", "sweep: ListExecutions", f"{STATUS_EVENT}: GetItem"),
]
#: WindowSeconds, PollIntervalSeconds, LastCheckLeadSeconds.
NUMBERS = [*[(300, 10, 2)] * 6, (60, 10, 2), (20, 2, 1), (10, 1, 1), (45, 7, 9), (30, 60, 5)]

#: How long a call may take, in milliseconds: at once, for a while, too long for its task.
_slowness = st.sampled_from([0, 10, 400, 2_000, 6_000, 8_900, 19_000, 25_000])
_seconds = st.integers(min_value=0, max_value=420).map(lambda seconds: seconds * 1000)
_soon = st.integers(min_value=0, max_value=90_000)


@st.composite
def _faults_of_a_state(draw: st.DrawFn) -> Fault:
    state = draw(st.sampled_from([*SERVICES, *WAITS]))
    first = draw(st.integers(0, 35 if state == "Check Link" or state in WAITS else 5))
    if state in WAITS:
        return Fault(state, first, after_millis=draw(st.sampled_from([-900, -200, 200, 1_500, 20_000])))
    return Fault(
        state,
        first,
        times=draw(st.sampled_from([1, 1, 2, 3, 9, 10, 30])),
        error=draw(st.none() | st.sampled_from(ERRORS[SERVICES[state]])),
        takes_effect=draw(st.booleans()),
        before_millis=draw(_slowness),
        after_millis=draw(_slowness),
    )


_faults_of_a_function = st.builds(
    Fault,
    place=st.sampled_from(CALLS),
    first=st.integers(0, 3),
    times=st.sampled_from([1, 1, 2, 5]),
    error=st.sampled_from(["ThrottlingException", "AccessDeniedException", HANG, CLOSE, CRASH]),
    takes_effect=st.booleans(),
    tries=st.sampled_from([9, 1]),
    before_millis=st.sampled_from([0, 10, 400, 2_000]),
    after_millis=st.sampled_from([0, 10, 400, 2_000]),
)
_status_events = st.builds(
    Fault,
    place=st.just(STATUS_EVENT),
    first=st.integers(0, 3),
    error=st.just(TWICE),
    takes_effect=st.booleans(),
)
_ends = st.builds(
    End,
    state=st.sampled_from([*SERVICES, *WAITS]),
    nth=st.integers(0, 6) | st.integers(0, 35),
    after_millis=st.sampled_from([0, 5, 15, 30, 100, 2_000]),
    status=st.sampled_from(["ABORTED", "ABORTED", "TIMED_OUT"]),
)
_answers = st.sampled_from(
    [
        *("pending", "clicked", "clicked-carrier-unknown", "unknown-ids", "malformed-request-id"),
        *("credentials-refused", "upstream-down", "throttled", "502-html", "not-clicked", "only-link-clicked"),
        *("carrier-in-another-alphabet", "another-session", "another-session-not-clicked", "session-in-capitals"),
        *("redirect-with-a-clicked-body", "TIMEOUT", "NO_CONNECTION"),
    ]
)


@st.composite
def _outages(draw: st.DrawFn) -> Outage:
    since = draw(st.integers(-10_000, 320_000))
    lasts = draw(st.sampled_from([1_000, 30_000, 120_000, 1_800_000, 7_200_000]))
    return Outage(draw(st.sampled_from(["dynamodb", "events", "lambda", "states"])), since, since + lasts)


@st.composite
def _starts(draw: st.DrawFn, window_seconds: int) -> tuple[tuple[EntryPoint, int], ...]:
    entry_points: st.SearchStrategy[EntryPoint] = st.sampled_from(("API", "EVENT"))
    first = draw(st.just(0) | st.integers(-60_000, (window_seconds + 30) * 1000))
    again = draw(st.lists(st.tuples(entry_points, _seconds | _soon.map(lambda soon: soon // 1000)), max_size=2))
    return ((draw(entry_points), first), *((who, first + after) for who, after in again))


def _some(strategy: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


#: What goes wrong, what people do, how slow AWS is, and how old what it reads.
_circumstances: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "answers": _some(st.tuples(_seconds, _answers), 3).map(lambda changes: ((0, "pending"), *sorted(changes))),
        "faults": _some(_faults_of_a_state() | _faults_of_a_function | _status_events, 6),
        "ends": _some(_ends, 4),
        "outages": st.just(()) | st.just(()) | _some(_outages()),
        "cancelled_at": st.just(()) | _some(_seconds | _soon),
        "false_events_at": st.just(()) | _some(_seconds),
        "starts_after": st.sampled_from([50, 0, 1_000, 15_000]),
        "transition": st.sampled_from([20, 0, 200]),
        "check": st.sampled_from([300, 0, 2_000, 6_000]),
        "jitter": st.sampled_from([(1.0,), (0.0, 0.9, 0.3), (0.5, 0.1, 0.9)]),
        "events_after": st.lists(st.none() | _soon, min_size=1, max_size=3).map(tuple),
        "first_sweep_at": st.integers(0, 60_000),
        "sweeps_at_once": st.sampled_from([1, 1, 2]),
        "index_lag": st.sampled_from([0, 1_000, 90_000]),
        "list_lag": st.sampled_from([0, 1_000, 90_000]),
        "description_lag": st.sampled_from([0, 1_000, 10_000]),
        "call": st.sampled_from([20, 0, 500, 900]),
        "start_refuses_running": st.sampled_from([False, False, True]),
    }
)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """A scenario. The simplest is a verification that expires while nothing goes wrong."""
    window, poll, lead = draw(st.sampled_from(NUMBERS))
    return Scenario(
        window_seconds=window,
        poll_seconds=poll,
        lead_seconds=lead,
        sent_at=draw(st.sampled_from([0, 1, 250, 999])),
        correlation_id=draw(st.sampled_from(["application-4711", None])),
        starts=draw(_starts(window)),
        **draw(_circumstances),
    )
