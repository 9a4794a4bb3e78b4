"""The deployed stack, under an accelerated clock, for all integration tests."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from local.accelerated_clock import NoAcceleratedClock, environment_at
from local.checkout import ROOT
from local.stack import Stack, StackConfig, running_stack, warm_up_many
from operations.deployed.clock import await_that
from operations.deployed.stack import as_published
from tests.integration import calls

#: What two cores keep up with, thirty verifications at a time; SPEED=4 make test-integration on a machine that is busy. Where
#: there is no libfaketime, the window is short instead.
SPEED = float(os.environ.get("SPEED", "8"))
SHORT_WINDOW = {"WindowSeconds": 60, "PollIntervalSeconds": 2}
#: Real seconds in which whatever was started has to be published: four windows under an accelerated clock.
PATIENCE = 1200 / SPEED


#: What is out for half an hour of the stack's clock: the tests of it begin theirs with the suite and look at them at its end.
OUTAGES = {"the table refuses the outcome": calls.RECORD, "the bus refuses the event": calls.PUBLISH}
OUTAGE_SECONDS = 1800


#: Of what two processes share, this comes first: minutes in which they mostly wait.
_LONGEST = "test_webhook_over_time.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: (item.path.name != _LONGEST, "outages" in getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session")
def outages(stack: Stack) -> dict[str, "Link"]:
    """A clicked link for each outage."""
    if stack.clock.speed == 1:
        pytest.skip("half an hour takes half an hour here: there is no libfaketime")
    links = {}
    for name, call in OUTAGES.items():
        links[name] = send_link(stack, {"answer": "clicked"})
        calls.refuse(stack, call, links[name].verification_id, OUTAGE_SECONDS)
        assert links[name].start().status == 202
    return links


@pytest.fixture(scope="session", autouse=True)
def _outages_begin_first(request: pytest.FixtureRequest) -> None:
    if any("outages" in getattr(item, "fixturenames", ()) for item in request.session.items):
        with suppress(pytest.skip.Exception):
            request.getfixturevalue("outages")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    try:
        environment_at(SPEED)
        wanted = StackConfig(speed=SPEED)
    except NoAcceleratedClock:
        wanted = StackConfig(parameters=SHORT_WINDOW)
    with running_stack(wanted) as running:
        warm_up_many(running)
        yield running


def await_state(link: "Link", state: str) -> None:
    """Returns when its first execution has entered a state."""
    executions = link.stack.executions
    await_that(
        lambda: executions.find(link.verification_id) and state in executions.states_entered(link.verification_id),
        PATIENCE,
        f"{state} is entered",
    )


def assert_finished_once(link: "Link", outcome: str, reason: str | None = None) -> dict[str, Any]:
    """Gives the item; whatever broke on the way, item and events carry the same outcome, found within the window."""
    item, stack = link.settled(), link.stack
    stored = as_published(item)
    assert (stored["outcome"], stored["reason"]) == (outcome, reason)
    link.event()
    details = [event["detail"] for event in stack.events(link.verification_id)]
    assert all(detail == {key: stored.get(key) for key in detail} for detail in details)
    assert all(checked_at < stack.window_seconds for checked_at in link.checks_at())
    return item


@dataclass(frozen=True)
class Link:
    """A link that Signzy has sent, and the stack that may watch it."""

    stack: Stack
    request_id: str
    session_id: str

    @property
    def verification_id(self) -> str:
        return f"{self.request_id}-{self.session_id}".lower()

    def start(self, **fields: Any):
        return self.stack.start(self.request_id, self.session_id, **fields)

    def put_on_bus(self, **fields: Any) -> None:
        self.stack.put_link_sent({"requestId": self.request_id, "sessionId": self.session_id, **fields})

    def settled(self) -> dict[str, Any]:
        """The item as published."""
        return self.stack.await_published(self.verification_id, PATIENCE)

    def event(self) -> dict[str, Any]:
        """The outcome event as a consumer gets it."""
        return await_that(lambda: self.stack.events(self.verification_id), 10, "its event has come")[0]

    def checks_at(self) -> list[float]:
        """When it was checked at: seconds since it was sent, by its item. Requests with a token of yesterday are none."""
        item = self.stack.item(self.verification_id)
        assert item
        sent_at = datetime.fromisoformat(item["linkSentAt"]).timestamp()
        requests = self.stack.signzy.requests(self.request_id)
        return [request.at_ms / 1000 - sent_at for request in requests if request.check is not None]


def send_link(stack: Stack, *script: dict[str, Any], sent_seconds_ago: float = 0, scenario: str | None = None) -> Link:
    """Has Signzy send a link. script: what its checks get (simulator/scenarios.py); by default it is never clicked."""
    link = Link(stack, secrets.token_hex(12), secrets.token_hex(12))
    stack.signzy.send_link(
        link.request_id,
        link.session_id,
        scenario=scenario,
        script=None if scenario else list(script),
        link_sent_at_ms=stack.clock.now_ms() - sent_seconds_ago * 1000,
    )
    return link


def make(stack: Stack, verb: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """make deploy, make rollback and so on, pointed at the emulator."""
    env = {**stack.environment, "ENV": "local", **variables}
    program = [sys.executable, "-m", "operations", verb]
    return subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def moment(stack: Stack, seconds_ago: float) -> str:
    """A time by the stack's clock, as linkSentAt wants it."""
    return datetime.fromtimestamp(stack.clock.now_ms() / 1000 - seconds_ago, UTC).isoformat()
