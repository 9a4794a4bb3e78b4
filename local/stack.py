"""The local stack: brings it up, takes it down, and what only a local stack has (the simulator, faults on demand)."""

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

from local import sam
from local.checkout import BACKGROUND_STACK
from local.launch import Emulator, launch
from operations.deployed.clock import Clock
from operations.deployed.outcome_events import listen
from operations.deployed.stack import DeployedStack, Outputs, outputs_of
from simulator.client import SimulatedSignzy
from simulator.server import DEFAULT_TOKEN


class Stack(DeployedStack):
    """A stack on the emulator, with its simulator of Signzy."""

    def __init__(self, emulator: Emulator, outputs: Outputs, outcomes_url: str) -> None:
        super().__init__(emulator.calls(), outputs, sam.STACK_NAME, outcomes_url)
        self.emulator = emulator

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that talks to this stack and to no other AWS, in its clock."""
        return self.emulator.environment

    @cached_property
    def signzy(self) -> SimulatedSignzy:
        """The simulator."""
        return SimulatedSignzy(self.emulator.simulator)

    def refuse(self, call: str, error: str | None, about: list[str], seconds: float, **options: object) -> None:
        """Has the emulator refuse calls for seconds of its clock. options: after, times, lateBySeconds (emulator.py)."""
        until_ms = self.clock.now_ms() + seconds * 1000
        fault = {"call": call, "error": error, "about": about, "untilMs": until_ms}
        with (Path(self.emulator.scratch) / "faults").open("a") as file:
            file.write(f"{json.dumps(fault | options)}\n")

    def rotate_token(self, token: str) -> None:
        """Replaces the token in the secret and at the simulator."""
        self.fill_token(token)
        self.signzy.take_token(token)


@dataclass(frozen=True, slots=True)
class StackConfig:
    """speed: times real time; parameters: of the template, where they differ from their defaults; signzy_base_url: the real
    Signzy's, with token, instead of the simulator.
    """

    speed: float = 1
    parameters: Mapping[str, object] = field(default_factory=dict)
    signzy_base_url: str | None = None
    token: str = field(default=DEFAULT_TOKEN, repr=False)


@contextmanager
def running_stack(config: StackConfig) -> Iterator[Stack]:
    """A stack that ends with the block, however it ends. Raises LocalStackFailed, NoAcceleratedClock."""
    emulator = _launched(config, in_background=False)
    try:
        yield _deployed(emulator, config)
    finally:
        emulator.end()


def launch_background_stack(config: StackConfig) -> Stack:
    """Brings up a stack that outlives this process. Raises LocalStackFailed, NoAcceleratedClock."""
    emulator = _launched(config, in_background=True)
    try:
        stack = _deployed(emulator, config)
        known = {"outputs": asdict(stack.outputs), "outcomes": stack.outcomes.url}
        known["emulator"] = asdict(replace(emulator, process=None))
        BACKGROUND_STACK.touch(mode=0o600)
        BACKGROUND_STACK.write_text(json.dumps(known, indent=2))
    except BaseException:  # Ctrl-C, too: nothing stays behind
        emulator.end()
        raise
    return stack


def background_stack() -> Stack | None:
    """The stack that launch_background_stack() brought up, or None."""
    if not BACKGROUND_STACK.exists():
        return None
    known = json.loads(BACKGROUND_STACK.read_text())
    emulator = Emulator(**known["emulator"] | {"clock": Clock(**known["emulator"]["clock"])})
    if not emulator.is_running():  # it has crashed, or the machine has
        shutil.rmtree(emulator.scratch, ignore_errors=True)
        BACKGROUND_STACK.unlink()
        return None
    stack = Stack(emulator, Outputs(**known["outputs"]), known["outcomes"])
    stack.outcomes.is_shared = True
    return stack


def end_background_stack(stack: Stack) -> None:
    """Ends it, and forgets it."""
    stack.emulator.end()
    BACKGROUND_STACK.unlink()


def _launched(config: StackConfig, *, in_background: bool) -> Emulator:
    sam.build()
    window_seconds = int(str(config.parameters.get("WindowSeconds", 300)))
    return launch(config.speed, window_seconds, in_background=in_background)


def _deployed(emulator: Emulator, config: StackConfig) -> Stack:
    base_url = config.signzy_base_url or SimulatedSignzy(emulator.simulator).base_url
    sam.deploy(emulator.environment, {"SignzyBaseUrl": base_url, **config.parameters})
    client = emulator.calls().client
    outputs = outputs_of(client, sam.STACK_NAME)
    stack = Stack(emulator, outputs, listen(client, outputs.BusName, "local-outcomes"))
    stack.fill_token(config.token)
    _warm_up(stack)
    return stack


def _warm_up(stack: Stack) -> None:
    """Calls the functions once: under an accelerated clock a first start would count as many seconds of the window."""
    stack.invoke("CheckLink", json.dumps({"requestId": "", "sessionId": ""}))
    stack.invoke("RecoverUnfinished", json.dumps({"sweep": True}))
    stack.invoke("InstantLinkSent", json.dumps({"Records": []}))
    stack.find("warm-up")


def warm_up_many(stack: Stack) -> None:
    """Starts as many Lambdas of the busiest functions as tests use at once. Two cores take half a second for each, which under
    an accelerated clock is several seconds of a window.
    """
    ids = {"requestId": secrets.token_hex(12), "sessionId": secrets.token_hex(12)}
    script = [{"answer": "pending", "slowBySeconds": 5}]
    stack.signzy.send_link(ids["requestId"], ids["sessionId"], script=script)
    unknown = f"{ids['requestId']}-{ids['sessionId']}"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: stack.invoke("CheckLink", json.dumps(ids)), range(8)))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: stack.find(unknown), range(8)))
