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
from typing import Literal

from benchmarks.capacity import quotas
from benchmarks.capacity.quotas import CALL_SECONDS, REGIONS, STATES, Bucket, default_of, properties_of
from benchmarks.capacity.sweep import TIMEOUT_SECONDS
from linkwatch.recovery import RESERVE_SECONDS, STARTING, WORKERS

WINDOW_SECONDS, INTERVAL_SECONDS = default_of("WindowSeconds"), default_of("PollIntervalSeconds")
LAST_CHECK_SECONDS = WINDOW_SECONDS - default_of("LastCheckLeadSeconds")
#: Transitions before the first wait, and from the last check to the end (docs/architecture.md); each check has three.
TRANSITIONS_BEFORE, TRANSITIONS_AFTER = 2, 3
#: A check with a warm Lambda and Signzy's answer; a state that calls AWS; a refused call.
CHECK_SECONDS, STATE_SECONDS, REFUSED_SECONDS = 0.3, 0.03, 0.02
#: How long an event takes to the queue, the event handler for its own work, and an empty receive.
BUS_SECONDS, HANDLER_SECONDS, EMPTY_SECONDS = 0.5, 0.03, 0.5
#: A share of the links is clicked, after an exponentially distributed time.
CLICKED, MEAN_SECONDS_TO_CLICK = 0.7, 43
#: As the sweep was measured: how long it lists, for each open verification, and how many executions it starts a second.
LISTING_SECONDS, STARTS_A_SECOND = 0.0004, 240
FIRST_SWEEP_AT, SWEEP_EVERY_SECONDS = 30, 60

_QUEUE = properties_of("InstantLinkSent")["Events"]["OnQueue"]["Properties"]
BATCH, READERS = _QUEUE["BatchSize"], _QUEUE["ScalingConfig"]["MaximumConcurrency"]

#: Yields the time at which it wants to act, and is resumed then.
Steps = Generator[float]


@dataclass(frozen=True)
class Link:
    """clicked_at is infinity where it never is."""

    sent_at: float
    clicked_at: float

    @property
    def deadline(self) -> int:
        """As linkwatch computes it."""
        return int(self.sent_at) + WINDOW_SECONDS


@dataclass
class Burst:
    """A burst of links that are sent evenly over so many seconds and reported by the bus or the API; run() runs it to its end.

    deferred: how many starts were left to a sweep. The lists are in seconds; published_after_deadline has an entry for each
    published verification.
    """

    region: str
    links: int
    seconds: float = 60
    via: Literal["bus", "api"] = "bus"
    lambdas: int = quotas.LAMBDA_CONCURRENCY
    starts: Bucket | None = None
    deferred: int = 0
    checks_failed: int = 0
    first_check_after: list[float] = field(default_factory=list)
    click_noticed_after: list[float] = field(default_factory=list)
    published_after_deadline: list[float] = field(default_factory=list)

    def run(self) -> "Burst":
        self._random = random.Random(1)  # noqa: S311  no cipher
        self._starts = self.starts or Bucket(*REGIONS[self.region]["StartExecution"])
        self._transitions = Bucket(*REGIONS[self.region]["StateTransition"])
        self._order, self._turns, self._lambda_ends = count(), list[tuple[float, int, Steps]](), list[float]()
        self._unreported, self._started = self.links, 0
        self._queue, self._deferred = deque[Link](), deque[Link]()
        for number in range(self.links):
            sent_at = self.seconds * number / self.links
            clicked = self._random.random() < CLICKED
            after = self._random.expovariate(1 / MEAN_SECONDS_TO_CLICK) if clicked else math.inf
            link = Link(sent_at, sent_at + after)
            self._begin(sent_at, self._report_by_api(link) if self.via == "api" else self._report_by_bus(link))
        for number in range(READERS if self.via == "bus" else 0):
            self._begin(0, self._read_queue(number))
        self._begin(FIRST_SWEEP_AT, self._sweep(FIRST_SWEEP_AT))
        while self._turns:
            _, number, steps = heapq.heappop(self._turns)
            if (due := next(steps, None)) is not None:
                heapq.heappush(self._turns, (due, number, steps))
        return self

    def _runs_lambda(self, at: float, seconds: float) -> bool:
        """Runs a function for so long, where the account's concurrency has room."""
        while self._lambda_ends and self._lambda_ends[0] <= at:
            heapq.heappop(self._lambda_ends)
        if len(self._lambda_ends) >= self.lambdas:
            return False
        heapq.heappush(self._lambda_ends, at + seconds)
        return True

    def _begin(self, at: float, steps: Steps) -> None:
        heapq.heappush(self._turns, (at, next(self._order), steps))

    # ── Entry points ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _report_by_api(self, link: Link) -> Steps:
        self._unreported -= 1
        yield from self._start(link, link.sent_at + CALL_SECONDS["PutItem"])

    def _report_by_bus(self, link: Link) -> Steps:
        yield link.sent_at + BUS_SECONDS
        self._queue.append(link)

    def _read_queue(self, number: int) -> Steps:
        """One of the queue's readers. Lambda begins with some, and adds others while there is something to read."""
        late = max(0, number + 1 - quotas.QUEUE_BATCHES_AT_FIRST) / quotas.QUEUE_BATCHES_MORE_EACH_SECOND
        now = BUS_SECONDS + late
        while self._unreported:
            yield now
            busy_for = HANDLER_SECONDS + BATCH * CALL_SECONDS["StartExecution"]
            if not self._queue or not self._runs_lambda(now, busy_for):
                now += EMPTY_SECONDS
                continue
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            self._unreported -= len(batch)
            now += HANDLER_SECONDS
            for link in batch:
                now = yield from self._start(link, now + CALL_SECONDS["PutItem"])

    def _start(self, link: Link, now: float) -> Generator[float, None, float]:
        """StartExecution in two tries; what is refused twice is left to the sweep. Gives when it is done."""
        for pause in (self._random.random(), 0):
            yield now
            if self._starts.take_now(now):
                now += CALL_SECONDS["StartExecution"]
                self._begin(now, self._watch(link, now))
                return now
            now += REFUSED_SECONDS + pause
        self.deferred += 1
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
            now = self._transitions.take(now) + STATE_SECONDS / 2
        while not is_settled and now < link.deadline:
            # The next time on the schedule after now and after the check before, or else the last check.
            since = max(now - sent_at, due)
            due = min(INTERVAL_SECONDS * (int(since) // INTERVAL_SECONDS + 1), LAST_CHECK_SECONDS)
            yield now
            now = max(self._transitions.take(now), sent_at + due)  # Wait For Next Check
            for retry_after in (*_retries_of_a_check(), None):
                yield now
                now = self._transitions.take(now)  # Check Link
                yield now
                if self._runs_lambda(now, CHECK_SECONDS if now < link.deadline else 0):
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
            now = self._transitions.take(now)  # Is It Settled?
        for _ in range(TRANSITIONS_AFTER):
            yield now
            now = self._transitions.take(now) + STATE_SECONDS
        # The last state marks what is published.
        self.published_after_deadline.append(now - STATE_SECONDS - link.deadline)


def _retries_of_a_check() -> list[float]:
    """The longest wait before each further try of Check Link; a random share of it is waited."""
    return [
        retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt
        for retrier in STATES["Check Link"]["Retry"]
        for attempt in range(retrier["MaxAttempts"])
    ]
