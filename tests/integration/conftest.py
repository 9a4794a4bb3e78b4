"""The deployed stack, under an accelerated clock, for all integration tests."""

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from local.stack.accelerated_clock import NoAcceleratedClock, environment_at
from local.stack.lifecycle import StackConfig, running_stack
from local.stack.stack import Stack, await_that

#: What two cores keep up with, thirty verifications at a time. Where there is no libfaketime, the window is short instead.
SPEED = 8
SHORT_WINDOW = {"WindowSeconds": 60, "PollIntervalSeconds": 2}
#: Real seconds in which whatever was started has to be published: a window under an accelerated clock, with room for a busy machine.
PATIENCE = 150


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    try:
        environment_at(SPEED)
        wanted = StackConfig(speed=SPEED)
    except NoAcceleratedClock:
        wanted = StackConfig(parameters=SHORT_WINDOW)
    with running_stack(wanted) as running:
        warm_up(running)
        yield running


def warm_up(stack: Stack) -> None:
    """Starts as many Lambdas of the busiest functions as the tests use at once. Two cores take half a second for each, which
    under an accelerated clock is several seconds of a window.
    """
    slow = send_link(stack, {"answer": "pending", "slowBySeconds": 20})
    check = json.dumps({"requestId": slow.request_id, "sessionId": slow.session_id})
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: stack.functions.invoke("CheckLink", check), range(10)))
        list(pool.map(lambda _: stack.find(slow.verification_id), range(10)))


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
    """Has Signzy send a link. script: what its checks get (local/simulator/links.py); by default it is never clicked."""
    link = Link(stack, secrets.token_hex(12), secrets.token_hex(12))
    stack.signzy.send_link(
        link.request_id,
        link.session_id,
        scenario=scenario,
        script=None if scenario else list(script),
        link_sent_at_ms=stack.clock.now_ms() - sent_seconds_ago * 1000,
    )
    return link


def moment(stack: Stack, seconds_ago: float) -> str:
    """A time by the stack's clock, as linkSentAt wants it."""
    return datetime.fromtimestamp(stack.clock.now_ms() / 1000 - seconds_ago, UTC).isoformat()
