"""What one account in one region allows of what linkwatch uses, and how much of it is taken. Times are seconds; calls come in
order of time.
"""

import heapq
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

QUOTAS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("quotas.toml").read_text("utf-8"))


@dataclass
class Bucket:
    """A token bucket, full at first."""

    size: float
    refill: float
    _empty_until: float = 0

    def take(self, at: float) -> float:
        """When the token that is asked for at this time is had, by one who waits in line: so are state transitions delayed."""
        self._empty_until = max(self._empty_until, at) + 1 / self.refill
        return max(at, self._empty_until - self.size / self.refill)

    def take_now(self, at: float) -> bool:
        """Takes a token if there is one, and nothing otherwise: so are calls refused."""
        if max(self._empty_until, at) + 1 / self.refill - self.size / self.refill > at + 1e-9:
            return False
        self.take(at)
        return True


@dataclass
class Slots:
    """Lambda's concurrency: so many may run at once."""

    size: int
    most: int = 0
    _ends: list[float] = field(default_factory=list)

    def take_now(self, at: float, seconds: float) -> bool:
        """Runs something for so long, if there is room."""
        while self._ends and self._ends[0] <= at:
            heapq.heappop(self._ends)
        if len(self._ends) >= self.size:
            return False
        heapq.heappush(self._ends, at + seconds)
        self.most = max(self.most, len(self._ends))
        return True


@dataclass
class Account:
    """index_keys: by the deadline, which is the key of the index openVerifications."""

    starts: Bucket
    transitions: Bucket
    lambdas: Slots
    index_keys: defaultdict[int, Bucket]

    @staticmethod
    def with_default_quotas(regions: str) -> "Account":
        """An account that nobody else uses, in the large or the other regions."""
        quotas, everywhere = QUOTAS["regions"][regions], QUOTAS["everywhere"]
        writes = everywhere["writes_to_one_key"]
        return Account(
            Bucket(quotas["start_execution_bucket"], quotas["start_execution_refill"]),
            Bucket(quotas["transition_bucket"], quotas["transition_refill"]),
            Slots(everywhere["lambda_concurrency"]),
            defaultdict(lambda: Bucket(writes, writes)),
        )
