"""No request is written at the deadline or later, wherever the time went."""

import socket
import time

import pytest

from linkwatch.model import Answer, CheckResult, Reason
from tests.unit.checks import (
    CLICKED,
    IDS,
    PENDING,
    REFUSED,
    Tokens,
    addresses,
    checker,
    client_tls,
    resolver,
    server_tls,
    unavailable,
)
from tests.unit.scripted_server import serving, swallowing, tunnel

DEADLINE = 1000.0


class Clock:
    """Ten seconds before the deadline, until it is set to the deadline."""

    def __init__(self) -> None:
        self.now = DEADLINE - 10

    def __call__(self) -> float:
        return self.now

    def pass_deadline(self) -> None:
        self.now = DEADLINE


def test_at_the_deadline_neither_signzy_nor_the_secret_is_asked():
    tokens = Tokens("token-1")

    with serving(CLICKED) as asked:
        result = checker(asked.url, tokens, clock=lambda: DEADLINE).check(IDS, DEADLINE)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert (asked.connections, tokens.reads) == (0, 0)


def test_a_moment_before_the_deadline_is_early_enough():
    with serving(CLICKED) as asked:
        assert checker(asked.url, clock=lambda: DEADLINE - 0.5).check(IDS, DEADLINE).answer is Answer.CLICKED


def test_nothing_is_asked_if_the_deadline_passes_while_the_token_is_read():
    clock = Clock()
    tokens = Tokens("token-1", on_read=lambda _: clock.pass_deadline())

    with serving(CLICKED) as asked:
        result = checker(asked.url, tokens, clock=clock).check(IDS, DEADLINE)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert asked.requests == []


def test_a_refused_token_is_not_used_again_if_the_deadline_passes_while_it_is_read_again():
    clock = Clock()
    tokens = Tokens("old", "new", on_read=lambda read: clock.pass_deadline() if read == 2 else None)

    with serving(REFUSED) as asked:
        result = checker(asked.url, tokens, clock=clock).check(IDS, DEADLINE)

    assert result == unavailable(Reason.CREDENTIALS_REFUSED), "the check was made"
    assert len(asked.requests) == 1


def test_nothing_is_written_if_the_deadline_passes_while_the_name_is_resolved():
    clock = Clock()

    with serving(CLICKED) as asked:

        def resolve(*_):
            clock.pass_deadline()
            return addresses(asked.address)()

        with resolver(resolve):
            result = checker("http://signzy.test", clock=clock).check(IDS, DEADLINE)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert asked.requests == []


def test_nothing_is_written_if_the_deadline_passes_during_the_handshake():
    clock = Clock()

    with serving(CLICKED, server_tls(), before_tls=clock.pass_deadline) as asked:
        result = checker(asked.url, clock=clock, tls=client_tls()).check(IDS, DEADLINE)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert asked.requests == []


@pytest.mark.parametrize("seconds", [0.4, 0.7], ids=["until it is past half of the time", "until after the deadline"])
def test_nothing_is_written_after_a_handshake_that_takes_too_long(seconds):
    deadline = time.time() + 0.6

    with serving(CLICKED, server_tls(), before_tls=lambda: time.sleep(seconds)) as asked:
        result = checker(asked.url, tls=client_tls()).check(IDS, deadline)
        time.sleep(0.3)

    assert result == unavailable(Reason.TIMEOUT)
    assert asked.requests == []


def test_an_address_that_does_not_answer_leaves_time_for_the_next_before_the_deadline():
    with swallowing() as silent, serving(CLICKED) as asked, resolver(addresses(silent, asked.address)):
        result = checker("http://signzy.test").check(IDS, time.time() + 0.8)

    assert result.answer is Answer.CLICKED


def test_an_address_that_refuses_shortly_before_the_deadline_is_no_connection():
    with serving(CLICKED) as gone:
        pass

    assert checker(gone.url).check(IDS, time.time() + 2) == unavailable(Reason.NO_CONNECTION)


def test_a_kept_connection_that_ends_at_the_deadline_is_not_replaced():
    clock = Clock()

    def answer(asked, connection: socket.socket) -> None:
        if len(asked.requests) == 1:
            connection.sendall(PENDING)
        else:
            clock.pass_deadline()
            connection.close()

    with serving(answer) as asked:
        check = checker(asked.url, clock=clock).check
        results = [check(IDS, DEADLINE) for _ in range(2)]

    assert results == [CheckResult(Answer.PENDING), unavailable(Reason.NO_CONNECTION)], "the check was made"
    assert len(asked.requests) == 2


def test_a_silent_server_on_a_kept_connection_is_a_time_out_after_the_deadline():
    def answer(asked, connection: socket.socket) -> None:
        connection.sendall(PENDING) if len(asked.requests) == 1 else connection.recv(1)

    with serving(answer) as asked:
        check = checker(asked.url, interval_seconds=1.0).check
        results = [check(IDS, time.time() + 0.3) for _ in range(2)]

    assert results == [CheckResult(Answer.PENDING), unavailable(Reason.TIMEOUT)]
    assert len(asked.requests) == 2


# ── Through a proxy ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("slow", ["CONNECT", "handshake"])
def test_nothing_is_written_through_a_proxy_if_the_deadline_passes_during(slow):
    clock = Clock()
    in_handshake = clock.pass_deadline if slow == "handshake" else lambda: None
    in_connect = clock.pass_deadline if slow == "CONNECT" else lambda: None

    with (
        serving(CLICKED, server_tls(), before_tls=in_handshake) as asked,
        serving(tunnel(asked.address, before_answer=in_connect)) as proxy,
    ):
        check = checker(asked.url, clock=clock, tls=client_tls(), proxy_url=proxy.origin).check
        result = check(IDS, DEADLINE)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert (len(proxy.requests), asked.requests) == (1, [])


def test_nothing_is_written_into_a_kept_tunnel_after_the_deadline():
    clock = Clock()
    tokens = Tokens("old", "new", on_read=lambda read: clock.pass_deadline() if read == 2 else None)

    with serving(REFUSED, server_tls()) as asked, serving(tunnel(asked.address)) as proxy:
        checker(asked.url, tokens, clock=clock, tls=client_tls(), proxy_url=proxy.origin).check(IDS, DEADLINE)

    assert (len(proxy.requests), len(asked.requests)) == (1, 1)
