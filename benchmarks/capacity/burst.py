"""Simulates a burst of links against AWS's default quotas, in an account that does nothing else.

Each verification, each reader of the queue and each worker of a sweep is a generator: it yields the time at which it wants to
act, and is resumed then. Times are in seconds after the first link was sent. Lambdas are warm.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import count

from benchmarks.capacity.quotas import ASSUMED_SECONDS, QUOTAS, STATES, Bucket, default_of, properties_of
from benchmarks.capacity.sweep import TIMEOUT_SECONDS
from linkwatch.recovery import RESERVE_SECONDS, STARTING, WORKERS

WINDOW_SECONDS, INTERVAL_SECONDS = default_of("WindowSeconds"), default_of("PollIntervalSeconds")
LAST_CHECK_SECONDS = WINDOW_SECONDS - default_of("LastCheckLeadSeconds")
#: Transitions before the first wait, and from the last check to the end (docs/architecture.md); each check has three.
TRANSITIONS_BEFORE, TRANSITIONS_AFTER = 2, 3
#: A check with a warm Lambda and Signzy's answer; a state that calls AWS; a refused call.
CHECK_SECONDS, CALL_SECONDS, REFUSED_SECONDS = 0.3, 0.03, 0.02
#: How long an event takes to the queue, the event handler for its own work, and an empty receive.
BUS_SECONDS, HANDLER_SECONDS, EMPTY_SECONDS = 0.5, 0.03, 0.5
#: A share of the links is clicked, after an exponentially distributed time.
CLICKED, MEAN_SECONDS_TO_CLICK = 0.7, 43
#: As `python -m benchmarks.capacity sweep` measured it: how long a sweep lists, for each open verification, and how many
#: executions it starts a second.
LISTING_SECONDS, STARTS_A_SECOND = 0.0004, 240
FIRST_SWEEP_AT, SWEEP_EVERY_SECONDS = 30, 60

_QUEUE = properties_of("InstantLinkSent")["Events"]["OnQueue"]["Properties"]
BATCH, READERS = _QUEUE["BatchSize"], _QUEUE["ScalingConfig"]["MaximumConcurrency"]

#: Yields the time at which it wants to act, and is resumed then.
Steps = Generator[float]


@dataclass(frozen=True)
class Links:
    """Links sent evenly over so many seconds, and reported by the bus or by the API."""

    count: int = 20_000
    seconds: float = 60
    via: str = "bus"


@dataclass
class Lambdas:
    """Lambda's concurrency: so many may run at once."""

    size: int = QUOTAS["everywhere"]["lambda_concurrency"]
    _ends: list[float] = field(default_factory=list)

    def take_now(self, at: float, seconds: float) -> bool:
        """Runs a function for so long, where there is room."""
        while self._ends and self._ends[0] <= at:
            heapq.heappop(self._ends)
        if len(self._ends) >= self.size:
            return False
        heapq.heappush(self._ends, at + seconds)
        return True


@dataclass(frozen=True)
class Link:
    """clicked_at is infinity where it never is."""

    sent_at: float
    clicked_at: float

    @property
    def deadline(self) -> int:
        """As linkwatch computes it."""
        return int(self.sent_at) + WINDOW_SECONDS


