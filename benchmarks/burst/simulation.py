"""Verifications on their way through the shipped definition, each transition taken out of the account's bucket.

The states are those that the definition enters on the second engine (benchmarks/cost/counts.py says why a test's engine); times
are seconds after the first link was sent. A throttled start or transition waits its turn, as Step Functions has it wait.
"""

import heapq
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from tests.definition.told import CLICKED, GRID, PENDING, Told

WINDOW_SECONDS = 300
#: A look with a warm Lambda and Signzy's answer, and a state that calls AWS.
LOOK_SECONDS, CALL_SECONDS = 0.3, 0.03


@dataclass
class Bucket:
    """A token bucket whose takers wait in line."""

    size: float
    refill: float
    _empty_until: float = 0

    def take(self, at: float) -> float:
        """When the token that is asked for at this time is had. Calls come in order of time."""
        self._empty_until = max(self._empty_until, at) + 1 / self.refill
        return max(at, self._empty_until - self.size / self.refill)


@dataclass
class Seen:
    """What came of a burst; lateness in seconds."""

    start_lateness: list[float] = field(default_factory=list)
    look_lateness: list[float] = field(default_factory=list)
    settled_after_deadline: list[float] = field(default_factory=list)
    looks_lost: int = 0
    blind: int = 0
    transitions_at: Counter[int] = field(default_factory=Counter)
    looks_at: Counter[int] = field(default_factory=Counter)


@cache
def path() -> tuple[list[str], list[str], list[str]]:
    """The states that the shipped definition enters before the looks, for each look, and after them."""
    told = Told(answers=((0, PENDING), (GRID[1] * 1000 - 900, CLICKED)))  # the second look sees the click
    states = told.first.entered_states
    first, second = (place for place, state in enumerate(states) if state == "Wait For Next Look")
    return states[:first], states[first:second], states[second + second - first :]


def burst(links: int, seconds: float, starts: Bucket, transitions: Bucket, seed: int = 1) -> Seen:
    """So many links sent evenly over so many seconds; seven of ten are clicked, half of those within 30 s."""
    chance, seen = random.Random(seed), Seen()  # noqa: S311  no cipher
    turns: list[tuple[float, int, Iterator[float]]] = []
    for number in range(links):
        clicked_after = chance.expovariate(1 / 43) if chance.random() < 0.7 else 2 * WINDOW_SECONDS
        sent_at = seconds * number / links
        heapq.heappush(turns, (sent_at, number, _way(sent_at, clicked_after, starts, transitions, seen)))
    while turns:
        _, number, way = heapq.heappop(turns)
        if (due := next(way, None)) is not None:
            heapq.heappush(turns, (due, number, way))
    return seen


def _way(sent_at: float, clicked_after: float, starts: Bucket, transitions: Bucket, seen: Seen) -> Iterator[float]:
    """One verification: yields when it wants to enter a state, and is resumed then."""
    before, for_a_look, after = path()
    grid_start = int(sent_at)
    deadline, looked, settled, due = grid_start + WINDOW_SECONDS, False, False, 0
    now = starts.take(sent_at)
    seen.start_lateness.append(now - sent_at)
    todo = list(before)
    while todo:
        yield now
        now = transitions.take(now)
        seen.transitions_at[int(now)] += 1
        match todo.pop(0):
            case "Wait For Next Look":
                # The next point of the grid after now and after the look before, or else the last look.
                due = next((g for g in GRID if g > max(now - grid_start, due)), GRID[-1])
                now = max(now, grid_start + due)
            case "Check Link":
                seen.looks_at[int(now)] += 1
                late = now >= deadline
                seen.looks_lost += late
                looked |= not late
                seen.look_lateness.append(now - grid_start - due)
                settled = late or due == GRID[-1] or now >= sent_at + clicked_after
                now += 0 if late else LOOK_SECONDS
            case "Record Outcome":
                now += CALL_SECONDS
                seen.settled_after_deadline.append(now - deadline)
                seen.blind += not looked
            case "Is It Settled?":
                pass
            case _:
                now += CALL_SECONDS
        if not todo and not due:
            todo = list(for_a_look)
        elif not todo and for_a_look:
            todo, for_a_look = (list(after), []) if settled else (list(for_a_look), for_a_look)
