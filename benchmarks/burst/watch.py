"""One verification on its way through the shipped definition, in an account with quotas.

The states are those that the definition enters on the second engine (benchmarks/cost/counts.py says why a test's engine), the
retries those it declares; times are seconds after the first link was sent.
"""

import random
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import cache

from benchmarks.burst.account import Account
from tests.definition.shipped import TASKS, default_of
from tests.definition.told import CLICKED, GRID, PENDING, Told

#: A check with a warm Lambda and Signzy's answer; a check that is not made; a state that calls AWS.
CHECK_SECONDS, NO_CHECK_SECONDS, CALL_SECONDS = 0.3, 0.01, 0.03
#: What the API's 503 asks for (functions/verifications_api.py).
RETRY_AFTER_SECONDS = 1

#: Yields when it wants to act, and is resumed then; gives when it is done.
Way = Generator[float, None, float]


@dataclass
class Seen:
    """What came of a burst; lateness in seconds."""

    start_lateness: list[float] = field(default_factory=list)
    check_lateness: list[float] = field(default_factory=list)
    click_noticed_after: list[float] = field(default_factory=list)
    settled_after_deadline: list[float] = field(default_factory=list)
    published_after_deadline: list[float] = field(default_factory=list)
    transitions_at: Counter[int] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)  # by state, and "start" for each 503
    most_lambdas: int = 0
    checks_past_deadline: int = 0
    checks_failed: int = 0
    clicks_missed: int = 0
    without_check: int = 0
    left_to_recovery: int = 0


@cache
def path() -> tuple[list[str], list[str], list[str]]:
    """The states that the shipped definition enters before the checks, for each check, and after them."""
    told = Told(answers=((0, PENDING), (GRID[1] * 1000 - 900, CLICKED)))  # the second check sees the click
    states = told.first.entered_states
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


class Watch:
    """One verification."""

    def __init__(self, account: Account, seen: Seen, chance: random.Random, sent_at: float, clicked_at: float) -> None:
        self._account, self._seen, self._chance = account, seen, chance
        self._sent_at, self._clicked_at = sent_at, clicked_at
        self._grid_start = int(sent_at)
        self._deadline = self._grid_start + default_of("WindowSeconds")
        self._due = self._checks = 0
        self._is_clicked = self._is_window_over = self._is_given_up = False

    def way(self) -> Way:
        """From sending to its end."""
        before, for_a_check, after = path()
        now = yield from self._start()
        now = yield from self._enter(before, now)
        while not (self._is_given_up or self._is_clicked or self._is_window_over or now >= self._deadline):
            # "Is It Settled?": the next point of the grid after now and after the check before, or else the last check.
            self._due = next((due for due in GRID if due > max(now - self._grid_start, self._due)), GRID[-1])
            now = yield from self._enter(for_a_check, now)
        self._seen.without_check += not self._checks
        self._seen.clicks_missed += not self._is_clicked and self._clicked_at < self._deadline
        return (yield from self._enter(after, now))

    def _start(self) -> Way:
        """The door tries twice, half a second apart on average (botocore), then says 503; the caller does as that says."""
        now = self._sent_at
        while True:
            for pause in (self._chance.random(), RETRY_AFTER_SECONDS):
                yield now
                if self._account.starts.take_now(now):
                    self._seen.start_lateness.append(now - self._sent_at)
                    return now
                now += pause
            self._seen.refused["start"] += 1

    def _enter(self, states: list[str], now: float) -> Way:
        for state in states:
            for back_off in (*back_offs(state), None):
                if self._is_given_up:
                    return now
                yield now
                now = self._account.transitions.take(now)
                self._seen.transitions_at[int(now)] += 1
                if not self._is_refused(state, now):
                    now = self._do(state, now)
                    break
                self._seen.refused[state] += 1
                if back_off is None:
                    self._give_up(state)
                else:
                    now += self._chance.uniform(0, back_off)
        return now

    def _is_refused(self, state: str, now: float) -> bool:
        match state:
            case "Check Link":
                seconds = CHECK_SECONDS if now < self._deadline else NO_CHECK_SECONDS
                return not self._account.lambdas.take_now(now, seconds)
            case "Claim Verification" | "Mark Published":  # what puts it into the index, and takes it out
                return not self._account.index_keys[self._deadline].take_now(now)
        return False

    def _do(self, state: str, now: float) -> float:
        match state:
            case "Is It Settled?":
                return now
            case "Wait For Next Check":
                return max(now, self._grid_start + self._due)
            case "Check Link":
                return self._check(now)
            case "Record Outcome":
                self._seen.settled_after_deadline.append(now + CALL_SECONDS - self._deadline)
            case "Publish Outcome":
                self._seen.published_after_deadline.append(now + CALL_SECONDS - self._deadline)
        return now + CALL_SECONDS

    def _check(self, now: float) -> float:
        self._seen.check_lateness.append(now - self._grid_start - self._due)
        if now >= self._deadline:
            self._seen.checks_past_deadline += 1
            self._is_window_over = True
            return now + NO_CHECK_SECONDS
        self._checks += 1
        self._is_window_over = self._due == GRID[-1]
        if now >= self._clicked_at:
            self._is_clicked = True
            self._seen.click_noticed_after.append(now + CHECK_SECONDS - self._clicked_at)
        return now + CHECK_SECONDS

    def _give_up(self, state: str) -> None:
        if state == "Check Link":  # CHECK_FAILED
            self._seen.checks_failed += 1
            self._is_window_over = self._due == GRID[-1]
        else:
            self._is_given_up = True
            self._seen.left_to_recovery += 1
