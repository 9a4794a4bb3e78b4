"""One verification from its execution's start to its end, through the shipped definition, in an account with quotas.

The states are those that the definition enters on the second engine, the retries those it declares; times are seconds after the
first link was sent.
"""

import random
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cache
from itertools import chain

from benchmarks.burst.account import Account
from benchmarks.cost import counts
from tests.definition.engine.definition import TASKS, default_of

WINDOW_SECONDS, INTERVAL_SECONDS = default_of("WindowSeconds"), default_of("PollIntervalSeconds")
LAST_CHECK_SECONDS = WINDOW_SECONDS - default_of("LastCheckLeadSeconds")
#: A check with a warm Lambda and Signzy's answer; a check that is not made; a state that calls AWS.
CHECK_SECONDS, NO_CHECK_SECONDS, CALL_SECONDS = 0.3, 0.01, 0.03

#: Yields the time at which it wants to act, and is resumed then.
Way = Generator[float]


@dataclass
class Seen:
    """What came of a burst, in seconds. first_check_after: of the link's sending, as click_noticed_after is of the click.
    published_after_deadline has an entry for each verification that came to its end.
    """

    deferred: int = 0
    refused_at_the_api: int = 0
    longest_in_the_queue: float = 0
    first_check_after: list[float] = field(default_factory=list)
    click_noticed_after: list[float] = field(default_factory=list)
    published_after_deadline: list[float] = field(default_factory=list)
    checks_failed: int = 0
    clicks_missed: int = 0
    without_check: int = 0
    most_lambdas: int = 0


@cache
def path() -> tuple[list[str], list[str], list[str]]:
    """The states that the shipped definition enters before the checks, for each check, and after them."""
    states = counts.linkwatch(2 * INTERVAL_SECONDS).states
    first, second = (place for place, state in enumerate(states) if state == "Wait For Next Check")
    return states[:first], states[first:second], states[second + second - first :]


@cache
def back_offs(state: str) -> list[float]:
    """How long each retry of a state waits at most; it waits for a random share of that."""
    return [
        min(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt, retrier["MaxDelaySeconds"])
        for retrier in TASKS.get(state, {"Retry": []})["Retry"]
        for attempt in range(retrier["MaxAttempts"])
    ]


@dataclass(frozen=True)
class Link:
    """clicked_at is infinity where it never is."""

    sent_at: float
    clicked_at: float

    @property
    def deadline(self) -> int:
        return int(self.sent_at) + WINDOW_SECONDS


class Watch:
    """The execution of one verification."""

    def __init__(self, account: Account, seen: Seen, chance: random.Random, link: Link) -> None:
        self._account, self._seen, self._chance, self._link = account, seen, chance, link
        self._now = 0.0
        self._due = self._checks = 0
        self._is_clicked = self._is_window_over = False

    def way(self, started_at: float) -> Way:
        """From its execution's start to its end."""
        before, for_a_check, after = path()
        self._now, sent_at = started_at, int(self._link.sent_at)
        yield from chain.from_iterable(map(self._enter, before))
        while not (self._is_clicked or self._is_window_over or self._now >= self._link.deadline):
            # "Is It Settled?": the next point of the schedule after now and after the check before, or else the last check.
            since = max(self._now - sent_at, self._due)
            self._due = min(INTERVAL_SECONDS * (int(since) // INTERVAL_SECONDS + 1), LAST_CHECK_SECONDS)
            yield from chain.from_iterable(map(self._enter, for_a_check))
        self._seen.without_check += not self._checks
        self._seen.clicks_missed += not self._is_clicked and self._link.clicked_at < self._link.deadline
        yield from chain.from_iterable(map(self._enter, after))

    def _enter(self, state: str) -> Way:
        for back_off in (*back_offs(state), None):
            yield self._now
            self._now = self._account.transitions.take(self._now)
            yield self._now
            if not self._is_refused(state):
                self._now = self._do(state)
                return
            self._now += self._chance.uniform(0, back_off or 0)
        assert state == "Check Link", "the others are tried again for a day"
        self._seen.checks_failed += 1
        self._is_window_over = self._due == LAST_CHECK_SECONDS

    def _is_refused(self, state: str) -> bool:
        if state == "Check Link":
            seconds = CHECK_SECONDS if self._now < self._link.deadline else NO_CHECK_SECONDS
            return not self._account.lambdas.take_now(self._now, seconds)
        if state == "Mark Published":  # takes the item out of the index
            return not self._account.index_keys[self._link.deadline].take_now(self._now)
        return False

    def _do(self, state: str) -> float:
        """What a state does; gives when it is done."""
        match state:
            case "Is It Settled?":
                return self._now
            case "Wait For Next Check":
                return max(self._now, int(self._link.sent_at) + self._due)
            case "Check Link":
                return self._check()
            case "Publish Outcome":
                self._seen.published_after_deadline.append(self._now + CALL_SECONDS - self._link.deadline)
        return self._now + CALL_SECONDS

    def _check(self) -> float:
        if self._now >= self._link.deadline:
            self._is_window_over = True
            return self._now + NO_CHECK_SECONDS
        if not self._checks:
            self._seen.first_check_after.append(self._now - self._link.sent_at)
        self._checks += 1
        self._is_window_over = self._due == LAST_CHECK_SECONDS
        if self._now >= self._link.clicked_at:
            self._is_clicked = True
            self._seen.click_noticed_after.append(self._now + CHECK_SECONDS - self._link.clicked_at)
        return self._now + CHECK_SECONDS
