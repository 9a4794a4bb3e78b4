"""The local stack: brings it up, takes it down, and what only a local stack has (the simulator, faults on demand)."""

import json
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from local import sam
from local.checkout import BACKGROUND_STACK
from local.launch import Emulator, Launched, end_background, launch
from operations.deployed.clock import Clock
from operations.deployed.outcome_events import listen
from operations.deployed.stack import DeployedStack, Outputs, outputs_of
from simulator.client import SimulatedSignzy
from simulator.server import DEFAULT_TOKEN

DEFAULT_WINDOW_SECONDS = 300


class Faults:
    """Faults on demand: the calls that one emulator refuses or delays (emulator.py). Threads share it."""

    def __init__(self, emulator: Emulator) -> None:
        self._file = emulator.scratch / "faults.json"
        self._clock = emulator.clock
        self._faults: list[dict[str, Any]] = []
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
        """Has the emulator refuse calls for seconds, from now on or in_seconds from now, by its clock. options: after, times
        and lateBySeconds, as emulator.py describes them.
        """
        now_ms = self._clock.now_ms()
        from_ms = now_ms + in_seconds * 1000
        fault = {"call": call, "error": error, "about": about, "fromMs": from_ms, "untilMs": from_ms + seconds * 1000}
        with self._lock:
            # Those that are over would only be read again at each call.
            self._faults = [kept for kept in self._faults if kept["untilMs"] > now_ms]
            self._faults.append({**fault, **options, "id": secrets.token_hex(8)})
            written = self._file.with_suffix(".new")
            written.write_text(json.dumps(self._faults))
            written.replace(self._file)


class Stack(DeployedStack):
    """A stack on the emulator, with its simulator of Signzy."""

    def __init__(self, emulator: Emulator, outputs: Outputs, simulator_address: str | None, outcomes_url: str) -> None:
        """simulator_address: None where the stack watches real links."""
        super().__init__(emulator.calls(), outputs, sam.STACK_NAME, outcomes_url)
        self.emulator = emulator
        self.faults = Faults(emulator)
        self._simulator_address = simulator_address

    @property
    def endpoint(self) -> str:
        """The emulator's address."""
        return self.emulator.endpoint

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that talks to this stack and to no other AWS, in its clock."""
        return self.emulator.environment

    @cached_property
    def signzy(self) -> SimulatedSignzy:
        """The simulator."""
        assert self._simulator_address, "this stack has no simulator"
        return SimulatedSignzy(self._simulator_address)

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
    launched, stack = _bring_up(config, in_background=False)
    try:
        yield stack
    finally:
        launched.end()


def launch_background_stack(config: StackConfig) -> Stack:
    """Brings up a stack that outlives this process. Raises LocalStackFailed, NoAcceleratedClock."""
    launched, stack = _bring_up(config, in_background=True)
    known = {
        "pid": launched.process.pid,
        "emulator": asdict(launched.emulator),
        "simulator": launched.simulator_address,
        "outcomes": stack.outcomes.url,
        "outputs": asdict(stack.outputs),
    }
    BACKGROUND_STACK.unlink(missing_ok=True)  # so that it is created with this mode
    with os.fdopen(os.open(BACKGROUND_STACK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(known, file, indent=2)
    return stack


def background_stack() -> Stack | None:
    """The stack that launch_background_stack() brought up, or None."""
    if not BACKGROUND_STACK.exists():
        return None
    known = json.loads(BACKGROUND_STACK.read_text())
    try:
        os.kill(known["pid"], 0)
    except ProcessLookupError:
        return None
    emulator = Emulator(**known["emulator"] | {"clock": Clock(**known["emulator"]["clock"])})
    stack = Stack(emulator, Outputs(**known["outputs"]), known["simulator"], known["outcomes"])
    stack.outcomes.is_shared = True
    return stack


def end_background_stack() -> bool:
    """Ends the background stack; False when there is none."""
    if not BACKGROUND_STACK.exists():
        return False
    end_background(json.loads(BACKGROUND_STACK.read_text())["pid"])
    BACKGROUND_STACK.unlink()
    return True


def _bring_up(config: StackConfig, *, in_background: bool) -> tuple[Launched, Stack]:
    sam.build()
    window_seconds = int(str(config.parameters.get("WindowSeconds", DEFAULT_WINDOW_SECONDS)))
    launched = launch(
        config.speed, window_seconds, with_simulator=config.signzy_base_url is None, in_background=in_background
    )
    try:
        return launched, _deployed(launched, config)
    except BaseException:  # Ctrl-C, too: nothing stays behind
        launched.end()
        raise


def _deployed(launched: Launched, config: StackConfig) -> Stack:
    emulator, simulator = launched.emulator, launched.simulator_address
    base_url = config.signzy_base_url or f"{simulator}/api/v3/us-kyc"
    sam.deploy(emulator.environment, {"SignzyBaseUrl": base_url, **config.parameters})
    client = emulator.calls().client
    outputs = outputs_of(client, sam.STACK_NAME)
    stack = Stack(emulator, outputs, simulator, listen(client, outputs.BusName, "local-outcomes"))
    stack.fill_token(config.token)
    _warm_up(stack)
    return stack


def _warm_up(stack: Stack) -> None:
    """Calls the functions once: under an accelerated clock a first start would count as many seconds of the window."""
    stack.invoke("CheckLink", json.dumps({"requestId": "", "sessionId": ""}))
    stack.invoke("RecoverUnfinished", json.dumps({"sweep": True}))
    stack.find("warm-up")
    # Malformed: it leaves nothing behind but a dead letter.
    malformed = {"messageId": "warm-up", "body": "{}", "attributes": {"SentTimestamp": "0"}}
    stack.invoke("InstantLinkSent", json.dumps({"Records": [malformed]}))
    stack.purge_dead_letters()


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