class Burst:
    """Runs a burst to its end. deferred: the links whose start was left to a sweep. The lists are in seconds;
    published_after_deadline has an entry for each published verification.
    """

    def __init__(self, links: Links, regions: str, lambdas: int | None = None, starts: Bucket | None = None) -> None:
        self.starts = starts or Bucket.of(regions, "StartExecution")
        self.transitions = Bucket.of(regions, "StateTransition")
        self.lambdas = Lambdas(lambdas) if lambdas else Lambdas()
        self.deferred: set[Link] = set()
        self.checks_failed = 0
        self.first_check_after: list[float] = []
        self.click_noticed_after: list[float] = []
        self.published_after_deadline: list[float] = []
        self._random = random.Random(1)  # noqa: S311  no cipher
        self._order = count()
        self._turns: list[tuple[float, int, Steps]] = []
        self._unreported, self._started = links.count, 0
        self._queue: deque[Link] = deque()
        self._deferred: deque[Link] = deque()
        self._run(links)

    def _run(self, links: Links) -> None:
        for number in range(links.count):
            sent_at = links.seconds * number / links.count
            clicked = self._random.random() < CLICKED
            after = self._random.expovariate(1 / MEAN_SECONDS_TO_CLICK) if clicked else math.inf
            link = Link(sent_at, sent_at + after)
            self._begin(sent_at, self._report_by_api(link) if links.via == "api" else self._report_by_bus(link))
        for number in range(READERS if links.via == "bus" else 0):
            self._begin(0, self._read_queue(number))
        self._begin(FIRST_SWEEP_AT, self._sweep(FIRST_SWEEP_AT))
        while self._turns:
            _, number, steps = heapq.heappop(self._turns)
            if (due := next(steps, None)) is not None:
                heapq.heappush(self._turns, (due, number, steps))

    def _begin(self, at: float, steps: Steps) -> None:
        heapq.heappush(self._turns, (at, next(self._order), steps))

    # ── Entry points ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _report_by_api(self, link: Link) -> Steps:
        self._unreported -= 1
        yield from self._start(link, link.sent_at + ASSUMED_SECONDS["PutItem"])

    def _report_by_bus(self, link: Link) -> Steps:
        yield link.sent_at + BUS_SECONDS
        self._queue.append(link)

    def _read_queue(self, number: int) -> Steps:
        """One of the queue's readers. Lambda begins with some, and adds others while there is something to read."""
        quotas = QUOTAS["everywhere"]
        late = max(0, number + 1 - quotas["queue_batches_at_first"]) / quotas["queue_batches_more_each_second"]
        now = BUS_SECONDS + late
        while self._unreported:
            yield now
            busy_for = HANDLER_SECONDS + BATCH * ASSUMED_SECONDS["StartExecution"]
            if not self._queue or not self.lambdas.take_now(now, busy_for):
                now += EMPTY_SECONDS
                continue
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            self._unreported -= len(batch)
            now += HANDLER_SECONDS
            for link in batch:
                now = yield from self._start(link, now + ASSUMED_SECONDS["PutItem"])

    def _start(self, link: Link, now: float) -> Generator[float, None, float]:
        """StartExecution in two tries; what is refused twice is left to the sweep. Gives when it is done."""
        for pause in (self._random.random(), 0):
            yield now
            if self.starts.take_now(now):
                now += ASSUMED_SECONDS["StartExecution"]
                self._begin(now, self._watch(link, now))
                return now
            now += REFUSED_SECONDS + pause
        self.deferred.add(link)
        self._deferred.append(link)
        return now

    def _sweep(self, now: float) -> Steps:
        while True:
            yield now
            if not self._unreported and not self._deferred:
                return
            is_open = self._started + len(self._deferred) - len(self.published_after_deadline)
            begun, ends = now + 1 + LISTING_SECONDS * is_open, now + TIMEOUT_SECONDS - RESERVE_SECONDS
            due = deque(link for link in self._deferred if link.sent_at < now - STARTING.total_seconds())
            for _ in range(WORKERS):
                self._begin(begun, self._recover(due, begun, ends))
            now += SWEEP_EVERY_SECONDS

    def _recover(self, due: deque[Link], now: float, ends: float) -> Steps:
        while due and now < ends:
            link = due.popleft()
            self._deferred.remove(link)
            now = max((yield from self._start(link, now)), now + WORKERS / STARTS_A_SECOND)

    # ── An execution ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _watch(self, link: Link, now: float) -> Steps:
        self._started += 1
        sent_at, due, is_settled, is_checked = int(link.sent_at), 0, False, False
        for _ in range(TRANSITIONS_BEFORE):
            yield now
            now = self.transitions.take(now) + CALL_SECONDS / 2
        while not is_settled and now < link.deadline:
            # The next time on the schedule after now and after the check before, or else the last check.
            since = max(now - sent_at, due)
            due = min(INTERVAL_SECONDS * (int(since) // INTERVAL_SECONDS + 1), LAST_CHECK_SECONDS)
            yield now
            now = max(self.transitions.take(now), sent_at + due)  # Wait For Next Check
            for retry_after in (*_retries_of_a_check(), None):
                yield now
                now = self.transitions.take(now)  # Check Link
                yield now
                if self.lambdas.take_now(now, CHECK_SECONDS if now < link.deadline else 0):
                    break
                now += self._random.uniform(0, retry_after or 0)
            else:
                self.checks_failed += 1
                is_settled = due == LAST_CHECK_SECONDS
                continue
            is_settled = due == LAST_CHECK_SECONDS or now >= link.clicked_at
            if now < link.deadline and not is_checked:
                is_checked = True
                self.first_check_after.append(now - link.sent_at)
            if link.clicked_at <= now < link.deadline:
                self.click_noticed_after.append(now + CHECK_SECONDS - link.clicked_at)
            now += CHECK_SECONDS
            yield now
            now = self.transitions.take(now)  # Is It Settled?
        for _ in range(TRANSITIONS_AFTER):
            yield now
            now = self.transitions.take(now) + CALL_SECONDS
        self.published_after_deadline.append(
            now - CALL_SECONDS - link.deadline
        )  # the last state marks what is published


def _retries_of_a_check() -> list[float]:
    """The longest wait before each further try of Check Link; a random share of it is waited."""
    return [
        retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt
        for retrier in STATES["Check Link"]["Retry"]
        for attempt in range(retrier["MaxAttempts"])
    ]
