"""What happens to one verification, as data: written down, generated, shrunk, printed and replayed."""

from dataclasses import dataclass
from typing import Literal

from linkwatch.model import Ids

IDS = Ids("A" * 24, "646214d929c23b4d42c1fc39")
#: The one verification that every scenario is about.
ID = IDS.verification_id
#: Every scenario happens on this day: epoch milliseconds of 2026-11-23T10:00:00Z.
MORNING = 1_795_428_000_000
#: A fault's error at a function's call: the function crashes there, AWS does not answer in time, AWS closes the connection.
CRASH, HANG, CLOSE = "Crash", "Hang", "Close"
#: Where Step Functions sends an event about an execution that has ended without success; a fault's error there: it comes twice.
STATUS_EVENT, TWICE = "status event", "Twice"

Service = Literal["dynamodb", "events", "lambda", "states", "sqs"]
#: Who starts a verification: the two entry points.
EntryPoint = Literal["API", "EVENT"]


@dataclass(frozen=True)
class Fault:
    """What goes wrong in a place: the first'th time that the scenario reaches it (from 0) and the times - 1 after it.

    place: a state (its task's call, or its wait's wake-up), a function's call of AWS ("sweep: StartExecution"), or
    STATUS_EVENT, which is lost where it does not take effect.
    """

    place: str
    first: int = 0
    times: int = 1
    error: str | None = None  # the name AWS gives it, or CRASH, HANG, CLOSE; None: the call succeeds
    takes_effect: bool = True  # although it is answered with an error
    before_millis: int = 10  # until it takes effect
    after_millis: int = 10  # until it is answered; for a wait: how late it wakes, or how early
    tries: int = 9  # of a function's call: how many tries of the AWS SDK it strikes


@dataclass(frozen=True)
class End:
    """The execution that is the scenario's nth (from 0) to enter a task or a wait is ended there from outside."""

    state: str
    nth: int = 0
    after_millis: int = 0
    status: Literal["ABORTED", "TIMED_OUT"] = "ABORTED"


@dataclass(frozen=True)
class Outage:
    """A service that refuses every call between two moments, in milliseconds since linkSentAt."""

    service: Service
    since: int
    until: int


@dataclass(frozen=True)
class Scenario:
    """Times are milliseconds, since linkSentAt unless said otherwise."""

    window_seconds: int = 300
    poll_seconds: int = 10
    lead_seconds: int = 2
    sent_at: int = 250  # linkSentAt, after MORNING
    correlation_id: str | None = "application-4711"
    starts: tuple[tuple[EntryPoint, int], ...] = (("API", 0),)  # which entry point takes a start, and when; in order
    starts_after: int = 50  # how long an execution takes to start
    transition: int = 20  # how long a transition takes
    check: int = 300  # how long a check takes
    answers: tuple[tuple[int, str], ...] = ((0, "pending"),)  # since when what: see functions.py
    jitter: tuple[float, ...] = (1.0,)  # shares of each back-off of Step Functions, in turn
    faults: tuple[Fault, ...] = ()
    ends: tuple[End, ...] = ()
    outages: tuple[Outage, ...] = ()
    cancelled_at: tuple[int, ...] = ()
    events_after: tuple[int | None, ...] = (500,)  # in turn: how late a status event comes; None: never
    first_sweep_at: int = 60_000  # after the first start; then every minute
    sweeps_at_once: int = 1
    call: int = 20  # how long a function's own call of AWS takes
    index_lag: int = 0  # how old a read of the index is; of the list of executions; of one execution's description
    list_lag: int = 0
    description_lag: int = 0
    start_refuses_running: bool = False  # as MiniStack: the name of a running execution is taken for its own input, too

    @property
    def is_healthy(self) -> bool:
        """Whether AWS does what it should."""
        return not (self.faults or self.ends or self.outages)

    @property
    def link_sent_at(self) -> int:
        return MORNING + self.sent_at

    @property
    def deadline(self) -> int:
        return self.link_sent_at // 1000 * 1000 + self.window_seconds * 1000

    @property
    def last_check_due(self) -> int:
        return self.deadline - self.lead_seconds * 1000

    @property
    def first_start(self) -> int:
        return self.link_sent_at + min(at for _, at in self.starts)

    def is_out(self, service: str, now: int) -> bool:
        since = now - self.link_sent_at
        return any(it.service == service and it.since <= since < it.until for it in self.outages)
