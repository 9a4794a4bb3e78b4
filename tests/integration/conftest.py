"""The deployed stack, under an accelerated clock, for all integration tests."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from local.accelerated_clock import NoAcceleratedClock, speed_of_this_machine
from local.checkout import ROOT
from local.stack import Stack, StackConfig, running_stack, warm_up_many
from operations.deployed.clock import await_that
from operations.deployed.signed_calls import ApiAnswer
from operations.deployed.stack import as_published
from tests.schemas import complaints

_FASTEST = 4
#: The longest lead: a last check that is late on a busy machine is still made before the deadline.
LEAD_SECONDS = 9
#: Seconds of the stack's clock within which whatever was started is published: three windows.
_PATIENCE_SECONDS = 900
#: Acts at the same time: what two cores keep up with under an accelerated clock, beside other work.
_AT_ONCE = 4


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with running_stack(StackConfig(speed=_speed(), parameters={"LastCheckLeadSeconds": LEAD_SECONDS})) as running:
        warm_up_many(running)
        yield running


def _speed() -> float:
    """SPEED= of make, or what this machine keeps up with now; real time where it has no accelerated clock."""
    try:
        return float(os.environ.get("LINKWATCH_SPEED") or speed_of_this_machine(_FASTEST))
    except NoAcceleratedClock:
        return 1


def patience(stack: Stack) -> float:
    """Real seconds in which whatever was started is published, also where the whole window is ahead of it."""
    return max(30, _PATIENCE_SECONDS / stack.clock.speed)


@dataclass(frozen=True)
class Link:
    """A link that Signzy has sent, and the stack that may watch it."""

    stack: Stack
    request_id: str
    session_id: str
    #: linkSentAt of its start; None for the time at which it is started.
    sent_at: str | None = None

    @property
    def verification_id(self) -> str:
        return f"{self.request_id}-{self.session_id}".lower()

    @property
    def fields(self) -> dict[str, str]:
        ids = {"requestId": self.request_id, "sessionId": self.session_id}
        return ids | ({"linkSentAt": self.sent_at} if self.sent_at else {})

    def start(self, **fields: Any) -> ApiAnswer:
        return self.answered(lambda: self.stack.call_api("POST", "/verifications", {**self.fields, **fields}))

    def cancel(self) -> ApiAnswer:
        return self.answered(lambda: self.stack.cancel(self.verification_id))

    def shown(self) -> dict[str, Any]:
        """The verification as GET shows it."""
        return self.answered(lambda: self.stack.find(self.verification_id)).body

    def answered(self, call: Callable[[], ApiAnswer]) -> ApiAnswer:
        """The API's answer. A call is repeated where a busy machine's functions do not answer in time, which is safe."""

        def answer() -> ApiAnswer | None:
            answer = call()
            return None if answer.status in {502, 503, 504} else answer

        return self.await_that(answer, "the API has answered")

    def put_on_bus(self, **fields: Any) -> None:
        self.stack.put_link_sent({**self.fields, **fields})

    def start_by(self, entry_point: str, **fields: Any) -> None:
        """Starts it by "api" or "event". Returns when its item is in the table."""
        if entry_point == "api":
            assert self.start(**fields).status in {200, 202}
        else:
            self.put_on_bus(**fields)
            self.await_that(lambda: self.stack.item(self.verification_id), "the event handler has put it")

    def await_that[T](self, happens: Callable[[], T | None], what: str) -> T:
        return await_that(happens, patience(self.stack), what)

    def await_state(self, state: str) -> None:
        """Returns when its first execution has entered a state."""
        stack, name = self.stack, self.verification_id
        self.await_that(lambda: stack.execution(name) and state in stack.states_entered(name), f"{state} is entered")

    def await_end(self, name: str) -> dict[str, Any]:
        """An execution of it, by its name, once it has ended."""

        def ended() -> dict[str, Any] | None:
            execution = self.stack.execution(name)
            return execution if execution and execution["status"] != "RUNNING" else None

        return self.await_that(ended, f"{name} has ended")

    def settled(self) -> dict[str, Any]:
        """The item as stored, once it is marked published."""
        return self.stack.await_published(self.verification_id, patience(self.stack))

    def event(self) -> dict[str, Any]:
        """The outcome event as a consumer gets it."""
        return self.await_that(lambda: self.stack.events(self.verification_id), "its event has arrived")[0]

    def checks_at(self) -> list[float]:
        """When it was checked: seconds after the link was sent. Without requests that were refused for their token."""
        item = self.stack.item(self.verification_id)
        assert item
        sent_at = datetime.fromisoformat(item["linkSentAt"]).timestamp()
        requests = self.stack.signzy.requests(self.request_id)
        return [request.at_ms / 1000 - sent_at for request in requests if request.check is not None]


def send_link(stack: Stack, *script: dict[str, Any], seconds_ago: float = 0) -> Link:
    """Has Signzy send a link. script: what its checks get (simulator/scenarios.py); by default it is never clicked."""
    sent_ms = stack.clock.now_ms() - seconds_ago * 1000
    sent_at = datetime.fromtimestamp(sent_ms / 1000, UTC).isoformat() if seconds_ago else None
    link = Link(stack, secrets.token_hex(12), secrets.token_hex(12), sent_at)
    stack.signzy.send_link(link.request_id, link.session_id, script=script, link_sent_at_ms=sent_ms)
    return link


def late_link(stack: Stack, seconds_ago: float, *script: dict[str, Any], entry_point: str = "api") -> Link:
    """Has Signzy send a link and starts it seconds later, so that only the rest of its window has to pass."""
    link = send_link(stack, *script, seconds_ago=seconds_ago)
    link.start_by(entry_point)
    return link


def first_answer(
    stack: Stack, before: Callable[[Link], None] = lambda _: None, **fields: Any
) -> tuple[Link, ApiAnswer]:
    """Starts a link that is clicked, once. Returns it with the answer; another link where a function was too slow to answer."""

    def started() -> tuple[Link, ApiAnswer] | None:
        link = send_link(stack, {"answer": "clicked"})
        before(link)
        answer = stack.call_api("POST", "/verifications", {**link.fields, **fields})
        return (link, answer) if answer.status < 500 else None

    return await_that(started, patience(stack), "a start is accepted")


def assert_finished(link: Link, outcome: str, reason: str | None = None) -> dict[str, Any]:
    """Returns the item as published. It has this outcome, events and API show what is stored and follow their schemas, and every
    check was made within the window.
    """
    stored = as_published(link.settled())
    assert (stored["outcome"], stored["reason"]) == (outcome, reason)
    assert "openVerifications" not in stored
    link.event()
    for event in link.stack.events(link.verification_id):
        assert complaints("verification-settled", event) == []
        assert event["detail"] == {key: stored.get(key) for key in event["detail"]}
    shown = link.shown()
    assert complaints("verification", shown) == []
    assert shown == {key: stored.get(key) for key in shown}
    assert all(checked_at < int(link.stack.parameters["WindowSeconds"]) for checked_at in link.checks_at())
    return stored


def start_all[T](acts: Mapping[str, Callable[[], T]]) -> dict[str, Future[T]]:
    """Runs all of these at the same time. Tests take what they need from the results, so that one wait is enough for all."""
    pool = ThreadPoolExecutor(_AT_ONCE)
    return {name: pool.submit(act) for name, act in acts.items()}


def sweep(stack: Stack, *, rearm: bool = False) -> None:
    """Runs recovery's sweep now. What it cannot do on a busy machine is left to the next one."""
    with suppress(RuntimeError):
        stack.recover(rearm=rearm)


def measured(stack: Stack, function: str, metric: str) -> float:
    """The sum of a metric that a function has published so far: embedded metrics are lines of its log."""
    lines = stack.logs_of(function).splitlines()
    return sum(sum(json.loads(line).get(metric, [])) for line in lines if line.startswith('{"_aws"'))


def make(stack: Stack, verb: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """make deploy, make rollback and so on, pointed at the emulator."""
    typed = [f"{name}={value}" for name, value in {"ENV": "local", **variables}.items()]
    program, env = [sys.executable, "-m", "operations", verb, *typed], stack.environment
    return subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
