"""A burst of links. An event loop of a heap and generators does: simpy would bring the same loop, and its resources know neither
token buckets nor refusals.
"""

import heapq
import math
import random
from dataclasses import dataclass

from benchmarks.burst.account import Account
from benchmarks.burst.watch import Seen, Watch, Way


@dataclass(frozen=True)
class Links:
    """Sent evenly over so many seconds; a share of them is clicked, exponentially distributed after sending."""

    count: int = 10_000
    seconds: float = 60
    clicked: float = 0.7
    mean_seconds_to_click: float = 43


def burst(links: Links, account: Account, seed: int = 1) -> Seen:
    """Has them all watched to their end."""
    chance, seen = random.Random(seed), Seen()  # noqa: S311  no cipher
    turns: list[tuple[float, int, Way]] = []
    for number in range(links.count):
        sent_at = links.seconds * number / links.count
        is_clicked = chance.random() < links.clicked
        clicked_at = sent_at + chance.expovariate(1 / links.mean_seconds_to_click) if is_clicked else math.inf
        turns.append((sent_at, number, Watch(account, seen, chance, sent_at, clicked_at).way()))
    while turns:
        _, number, way = turns[0]
        if (due := next(way, None)) is None:
            heapq.heappop(turns)
        else:
            heapq.heapreplace(turns, (due, number, way))
    seen.most_lambdas = account.lambdas.most
    return seen
