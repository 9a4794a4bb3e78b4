"""What happens to one verification, as data: drawn, shrunk, printed and replayed."""

from dataclasses import dataclass

#: Every history happens on this day: epoch milliseconds of 2026-11-23T10:00:00Z.
MORNING = 1_795_428_000_000


@dataclass(frozen=True)
class Fault:
    """What befalls a call of a task, or the wake-up from a wait: the first'th that the history makes in that state (from 0),
    and the times - 1 after it.
    """

    state: str
    first: int = 0
    times: int = 1
    error: str | None = None  # the name AWS gives it; None: it goes well
    takes_effect: bool = True  # although it is answered with an error
    before_millis: int = 10  # until it takes effect
    after_millis: int = 10  # until it is answered; for a wait: how late it wakes, or how early


@dataclass(frozen=True)
class End:
    """The execution that enters a state as the history's nth (from 0) ends there without having a say."""

    state: str
    nth: int = 0
    after_millis: int = 0
    status: str = "ABORTED"  # or TIMED_OUT, or DELETED: no event tells of it, nobody finds it


@dataclass(frozen=True)
class History:
    """Times are milliseconds; since linkSentAt where nothing else is said."""

    window_seconds: int = 300
    poll_seconds: int = 10
    lead_seconds: int = 2
    sent_at: int = 250  # linkSentAt, after MORNING
    started_at: int = 0  # when a door took the start
    starts_after: int = 50  # how long an execution takes to start
    transition: int = 20  # how long a transition takes
    check: int = 300  # how long a check takes
    answers: tuple[tuple[int, str], ...] = ((0, "pending"),)  # since when what: of answers.json, or a Reason
    jitter: tuple[float, ...] = (1.0,)  # shares of each back-off, in turn
    faults: tuple[Fault, ...] = ()
    ends: tuple[End, ...] = ()
    started_again_at: tuple[int, ...] = ()
    cancelled_at: tuple[int, ...] = ()
    false_alarms_at: tuple[int, ...] = ()  # the owner is said to have stopped although it runs
    events_after: tuple[int | None, ...] = (500,)  # in turn: how late the news of an end comes; None: never
    first_sweep_at: int = 60_000
    index_lag: int = 0
    call: int = 20  # how long a function's own call of AWS takes
    unavailable: tuple[int, ...] = ()  # which of those calls AWS does not answer, from 1

    @property
    def is_well(self) -> bool:
        """Whether AWS does what it should."""
        return not (self.faults or self.ends or self.false_alarms_at or self.unavailable)

    @property
    def link_sent_at(self) -> int:
        return MORNING + self.sent_at

    @property
    def deadline(self) -> int:
        return self.link_sent_at // 1000 * 1000 + self.window_seconds * 1000
