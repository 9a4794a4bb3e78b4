"""How a verification comes to its execution: by the API, by the bus and its queue, and by the sweep where Step Functions did not
take the start. Each yields when it wants to act, as the Watch does that it hands over to.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.burst.account import Account
from benchmarks.burst.watch import Link, Seen, Watch, Way
from benchmarks.quotas import ASSUMED_SECONDS, QUOTAS
from linkwatch.recovery import STARTING, WORKERS
from tests.definition.engine.definition import RESOURCES

#: A refused call; an entry point's own work; a link's event on its way to the queue; an empty receive.
REFUSED_SECONDS, OWN_SECONDS, BUS_SECONDS, EMPTY_SECONDS = 0.02, 0.03, 0.5, 0.5
#: What the API's 503 asks for (functions/verifications_api.py).
RETRY_AFTER_SECONDS = 1
#: As make sweep measured it: a sweep lists for so long, for each open verification; begins no recovery after so many seconds; and
#: makes at most so many starts a second, for its share of a processor.
LISTING_SECONDS, SWEEPING_SECONDS, STARTS_A_SECOND = 0.0004, 40, 240
SWEEP_EVERY_SECONDS = 60

_HANDLER = RESOURCES["InstantLinkSent"]["Properties"]["Events"]["OnQueue"]["Properties"]
BATCH, MOST_BATCHES = _HANDLER["BatchSize"], _HANDLER["ScalingConfig"]["MaximumConcurrency"]
VISIBILITY_SECONDS = RESOURCES["InstantLinkSentQueue"]["Properties"]["VisibilityTimeout"]


@dataclass
class Entry:
    """Brings links to their executions. spawn: has something begin at a time. open_now: how many verifications are open."""

    account: Account
    seen: Seen
    chance: random.Random
    spawn: Callable[[float, Way], None]
    left: int
    _queue: deque[tuple[float, Link]] = field(default_factory=deque)
    _deferred: deque[Link] = field(default_factory=deque)
    _put: int = 0

    def by_api(self, link: Link) -> Way:
        """Puts, and starts in two tries as the SDK's standard mode makes them; a put that is refused twice is a 503, which the
        caller heeds.
        """
        now = link.sent_at
        while True:
            for pause in (self.chance.random(), RETRY_AFTER_SECONDS):
                yield now
                if self._puts(link, now):
                    yield from self._starts(link, now + ASSUMED_SECONDS["PutItem"], tries=2)
                    return
                now += pause
            self.seen.refused_at_the_api += 1

    def by_bus(self, link: Link) -> Way:
        """Into the queue."""
        now = link.sent_at + BUS_SECONDS
        yield now
        self._queue.append((now, link))

    def batches(self, number: int) -> Way:
        """One of the queue's readers: Lambda begins with some and adds others while there is something to read."""
        quotas = QUOTAS["everywhere"]
        late = max(0, number + 1 - quotas["queue_batches_at_first"]) / quotas["queue_batches_more_each_second"]
        now = BUS_SECONDS + late
        while self.left:
            yield now
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            if not batch or not self.account.lambdas.take_now(
                now, OWN_SECONDS + BATCH * ASSUMED_SECONDS["StartExecution"]
            ):
                self._queue.extendleft(reversed(batch))
                now += EMPTY_SECONDS
                continue
            now += OWN_SECONDS
            for queued_at, link in batch:
                yield now
                if not self._puts(link, now):
                    self.spawn(now + VISIBILITY_SECONDS, self.by_bus(link))
                    continue
                self.seen.longest_in_the_queue = max(self.seen.longest_in_the_queue, now - queued_at)
                now += ASSUMED_SECONDS["PutItem"]
                for now in self._starts(link, now, tries=1):  # noqa: B020  the time goes on with the call
                    yield now

    def sweeps(self, first_at: float) -> Way:
        """A sweep each minute, of several workers."""
        now = first_at
        while True:
            yield now
            if not self.left and not self._deferred:
                return
            begun, ends = now + 1 + LISTING_SECONDS * self._put, now + SWEEPING_SECONDS
            due = deque(link for link in self._deferred if link.sent_at < now - STARTING.total_seconds())
            for _ in range(WORKERS):
                self.spawn(begun, self._recovers(due, begun, ends))
            now += SWEEP_EVERY_SECONDS

    def _recovers(self, due: deque[Link], now: float, ends: float) -> Way:
        seconds = max(ASSUMED_SECONDS["StartExecution"], WORKERS / STARTS_A_SECOND)
        while due and now < ends:
            link = due.popleft()
            for pause in (self.chance.random(), 2 * self.chance.random(), 0):  # botocore's standard mode
                yield now
                if self.account.starts.take_now(now):
                    now += seconds
                    self._deferred.remove(link)
                    self.spawn(now, self._watches(link, now))
                    break
                now += REFUSED_SECONDS + pause

    def _puts(self, link: Link, now: float) -> bool:
        is_put = self.account.index_keys[link.deadline].take_now(now)  # into the index of open ones, too
        self.left -= is_put
        self._put += is_put
        return is_put

    def _starts(self, link: Link, now: float, tries: int) -> Way:
        for nth in range(tries):
            yield now
            if self.account.starts.take_now(now):
                now += ASSUMED_SECONDS["StartExecution"]
                self.spawn(now, self._watches(link, now))
                yield now
                return
            now += REFUSED_SECONDS + (self.chance.random() if nth + 1 < tries else 0)
        self.seen.deferred += 1
        self._deferred.append(link)
        yield now

    def _watches(self, link: Link, now: float) -> Way:
        return Watch(self.account, self.seen, self.chance, link).way(now)
