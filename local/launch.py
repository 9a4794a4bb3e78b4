"""Starts the emulator, which also runs the simulator of Signzy, and ends it.

The emulator leads a process group that its Lambdas belong to. It ends by itself when the process that started it has ended,
however that happened, unless it was started for the background.
"""

import json
import secrets
import socket
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import boto3
import urllib3

from local.accelerated_clock import environment_at
from local.checkout import EMULATOR_VENV, LOGS, ROOT, SHOWN_LOGS, STATE, make_state_folders
from local.programs import REGION, SECRET_KEY, bare_environment, emulator_environment, end_emulator
from operations.deployed.clock import Clock, await_that
from operations.deployed.signed_calls import SignedCalls
from simulator.client import SimulatedSignzy

_START_SECONDS = 60


class LocalStackFailed(Exception):
    """The local stack could not be brought up; the message says what failed, and where the log is."""


@dataclass(frozen=True, slots=True)
class Emulator:
    """An emulator that runs, and its simulator's address. key_id: of the only access key that may do everything in it; scratch:
    its own folder, removed when it ends; clock_environment lets a program into its clock.
    """

    pid: int
    endpoint: str
    simulator: str
    key_id: str
    scratch: str
    clock: Clock = field(default_factory=Clock.real_time)
    clock_environment: dict[str, str] = field(default_factory=dict)
    #: Where this process has started it. Keeps the emulator's standard input open.
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that talks to this emulator and to no other AWS, in its clock."""
        return emulator_environment(self.endpoint, self.key_id) | self.clock_environment

    def calls(self) -> SignedCalls:
        """Signed calls with its root key."""
        return SignedCalls(boto3.Session(self.key_id, SECRET_KEY, region_name=REGION), self.clock, self.endpoint)

    def is_running(self) -> bool:
        """Whether it has not ended. Its pid may be another program's by now."""
        if Path("/proc/self").exists():  # Linux, where small images have no ps
            program = Path(f"/proc/{self.pid}/cmdline")
            return program.exists() and b"local.emulator" in program.read_bytes()
        asked = subprocess.run(["ps", "-o", "command=", "-p", str(self.pid)], capture_output=True, check=False)
        return b"local.emulator" in asked.stdout

    def end(self) -> None:
        """Ends it and its Lambdas. It has to be running, or this process has to have started it."""
        end_emulator(self.pid, Path(self.scratch))
        if self.process:
            self.process.communicate()


def launch(speed: float, window_seconds: int, *, in_background: bool = False) -> Emulator:
    """Starts an emulator. in_background: it outlives this process. Raises LocalStackFailed, NoAcceleratedClock."""
    make_state_folders()
    ports = [_free_port(), _free_port()]
    endpoint, simulator = (f"http://127.0.0.1:{port}" for port in ports)
    key_id = f"LOCAL{secrets.token_hex(16).upper()}"
    scratch = STATE / "scratch" / str(ports[0])
    scratch.mkdir(parents=True, exist_ok=True)
    env = {
        **bare_environment(),
        **environment_at(speed),
        "PYTHONUNBUFFERED": "1",
        "AWS_ACCESS_KEY_ID": key_id,
        "BIND_HOST": "127.0.0.1",  # its default is every interface
        "GATEWAY_PORT": str(ports[0]),
        "AUTH": "true",  # the Lambda roles' signatures and policies are checked, the root's are not: local/emulator.py
        "IOT_MTLS_ENABLED": "0",  # else it opens an MQTT port
        "SFTP_ENABLED": "0",  # else an SSH port
        "LAMBDA_WARM_TTL_SECONDS": "86400",  # else Lambdas end after 300 s without a call: half a minute of an accelerated clock
        "TMPDIR": str(scratch),
        "SIMULATOR_PORT": str(ports[1]),
        "WINDOW_SECONDS": str(window_seconds),
    }
    if not in_background:
        env["ENDS_WITH_STDIN"] = "1"
    with (LOGS / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            [EMULATOR_VENV / "bin" / "python", "-m", "local.emulator"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL if in_background else subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for this process, which ends it
        )
    emulator = Emulator(process.pid, endpoint, simulator, key_id, str(scratch), process=process)
    try:
        await_that(lambda: _answers(emulator), _START_SECONDS, "the emulator answers")
        clock_environment = json.loads((scratch / "clock.json").read_text())
        return replace(
            emulator, clock=_clock_of(SimulatedSignzy(simulator), speed), clock_environment=clock_environment
        )
    except BaseException:  # Ctrl-C, too: nothing stays behind
        emulator.end()
        raise


def _clock_of(simulator: SimulatedSignzy, speed: float) -> Clock:
    """The emulator's clock, read from the simulator, which has the same."""
    before = time.time()
    shown_ms = simulator.now_ms()
    return Clock(shown_ms, (before + time.time()) / 2 * 1000, speed)


def _answers(emulator: Emulator) -> bool:
    if emulator.process and emulator.process.poll() is not None:
        raise LocalStackFailed(f"the emulator ended at once; its log is {SHOWN_LOGS}/emulator.log")
    try:
        return urllib3.request("GET", f"{emulator.endpoint}/_ministack/health", retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
