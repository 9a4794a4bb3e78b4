"""A burst of links. An event loop of a heap and generators does: simpy would bring the same loop, and its resources know neither
token buckets nor refusals.
"""

import heapq
import math
import random
from dataclasses import dataclass
from itertools import count

from benchmarks.burst.account import Account
from benchmarks.burst.entry import MOST_BATCHES, Entry
from benchmarks.burst.watch import Link, Seen, Way


@dataclass(frozen=True)
class Links:
    """Sent evenly over so many seconds, by the api or the bus; a share of them is clicked, exponentially distributed after
    sending. The first sweep comes so many seconds after the first link.
    """

    count: int = 20_000
    seconds: float = 60
    via: str = "bus"
    clicked: float = 0.7
    mean_seconds_to_click: float = 43
    first_sweep_at: float = 30


def burst(links: Links, account: Account, seed: int = 1) -> Seen:
    """Has them all watched to their end."""
    chance, seen = random.Random(seed), Seen()  # noqa: S311  no cipher
    turns: list[tuple[float, int, Way]] = []
    order = count()

    def spawn(at: float, way: Way) -> None:
        heapq.heappush(turns, (at, next(order), way))

    entry = Entry(account, seen, chance, spawn, left=links.count)
    for number in range(links.count):
        sent_at = links.seconds * number / links.count
        is_clicked = chance.random() < links.clicked
        link = Link(sent_at, sent_at + chance.expovariate(1 / links.mean_seconds_to_click) if is_clicked else math.inf)
        spawn(sent_at, entry.by_api(link) if links.via == "api" else entry.by_bus(link))
    if links.via == "bus":
        for number in range(MOST_BATCHES):
            spawn(0, entry.batches(number))
    spawn(links.first_sweep_at, entry.sweeps(links.first_sweep_at))
    while turns:
        _, number, way = heapq.heappop(turns)
        if (due := next(way, None)) is not None:
            heapq.heappush(turns, (due, number, way))
    seen.most_lambdas = account.lambdas.most
    return seen
