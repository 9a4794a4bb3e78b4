"""What one account in one region allows of what linkwatch uses, and how much of it is taken. Times are seconds; calls come in
order of time.
"""

import heapq
from collections import defaultdict
from dataclasses import dataclass, field

from benchmarks.quotas import QUOTAS, Bucket


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
        writes = QUOTAS["everywhere"]["writes_to_one_key"]
        return Account(
            Bucket.of(regions, "StartExecution"),
            Bucket.of(regions, "StateTransition"),
            Slots(QUOTAS["everywhere"]["lambda_concurrency"]),
            defaultdict(lambda: Bucket(writes, writes)),
        )
