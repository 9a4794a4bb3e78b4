"""Starts the emulator and the simulator under one clock, and ends them."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from local.stack import accelerated_clock, environment
from local.stack.clock import Clock
from local.stack.paths import EMULATOR_PYTHON, LOGS, ROOT, STATE, shown
from simulator.client import SimulatedSignzy

#: Real seconds.
_START_SECONDS = 60
_END_SECONDS = 15


class LocalStackFailed(Exception):
    """The local stack could not be brought up; the message says what failed, and where the log is."""


@dataclass(slots=True)
class Launched:
    """What runs: process is the supervisor, the parent of all; clock_environment lets a program into the stack's clock."""

    process: subprocess.Popen[bytes]
    endpoint: str
    simulator_address: str | None
    clock: Clock
    clock_environment: dict[str, str]

    def end(self) -> None:
        """Ends all of it; returns when nothing is left."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:  # its children die with it, or of the pipe
            self.process.kill()
            self.process.wait()


def launch(speed: float, window_seconds: int, *, with_simulator: bool = True, in_background: bool = False) -> Launched:
    """Starts both. in_background: they outlive this process. Raises LocalStackFailed, NoAcceleratedClock."""
    LOGS.mkdir(parents=True, exist_ok=True)
    endpoint_port, simulator_port = _free_port(), _free_port() if with_simulator else None
    options = {
        "emulatorPort": endpoint_port,
        "simulatorPort": simulator_port,
        "windowSeconds": window_seconds,
        "speed": speed,
        "inBackground": in_background,
        "logs": str(LOGS),
        "scratch": str(scratch_of(endpoint_port)),
    }
    process = _start_supervisor(options, accelerated_clock.environment_at(speed))
    endpoint = f"http://127.0.0.1:{endpoint_port}"
    simulator_address = f"http://127.0.0.1:{simulator_port}" if simulator_port else None
    launched = Launched(process, endpoint, simulator_address, Clock.real_time(), {})
    try:
        launched.clock_environment = _first_line(process)["clock"]
        _await(process, "emulator", lambda: _answers(f"{endpoint}/_ministack/health"))
        if simulator_address:
            _await(process, "simulator", lambda: _answers(f"{simulator_address}/_simulator/clock"))
            launched.clock = clock_of(SimulatedSignzy(simulator_address), speed)
    except BaseException:  # Ctrl-C, too: nothing stays behind
        launched.end()
        raise
    return launched


def clock_of(simulator: SimulatedSignzy, speed: float) -> Clock:
    """The stack's clock, read from the simulator, which shares it."""
    before = time.time()
    shown_ms = simulator.now_ms()
    return Clock(shown_ms, (before + time.time()) / 2 * 1000, speed)


def end_background(pid: int) -> None:
    """Ends a supervisor that outlived its parent. Does nothing when it is gone, or when the pid is somebody else's by now."""
    asked = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    if "local.stack.supervisor" not in asked.stdout:
        return
    os.kill(pid, signal.SIGTERM)
    give_up_at = time.monotonic() + _END_SECONDS
    while time.monotonic() < give_up_at:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)


def _start_supervisor(options: dict[str, Any], clock: dict[str, str]) -> subprocess.Popen[bytes]:
    with (LOGS / "supervisor.log").open("wb") as log:
        return subprocess.Popen(
            [EMULATOR_PYTHON, "-m", "local.stack.supervisor", json.dumps(options)],
            cwd=ROOT,
            env={**environment.bare(), **clock, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL if options["inBackground"] else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us; we end it in order
        )


def _first_line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], _START_SECONDS)
    line = process.stdout.readline() if readable else b""
    if not line:
        raise _failed("supervisor", "did not start")
    return json.loads(line)


def _await(process: subprocess.Popen[bytes], name: str, is_there: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + _START_SECONDS
    while not is_there():
        if process.poll() is not None:
            raise _failed(name, "ended at once")
        if time.monotonic() > give_up_at:
            raise _failed(name, f"did not answer within {_START_SECONDS} s")
        time.sleep(0.05)


def _failed(name: str, how: str) -> LocalStackFailed:
    log: Path = LOGS / f"{name}.log"
    return LocalStackFailed(f"The {name} {how}; its log is {shown(log)}")


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def scratch_of(endpoint_port: int) -> Path:
    """The emulator's own folder; it goes when the emulator ends."""
    return STATE / "scratch" / str(endpoint_port)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
