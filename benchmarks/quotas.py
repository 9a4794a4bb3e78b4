"""What AWS allows by default, and the token buckets that it counts with. Times are seconds; calls come in order of time."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUOTAS: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
ASSUMED_SECONDS: dict[str, float] = QUOTAS["assumed_seconds"]


@dataclass
class Bucket:
    """A token bucket, full at first."""

    size: float
    refill: float
    _empty_until: float = 0

    @staticmethod
    def of(regions: str, quota: str) -> "Bucket":
        """A default quota in the large or the other regions."""
        allowed = QUOTAS["regions"][regions][quota]
        return Bucket(allowed["bucket"], allowed["refill"])

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
