"""The local stack's clock, seen from outside of it: it may run faster than the caller's own."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that showed shown_ms (epoch milliseconds) when the caller's showed real_ms, and runs speed times as fast."""

    shown_ms: float
    real_ms: float
    speed: float

    @staticmethod
    def real_time() -> "Clock":
        """The caller's own clock."""
        now = time.time() * 1000
        return Clock(now, now, 1)

    def now_ms(self) -> float:
        """Epoch milliseconds."""
        return self.shown_ms + (time.time() * 1000 - self.real_ms) * self.speed

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC)

    def sleep(self, seconds: float) -> None:
        """Sleeps seconds of this clock."""
        time.sleep(seconds / self.speed)
