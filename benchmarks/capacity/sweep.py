"""Measures one sweep: the handler with its own clients, its function's time-out, and Lambda's share of a processor.

The handler reads its environment and makes its clients at import, so each sweep runs in a process of its own.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe, get_context
from pathlib import Path
from typing import Any

import urllib3

from benchmarks.capacity.quotas import default_of, properties_of
from benchmarks.capacity.stand_in import STATE_MACHINE_ARN, Case, serve

_ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS: int = properties_of("RecoverUnfinished")["Timeout"]
MEMORY_MEGABYTES: int = properties_of("RecoverUnfinished").get("MemorySize", default_of("MemorySize"))
#: What a sweep may find among so many open verifications: how many executions have failed, how many were never started.
CASES: dict[str, Callable[[int], tuple[int, int]]] = {
    "all are running": lambda _: (0, 0),
    "one in forty has failed": lambda n: (n // 40, 0),
    "none was started": lambda n: (0, n),
    "all have failed": lambda n: (n, 0),
}
#: Lambda gives one whole processor at this memory size, and less in proportion
#: (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
MEGABYTES_OF_ONE_PROCESSOR = 1769


@dataclass(frozen=True)
class Swept:
    """seconds: its duration in Lambda. cpu_seconds: on one processor here. counts: as the handler logs them. calls, refused: by
    operation.
    """

    seconds: float
    cpu_seconds: float
    counts: dict[str, int]
    calls: dict[str, int]
    refused: dict[str, int]

    @property
    def started(self) -> int:
        """How many executions it started. In the cases here, one that it finds running was started by it."""
        return sum(self.counts.get(name, 0) for name in ("running", "taken_over", "taken_over_repeatedly"))

    @property
    def left(self) -> int:
        """How many verifications it had no time for, or failed to recover."""
        return self.counts["left"] + self.counts["failed"]


def sweep(case: Case, memory_megabytes: int = MEMORY_MEGABYTES, timeout_seconds: float = TIMEOUT_SECONDS) -> Swept:
    """Runs one sweep over a case, in processes of its own."""
    ours, theirs = Pipe()
    account = get_context("spawn").Process(target=serve, args=(case, theirs), daemon=True)
    account.start()
    try:
        url = f"http://127.0.0.1:{ours.recv()}"
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{_ROOT}{os.pathsep}{_ROOT / 'functions'}",
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "POWERTOOLS_SERVICE_NAME": "sweep",
            "STATE_MACHINE_ARN": STATE_MACHINE_ARN,
            "TABLE_NAME": "Verifications",
        }
        share = memory_megabytes / MEGABYTES_OF_ONE_PROCESSOR
        command = [sys.executable, "-m", "benchmarks.capacity.sweep", str(share), str(timeout_seconds)]
        lines = subprocess.run(
            command, env=environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.splitlines()
        logged = next(found for line in reversed(lines) if (found := json.loads(line)).get("message") == "Swept")
        counts = {
            name: count for name, count in logged.items() if type(count) is int and not name.startswith("function_")
        }
        return Swept(counts=counts, **json.loads(lines[-1]), **urllib3.PoolManager().request("GET", url).json())
    finally:
        account.terminate()
        account.join()


class _Share:
    """Makes the process as slow as its share of a processor: it waits before each call of AWS for what it has computed since."""

    def __init__(self, share: float) -> None:
        self._share, self._cpu, self._free_at = share, time.process_time(), time.monotonic()
        self._lock = threading.Lock()

    def pay(self, **_: Any) -> None:
        with self._lock:
            now, cpu = time.monotonic(), time.process_time()
            used, self._cpu = cpu - self._cpu, cpu
            # What is not used of a share is lost, so it has been used at the latest possible time.
            self._free_at = max(self._free_at, now - used) + used / self._share
            free_at = self._free_at
        time.sleep(max(0, free_at - now))


class _Context:
    """What the handler reads of Lambda's context."""

    function_name, memory_limit_in_mb, invoked_function_arn, aws_request_id = "sweep", 0, "arn", "request"

    def __init__(self, timeout_seconds: float) -> None:
        self._ends_at = time.monotonic() + timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        return round(1000 * (self._ends_at - time.monotonic()))


def _run(share: float, timeout_seconds: float) -> dict[str, Any]:
    import recover_unfinished  # noqa: PLC0415  it makes its clients at import

    paced = _Share(share)
    for client in (recover_unfinished._executions._step_functions, recover_unfinished._table._dynamodb):  # noqa: SLF001
        client.meta.events.register("before-send", paced.pay)
    began, cpu = time.monotonic(), time.process_time()
    with suppress(recover_unfinished.SweepIncomplete):  # raised at the end, after the counts are logged
        recover_unfinished.handler({"sweep": True}, _Context(timeout_seconds))
    paced.pay()
    return {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - cpu}


if __name__ == "__main__":
    print(json.dumps(_run(*(float(argument) for argument in sys.argv[1:]))))
