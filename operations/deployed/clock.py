"""The clock of a deployed stack, which may run faster than the caller's, and waiting for something to happen."""

import time
from collections.abc import Callable
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


def await_that[T](happens: Callable[[], T | None], real_seconds: float, what: str) -> T:
    """The first true value that happens() returns. Raises TimeoutError, which names what did not happen."""
    give_up_at = time.monotonic() + real_seconds
    while not (happened := happens()):
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"not within {real_seconds:g} s: {what}")
        time.sleep(0.1)
    return happened
