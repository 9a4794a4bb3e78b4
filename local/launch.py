"""Starts the emulator and the simulator under one clock, and ends them."""

import contextlib
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import urllib3

from local.accelerated_clock import environment_at
from local.checkout import EMULATOR_VENV, LOGS, ROOT, STATE, make_state_folders, shown
from local.programs import REGION, SECRET_KEY, bare_environment, emulator_environment
from operations.deployed.clock import Clock
from operations.deployed.signed_calls import SignedCalls
from simulator.client import SimulatedSignzy

#: Real seconds.
_START_SECONDS = 60
_END_SECONDS = 60  # most of it removes the copies of the bundle that the emulator makes for its Lambdas


class LocalStackFailed(Exception):
    """The local stack could not be brought up; the message says what failed, and where the log is."""


@dataclass(frozen=True, slots=True)
class Emulator:
    """An emulator that runs. key_id: of the only access key that may do everything in it; clock_environment lets a program
    into its clock.
    """

    endpoint: str
    key_id: str
    clock: Clock
    clock_environment: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that talks to this emulator and to no other AWS, in its clock."""
        return emulator_environment(self.endpoint, self.key_id) | self.clock_environment

    @property
    def scratch(self) -> Path:
        """The emulator's own folder; it is removed when the emulator ends."""
        return _scratch_of(int(self.endpoint.rsplit(":", 1)[1]))

    def calls(self) -> SignedCalls:
        """Signed calls with its root key."""
        return SignedCalls(boto3.Session(self.key_id, SECRET_KEY, region_name=REGION), self.clock, self.endpoint)


@dataclass(frozen=True, slots=True)
class Launched:
    """The processes: process is the supervisor, the parent of all."""

    process: subprocess.Popen[bytes]
    emulator: Emulator
    simulator_address: str | None

    def end(self) -> None:
        """Ends all of it; returns when nothing is left."""
        _end(self.process)


def launch(speed: float, window_seconds: int, *, with_simulator: bool = True, in_background: bool = False) -> Launched:
    """Starts both. in_background: they outlive this process. Raises LocalStackFailed, NoAcceleratedClock."""
    make_state_folders()
    emulator_port, simulator_port = _free_port(), _free_port() if with_simulator else None
    options = {
        "emulatorPort": emulator_port,
        "simulatorPort": simulator_port,
        "windowSeconds": window_seconds,
        "speed": speed,
        "inBackground": in_background,
        "logs": str(LOGS),
        "scratch": str(_scratch_of(emulator_port)),
    }
    endpoint = f"http://127.0.0.1:{emulator_port}"
    key_id = f"LOCAL{secrets.token_hex(16).upper()}"
    simulator_address = f"http://127.0.0.1:{simulator_port}" if simulator_port else None
    process = _start_supervisor(options, {**environment_at(speed), "AWS_ACCESS_KEY_ID": key_id})
    try:
        clock_environment = _first_line(process)["clock"]
        _await(process, "emulator", lambda: _answers(f"{endpoint}/_ministack/health"))
        clock = Clock.real_time()
        if simulator_address:
            _await(process, "simulator", lambda: _answers(f"{simulator_address}/_simulator/clock"))
            clock = _clock_of(SimulatedSignzy(simulator_address), speed)
    except BaseException:  # Ctrl-C, too: nothing stays behind
        _end(process)
        raise
    return Launched(process, Emulator(endpoint, key_id, clock, clock_environment), simulator_address)


def end_background(pid: int) -> None:
    """Ends a supervisor that outlived its parent. Does nothing when it has ended, or when the pid is another program's by now."""
    asked = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    if "local.supervisor" not in asked.stdout:
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


def _clock_of(simulator: SimulatedSignzy, speed: float) -> Clock:
    """The stack's clock, read from the simulator, which shares it."""
    before = time.time()
    shown_ms = simulator.now_ms()
    return Clock(shown_ms, (before + time.time()) / 2 * 1000, speed)


def _start_supervisor(options: dict[str, Any], env: dict[str, str]) -> subprocess.Popen[bytes]:
    with (LOGS / "supervisor.log").open("wb") as log:
        return subprocess.Popen(
            [EMULATOR_VENV / "bin" / "python", "-m", "local.supervisor", json.dumps(options)],
            cwd=ROOT,
            env={**bare_environment(), **env, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL if options["inBackground"] else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for this process, which ends it in order
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:  # its children end with it
        process.kill()
        process.wait()


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
    return LocalStackFailed(f"The {name} {how}; its log is {shown(LOGS / f'{name}.log')}")


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _scratch_of(emulator_port: int) -> Path:
    return STATE / "scratch" / str(emulator_port)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
