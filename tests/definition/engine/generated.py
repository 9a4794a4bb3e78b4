"""Random scenarios, which hypothesis generates, simplest first."""

from typing import Any

from hypothesis import strategies as st

from tests.definition.engine.definition import SERVICES, STATES
from tests.definition.engine.scenario import CLOSE, CRASH, HANG, STATUS_EVENT, TWICE, End, Fault, Outage, Scenario

#: The errors of each service, by AWS's names; the last two of Lambda's are the function's own.
_ERRORS = {
    "dynamodb": ["DynamoDB.InternalServerError", "DynamoDB.SdkClientException", "States.Timeout"],
    "events": ["EventBridge.FailedEntry", "EventBridge.InternalException", "States.Timeout"],
    "lambda": [
        *("Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.AWSLambdaException"),
        *("Lambda.SdkClientException", "Lambda.Unknown", "States.Timeout", "Sandbox.Timedout", "KeyError"),
    ],
}
WAITS = [name for name, state in STATES.items() if state["Type"] == "Wait"]
#: The calls of functions.
CALLS = [
    *("API start: PutItem", "API start: StartExecution", "EVENT start: PutItem", "EVENT start: StartExecution"),
    *("cancel: UpdateItem", "cancel: StartExecution", "cancel: StopExecution"),
    *("sweep: Scan", "sweep: ListExecutions", f"{STATUS_EVENT}: GetItem"),
    *(f"{who}: {it}Execution" for who in ("sweep", STATUS_EVENT) for it in ("Start", "Describe", "Start")),
    *(f"{who}: UpdateItem" for who in ("sweep", STATUS_EVENT)),
]
_ANSWERS = [
    *("pending", "clicked", "unknown-ids", "malformed-request-id", "upstream-down", "only-link-clicked"),
    *("carrier-in-another-alphabet", "another-session", "another-session-not-clicked", "session-in-capitals"),
    *("redirect-with-a-clicked-body", "TIMEOUT", "NO_CONNECTION"),
]


def _some(strategy: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


def _faults_of_a_task(state: str) -> st.SearchStrategy[Fault]:
    slowness = st.sampled_from([0, 10, 400, 2_000, 6_000, 8_900, 19_000, 25_000])  # the last is too slow for any task
    return st.builds(
        Fault,
        st.just(state),
        first=st.integers(0, 35 if state == "Check Link" else 5),
        times=st.sampled_from([1, 1, 2, 3, 9, 10, 30]),
        error=st.none() | st.sampled_from(_ERRORS[SERVICES[state]]),
        takes_effect=st.booleans(),
        before_millis=slowness,
        after_millis=slowness,
    )


_faults_of_a_wait = st.builds(
    Fault,
    st.sampled_from(WAITS),
    first=st.integers(0, 35),
    after_millis=st.sampled_from([-900, -200, 200, 1_500, 20_000]),
)
_faults_of_a_function = st.builds(
    Fault,
    st.sampled_from(CALLS),
    first=st.integers(0, 3),
    times=st.sampled_from([1, 1, 2, 5]),
    error=st.sampled_from(["ThrottlingException", "AccessDeniedException", HANG, CLOSE, CRASH]),
    takes_effect=st.booleans(),
    tries=st.sampled_from([9, 1]),
    before_millis=st.sampled_from([0, 10, 400, 2_000]),
    after_millis=st.sampled_from([0, 10, 400, 2_000]),
)
_status_events = st.builds(
    Fault, st.just(STATUS_EVENT), first=st.integers(0, 3), error=st.just(TWICE), takes_effect=st.booleans()
)
_faults = st.sampled_from(list(SERVICES)).flatmap(_faults_of_a_task) | _faults_of_a_wait | _faults_of_a_function

_ends = st.builds(
    End,
    st.sampled_from([*SERVICES, *WAITS]),
    nth=st.integers(0, 6) | st.integers(0, 35),
    after_millis=st.sampled_from([0, 5, 15, 30, 100, 2_000]),
    status=st.sampled_from(["ABORTED", "ABORTED", "TIMED_OUT"]),
)
_outages = st.builds(
    lambda service, since, lasts: Outage(service, since, since + lasts),
    st.sampled_from(["dynamodb", "events", "lambda", "states"]),
    st.integers(-10_000, 320_000),
    st.sampled_from([1_000, 30_000, 120_000, 1_800_000, 7_200_000]),
)
_seconds = st.integers(0, 420).map(lambda seconds: seconds * 1000)
_soon = st.integers(0, 90_000)
_entry_points = st.sampled_from(("API", "EVENT"))


def _scenarios_with(numbers: tuple[int, int, int]) -> st.SearchStrategy[Scenario]:
    window, poll, lead = numbers
    first_start = st.tuples(_entry_points, st.just(0) | st.integers(-60_000, (window + 30) * 1000))
    starts_again = _some(st.tuples(_entry_points, _seconds | st.integers(0, 90)))
    return st.builds(
        Scenario,
        window_seconds=st.just(window),
        poll_seconds=st.just(poll),
        lead_seconds=st.just(lead),
        sent_at=st.sampled_from([0, 1, 250, 999]),
        correlation_id=st.sampled_from(["application-4711", None]),
        starts=st.builds(
            lambda first, again: (first, *((who, first[1] + after) for who, after in again)), first_start, starts_again
        ),
        answers=_some(st.tuples(_seconds, st.sampled_from(_ANSWERS)), 3).map(
            lambda changes: ((0, "pending"), *sorted(changes))
        ),
        faults=_some(_faults | _status_events, 6),
        ends=_some(_ends, 4),
        outages=st.just(()) | st.just(()) | _some(_outages),
        cancelled_at=st.just(()) | _some(_seconds | _soon),
        starts_after=st.sampled_from([50, 0, 1_000, 15_000]),
        transition=st.sampled_from([20, 0, 200]),
        check=st.sampled_from([300, 0, 2_000, 6_000]),
        jitter=st.sampled_from([(1.0,), (0.0, 0.9, 0.3), (0.5, 0.1, 0.9)]),
        events_after=st.lists(st.none() | _soon, min_size=1, max_size=3).map(tuple),
        first_sweep_at=st.integers(0, 60_000),
        sweeps_at_once=st.sampled_from([1, 1, 2]),
        index_lag=st.sampled_from([0, 1_000, 90_000]),
        list_lag=st.sampled_from([0, 1_000, 90_000]),
        description_lag=st.sampled_from([0, 1_000, 10_000]),
        call=st.sampled_from([20, 0, 500, 900]),
        start_refuses_running=st.sampled_from([False, False, True]),
    )


#: WindowSeconds, PollIntervalSeconds, LastCheckLeadSeconds: mostly the defaults.
_NUMBERS = [*[(300, 10, 2)] * 6, (60, 10, 2), (20, 2, 1), (10, 1, 1), (45, 7, 9), (30, 60, 5)]
#: The simplest is a verification that expires while nothing goes wrong.
SCENARIOS = st.sampled_from(_NUMBERS).flatmap(_scenarios_with)
