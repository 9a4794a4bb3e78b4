"""A virtual clock that advances when nothing is left to do at the time it shows, and the threads that live by it.

One thread runs at a time and lets the next one run when it waits, so that a scenario runs the same way every time. While the
clock runs, time.time() and datetime.now() show its time, and time.sleep() waits in it (botocore sleeps between its retries).
"""

import heapq
import threading
import time
from collections.abc import Callable
from itertools import count

import time_machine

_real_sleep = time.sleep


class VirtualTime:
    """Milliseconds since the epoch, and an agenda."""

    def __init__(self, now_millis: int) -> None:
        self.now = now_millis
        #: The thread that runs now; the worker of its pool runs on its behalf.
        self.current: Thread | None = None
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, moment: int, action: Callable[[], None]) -> None:
        """Schedules an action; one whose time is past runs next, after the present one."""
        heapq.heappush(self._agenda, (max(moment, self.now), next(self._order), action))

    def run(self, latest: int) -> None:
        """Runs the agenda until it is empty, or until the next action is later than latest."""
        with time_machine.travel(self._seconds(), tick=False) as clock:
            time.sleep = self._sleep
            try:
                while self._agenda and self._agenda[0][0] <= latest:
                    self.now, _, action = heapq.heappop(self._agenda)
                    clock.move_to(self._seconds())
                    action()
            finally:
                time.sleep = _real_sleep

    def _seconds(self) -> float:
        # A tenth of a millisecond more than the milliseconds, which a float may round down.
        return self.now / 1000 + 0.0001

    def _sleep(self, seconds: float) -> None:
        if self.current:
            self.current.wait(round(seconds * 1000))
        else:
            _real_sleep(seconds)


class Ended(BaseException):  # not an Exception: the interpreter, botocore and the functions must not catch it
    """Raised inside a thread that was ended from outside, or that crashes."""


class Thread:
    """Runs something that waits in virtual time; ends it on request. who: a name. failure: an unexpected exception."""

    def __init__(self, time: VirtualTime, body: Callable[[], None], who: str) -> None:
        self.who = who
        self.is_over = False
        self.failure: BaseException | None = None
        self._time, self._body = time, body
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._waits = 0  # counts waits, so that an alarm for one that is over wakes nobody
        self._is_ending = False

    def start(self) -> None:
        if not self.is_over:
            threading.Thread(target=self._run, daemon=True).start()
            self._hand_over()

    def wait(self, millis: int) -> None:
        """Called by the thread itself, or by the one worker of its pool while it waits for that. Raises Ended."""
        if self._is_ending:
            raise Ended
        self._waits += 1
        this = self._waits
        self._time.at(self._time.now + millis, lambda: self._wake(this))
        self._back.release()
        self._go.acquire()
        if self._is_ending:
            raise Ended

    def end(self) -> None:
        """Called by another thread: unwinds this one where it waits."""
        if not self._waits:  # it has not started
            self.is_over = True
        if not self.is_over:
            self._is_ending = True
            self._hand_over()

    def _wake(self, wait: int) -> None:
        if wait == self._waits and not self.is_over:
            self._hand_over()

    def _hand_over(self) -> None:
        before, self._time.current = self._time.current, self
        self._go.release()
        self._back.acquire()
        self._time.current = before

    def _run(self) -> None:
        self._go.acquire()
        try:
            self._body()
        except Ended:
            pass
        except BaseException as failure:  # noqa: BLE001  whatever it is, the scenario has to fail with it
            self.failure = failure
        self.is_over = True
        self._back.release()
