"""How random histories are drawn, simplest first."""

from hypothesis import strategies as st

from tests.definition.history import End, Fault, History
from tests.definition.shipped import STATES, TASKS

#: The names AWS gives to what goes wrong in each service; the last two of Lambda's are a function's own.
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
    "aws-sdk": ["Sfn.ThrottlingException", "Sfn.SdkClientException", "States.Timeout"],
}
WAITS = [name for name, state in STATES.items() if state["Type"] == "Wait"]
#: WindowSeconds, PollIntervalSeconds, LastCheckLeadSeconds.
NUMBERS = [*[(300, 10, 2)] * 6, (60, 10, 2), (20, 2, 1), (10, 1, 1), (45, 7, 9), (30, 60, 5)]
SERVICES = {name: task["Resource"].split(":::")[1].split(":")[0] for name, task in TASKS.items()}

#: How long a call may take, in milliseconds: at once, for a while, too long for its task.
_slowness = st.sampled_from([0, 10, 400, 2_000, 6_000, 8_900, 19_000, 25_000])
_seconds = st.integers(min_value=0, max_value=420).map(lambda seconds: seconds * 1000)
_soon = st.integers(min_value=0, max_value=90_000)


@st.composite
def _faults(draw: st.DrawFn) -> Fault:
    state = draw(st.sampled_from([*TASKS, *WAITS]))
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


_ends = st.builds(
    End,
    state=st.sampled_from(sorted(STATES)),
    nth=st.integers(0, 6) | st.integers(0, 35),
    after_millis=st.sampled_from([0, 5, 15, 30, 100, 2_000]),
    status=st.sampled_from(["ABORTED", "ABORTED", "TIMED_OUT", "DELETED"]),
)
_answers = st.sampled_from(
    [
        *(
            "pending",
            "clicked",
            "clicked-carrier-unknown",
            "unknown-ids",
            "malformed-request-id",
            "credentials-refused",
        ),
        *("upstream-down", "throttled", "502-html", "not-clicked", "only-link-clicked", "carrier-in-another-alphabet"),
        *("TIMEOUT", "NO_CONNECTION"),
    ]
)


def _script(changes: list[tuple[int, str]]) -> tuple[tuple[int, str], ...]:
    return ((0, "pending"), *sorted(changes))


@st.composite
def drawn(draw: st.DrawFn) -> History:
    """A history. What is drawn first and simplest is a verification that expires with nothing going wrong."""
    window, poll, lead = draw(st.sampled_from(NUMBERS))
    return History(
        window_seconds=window,
        poll_seconds=poll,
        lead_seconds=lead,
        sent_at=draw(st.sampled_from([0, 1, 250, 999])),
        started_at=draw(st.just(0) | st.integers(-60_000, (window + 30) * 1000)),
        starts_after=draw(st.sampled_from([50, 0, 1_000, 15_000])),
        transition=draw(st.sampled_from([20, 0, 200])),
        check=draw(st.sampled_from([300, 0, 2_000, 6_000])),
        answers=draw(st.lists(st.tuples(_seconds, _answers), max_size=3).map(_script)),
        jitter=draw(st.sampled_from([(1.0,), (0.0,), (0.5, 0.1, 0.9)])),
        faults=tuple(draw(st.lists(_faults(), max_size=5))),
        ends=tuple(draw(st.lists(_ends, max_size=4))),
        started_again_at=tuple(draw(st.lists(_seconds, max_size=2))),
        cancelled_at=tuple(draw(st.just([]) | st.lists(_seconds | _soon, max_size=2))),
        false_alarms_at=tuple(draw(st.just([]) | st.lists(_seconds, max_size=2))),
        events_after=tuple(draw(st.lists(st.none() | _soon, min_size=1, max_size=3))),
        first_sweep_at=draw(st.integers(0, 60_000)),
        index_lag=draw(st.sampled_from([0, 1_000, 90_000])),
        call=draw(st.sampled_from([20, 0, 500, 3_000])),
        unavailable=tuple(draw(st.lists(st.integers(1, 30), max_size=3))),
    )
