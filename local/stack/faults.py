"""Faults on demand: has the emulator refuse calls, as emulator.py says."""

import json
import threading
from typing import Any

from local.stack.clock import Clock
from local.stack.launch import scratch_of


class Faults:
    """The faults of one emulator. Threads share it."""

    def __init__(self, endpoint: str, clock: Clock) -> None:
        self._file = scratch_of(int(endpoint.rsplit(":", 1)[1])) / "faults.json"
        self._clock = clock
        self._faults: list[dict[str, Any]] = []
        self._count = 0
        self._lock = threading.Lock()

    def refuse(
        self,
        call: str,
        error: str | None,
        about: list[str],
        seconds: float,
        *,
        in_seconds: float = 0,
        **options: object,
    ) -> None:
        """Has the emulator refuse calls from now on, or in_seconds, for seconds; by its clock. options: after, times and
        lateBySeconds, as emulator.py says.
        """
        now_ms = self._clock.now_ms()
        from_ms = now_ms + in_seconds * 1000
        fault = {"call": call, "error": error, "about": about, "fromMs": from_ms, "untilMs": from_ms + seconds * 1000}
        with self._lock:
            self._count += 1
            # Those that are over would only be read again at each call.
            self._faults = [kept for kept in self._faults if kept["untilMs"] > now_ms]
            self._faults.append({**fault, **options, "id": self._count})
            written = self._file.with_suffix(".new")
            written.write_text(json.dumps(self._faults))
            written.replace(self._file)
