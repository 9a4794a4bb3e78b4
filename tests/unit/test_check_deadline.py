"""No request is written at the deadline or later, wherever the time has gone."""

import socket
import time

import pytest

from linkwatch.model import Answer, CheckResult, Reason
from tests.unit.checks import (
    AUTHORITY,
    CLICKED,
    IDS,
    PENDING,
    REFUSED,
    Tokens,
    checker,
    served_by,
    unavailable,
    vouched_for,
)
from tests.unit.vendor import vendor


def test_at_the_deadline_nothing_is_asked():
    class Untouched(Tokens):
        def token(self, ends_at):  # noqa: ARG002
            raise AssertionError("the secret is not read, either")

    with vendor(CLICKED) as asked:
        result = checker(asked.url, Untouched(), clock=lambda: 1000.0).check(IDS, deadline=1000.0)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert asked.connections == 0


def test_a_moment_before_the_deadline_is_early_enough():
    with vendor(CLICKED) as asked:
        assert checker(asked.url, clock=lambda: 999.5).check(IDS, deadline=1000.0).answer is Answer.CLICKED


class Clock:
    """Stands at a moment before the deadline, 1000, and is set past it."""

    def __init__(self) -> None:
        self.now = 990.0

    def __call__(self) -> float:
        return self.now

    def pass_the_deadline(self) -> None:
        self.now = 1000.0


class PassingTokens(Tokens):
    """Takes so long to give its second token that the deadline passes."""

    def __init__(self, clock: Clock, passes_at_fetch: int) -> None:
        super().__init__("old", "new")
        self._clock = clock
        self._passes_at_fetch = passes_at_fetch

    def token(self, ends_at: float) -> str:
        if self._passes_at_fetch == 0:
            self._clock.pass_the_deadline()
        return super().token(ends_at)

    def fresh_token(self, ends_at: float) -> str | None:
        self._clock.pass_the_deadline()
        return super().fresh_token(ends_at)


@pytest.mark.parametrize("fetches_before", [0, 1])
def test_nothing_is_asked_when_the_deadline_passes_while_the_token_is_fetched(fetches_before):
    clock = Clock()

    with vendor(REFUSED) as asked:
        result = checker(asked.url, PassingTokens(clock, fetches_before), clock=clock).check(IDS, deadline=1000.0)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert len(asked.requests) == fetches_before


def test_nothing_is_written_when_the_deadline_passes_while_the_name_is_resolved():
    clock = Clock()

    def resolve(*about):
        clock.pass_the_deadline()
        return socket.getaddrinfo(*about)

    with vendor(CLICKED) as asked:
        result = checker(asked.url, clock=clock, resolve=resolve).check(IDS, deadline=1000.0)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert asked.requests == []


def test_nothing_is_written_when_the_deadline_passes_during_the_handshake():
    clock = Clock()

    with vendor(CLICKED, served_by(AUTHORITY), before_tls=clock.pass_the_deadline) as asked:
        result = checker(asked.url, clock=clock, tls=vouched_for()).check(IDS, deadline=1000.0)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert asked.requests == []


def test_a_connection_that_takes_until_after_the_deadline_is_too_late():
    deadline = time.time() + 0.6

    with vendor(CLICKED, served_by(AUTHORITY), before_tls=lambda: time.sleep(0.7)) as asked:
        result = checker(asked.url, tls=vouched_for()).check(IDS, deadline)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert asked.requests == []
    assert time.time() < deadline + 0.5


def test_nothing_is_written_when_the_deadline_passes_while_a_kept_connection_is_replaced():
    clock = Clock()

    def answer(asked, connection: socket.socket) -> None:
        if len(asked.requests) == 1:
            connection.sendall(PENDING)
        else:
            clock.pass_the_deadline()
            connection.close()

    with vendor(answer) as asked:
        check = checker(asked.url, clock=clock).check
        results = [check(IDS, deadline=1000.0) for _ in range(2)]

    assert results == [CheckResult(Answer.PENDING), unavailable(Reason.PAST_DEADLINE)]
    assert len(asked.requests) == 2
