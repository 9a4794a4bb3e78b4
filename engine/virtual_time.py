"""A clock that moves when nobody has anything left to do at the moment it shows, and the threads that live by it.

One thread runs at a time and lets the next one run when it waits, so a scenario is the same every time it is played.
"""

import heapq
import threading
from collections.abc import Callable
from itertools import count


class VirtualTime:
    """Milliseconds since the epoch, and what is to be done when."""

    def __init__(self, now_millis: int) -> None:
        self.now = now_millis
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, moment: int, action: Callable[[], None]) -> None:
        """Has something done at a moment; at once, but after what is being done, when it is past."""
        heapq.heappush(self._agenda, (max(moment, self.now), next(self._order), action))

    def run(self, until: Callable[[], bool], latest: int) -> None:
        """Does what is to be done, until there is nothing, or enough, or it is later than latest."""
        while self._agenda and not until() and self._agenda[0][0] <= latest:
            self.now, _, action = heapq.heappop(self._agenda)
            action()


class Ended(BaseException):  # not an Exception: the interpreter and the functions have to let it through
    """Raised inside a thread that was ended from outside, or that dies where it stands."""


class Thread:
    """Runs something that waits in virtual time; ends it when asked to. Failures of our own are kept in failure."""

    def __init__(self, time: VirtualTime, body: Callable[[], None]) -> None:
        self._time = time
        self._body = body
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._waits = 0  # counts waits, so that an alarm for one that is over wakes nobody
        self._is_ending = self._has_started = self.is_over = False
        self.failure: BaseException | None = None

    def start(self) -> None:
        if self.is_over:
            return
        self._has_started = True
        threading.Thread(target=self._run, daemon=True).start()
        self._hand_over()

    def wait_until(self, moment: int) -> None:
        """Called by the thread itself. Raises Ended."""
        self._waits += 1
        this = self._waits
        self._time.at(moment, lambda: self._wake(this))
        self._back.release()
        self._go.acquire()
        if self._is_ending:
            raise Ended

    def end(self) -> None:
        """Called by another: unwinds the thread where it waits."""
        if not self._has_started:
            self.is_over = True
        if not self.is_over:
            self._is_ending = True
            self._hand_over()

    def _wake(self, wait: int) -> None:
        if wait == self._waits and not self.is_over:
            self._hand_over()

    def _hand_over(self) -> None:
        self._go.release()
        self._back.acquire()

    def _run(self) -> None:
        self._go.acquire()
        try:
            self._body()
        except Ended:
            pass
        except BaseException as failure:  # noqa: BLE001  whatever it is, whoever plays the scenario wants to know
            self.failure = failure
        self.is_over = True
        self._back.release()
