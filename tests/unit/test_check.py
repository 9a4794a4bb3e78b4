"""One check: the request, the answer to another one, the time that it has, the deadline, a refused token."""

import json
import socket
import time
from socket import getaddrinfo

import pytest

from linkwatch.http_client import HttpClient
from linkwatch.model import Answer, CheckResult, Reason
from linkwatch.signzy import Signzy
from linkwatch.signzy_token import KeptToken, TokenUnavailable
from tests.unit.checks import CLICKED, IDS, PENDING, REFUSED, Tokens, checker, resolver, server_tls, unavailable
from tests.unit.scripted_server import message, serving, tunnel


def test_the_request_is_the_one_that_signzy_documents():
    with serving(PENDING) as asked:
        assert checker(asked.url + "/api/v3/us-kyc").check(IDS, None).answer is Answer.PENDING

    request_line, *headers = asked.requests[0].strip().split("\r\n")
    assert request_line == (
        "GET /api/v3/us-kyc/poll-check-verify/request/6462150E29c23b4d42352a63/session/646214d929c23b4d42c1fc39 HTTP/1.1"
    )
    assert {"User-Agent: linkwatch", "Content-Type: application/json", "Authorization: token-1"} <= set(headers)


@pytest.mark.parametrize(
    "foreign",
    [
        message(json.dumps({"result": {"linkClicked": True, "sessionId": "a" * 24}})),
        message(json.dumps({"error": {"message": "x"}, "sessionId": "a" * 24}), "401 Unauthorized"),
        b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n" + CLICKED,
    ],
    ids=["another session", "another session, refused", "early hints"],
)
def test_what_may_be_the_answer_to_another_request_is_not_used_and_closes_the_connection(foreign):
    with serving(foreign) as asked:
        check = checker(asked.url).check
        results = [check(IDS, None) for _ in range(2)]

    assert results == [unavailable(Reason.BAD_ANSWER)] * 2
    assert (len(asked.requests), asked.connections) == (2, 2)


# ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("interval", "seconds"), [(1, 0.6), (60, 6)])
def test_a_check_has_60_percent_of_the_interval_and_6_seconds_at_most(interval, seconds):
    tokens = Tokens("token-1")
    started_at = time.monotonic()

    with serving(PENDING) as asked:
        Signzy(HttpClient(asked.url), KeptToken(tokens.read), interval).check(IDS, None)

    assert tokens.ends_at == [pytest.approx(started_at + seconds, abs=0.2)]


def test_the_second_request_of_a_check_has_the_rest_of_its_time():
    def answer(asked, connection: socket.socket) -> None:
        time.sleep(0.3)
        if len(asked.requests) == 1:
            connection.sendall(REFUSED)

    with serving(answer) as asked:
        signzy = Signzy(HttpClient(asked.url), KeptToken(Tokens("old", "new").read), poll_interval_seconds=1)
        started_at = time.monotonic()
        result = signzy.check(IDS, None)
        took = time.monotonic() - started_at

    assert result == unavailable(Reason.TIMEOUT)
    assert 0.5 < took < 0.8
    assert len(asked.requests) == 2


# ── The deadline ────────────────────────────────────────────────────────────────────────────────────────────────────────

DEADLINE = 1000.0


class Clock:
    """Ten seconds before the deadline, until it is set to the deadline."""

    def __init__(self) -> None:
        self.now = DEADLINE - 10

    def __call__(self) -> float:
        return self.now

    def pass_deadline(self) -> None:
        self.now = DEADLINE


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_at_the_deadline_neither_signzy_nor_the_secret_is_asked(clock):
    tokens = Tokens("token-1")
    clock.pass_deadline()

    with serving(CLICKED) as asked:
        result = checker(asked.url, tokens, clock).check(IDS, DEADLINE)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert (asked.connections, tokens.reads) == (0, 0)


def test_a_moment_before_the_deadline_is_early_enough():
    with serving(CLICKED) as asked:
        assert checker(asked.url, clock=lambda: DEADLINE - 0.5).check(IDS, DEADLINE).answer is Answer.CLICKED


def test_nothing_is_asked_if_the_deadline_passes_while_the_token_is_read(clock):
    tokens = Tokens("token-1", on_read=lambda _: clock.pass_deadline())

    with serving(CLICKED) as asked:
        result = checker(asked.url, tokens, clock).check(IDS, DEADLINE)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert asked.connections == 0


def test_a_refused_token_is_not_used_again_if_the_deadline_passes_while_it_is_read_again(clock):
    tokens = Tokens("old", "new", on_read=lambda read: clock.pass_deadline() if read == 2 else None)

    with serving(REFUSED) as asked:
        result = checker(asked.url, tokens, clock).check(IDS, DEADLINE)

    assert result == unavailable(Reason.CREDENTIALS_REFUSED), "the check was made"
    assert len(asked.requests) == 1


@pytest.mark.parametrize(
    ("slow", "has_proxy"),
    [("resolution", False), ("handshake", False), ("handshake", True), ("CONNECT", True)],
    ids=str,
)
def test_nothing_is_written_if_the_deadline_passes_during_the(slow, has_proxy, clock):
    def pass_through(step: str) -> None:
        if step == slow:
            clock.pass_deadline()

    def resolve(*name) -> list:
        pass_through("resolution")
        return getaddrinfo(*name)

    with (
        serving(CLICKED, server_tls(), before_tls=lambda: pass_through("handshake")) as asked,
        serving(tunnel(asked, before_answer=lambda: pass_through("CONNECT"))) as proxy,
        resolver(resolve),
    ):
        result = checker(asked.url, clock=clock, proxy_url=proxy.url if has_proxy else None).check(IDS, DEADLINE)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert (asked.requests, len(proxy.requests)) == ([], int(has_proxy))


@pytest.mark.parametrize("seconds", [0.25, 0.4], ids=["until it is past half of the time", "until after the deadline"])
def test_nothing_is_written_after_a_handshake_that_takes_too_long(seconds):
    with serving(CLICKED, server_tls(), before_tls=lambda: time.sleep(seconds)) as asked:
        result = checker(asked.url).check(IDS, time.time() + 0.3)
        time.sleep(0.3)

    assert result == unavailable(Reason.TIMEOUT)
    assert asked.requests == []


def test_a_kept_connection_that_ends_at_the_deadline_is_not_replaced(clock):
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
    assert (len(asked.requests), asked.connections) == (2, 1)


# ── The token ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "refused",
    [REFUSED, message(b"x" * 300_000, "401 Unauthorized")[: 256 * 1024 + 500]],  # the rest is never sent
    ids=["refused", "refused with a body too long to read"],
)
def test_a_rotated_token_is_read_again_and_used_in_the_same_check(refused):
    def accept_the_new_one(asked, connection: socket.socket) -> None:
        connection.sendall(CLICKED if "Authorization: new\r\n" in asked.requests[-1] else refused)

    tokens = Tokens("old", "new")

    with serving(accept_the_new_one) as asked:
        result = checker(asked.url, tokens).check(IDS, None)

    assert result.answer is Answer.CLICKED
    assert (tokens.reads, len(asked.requests)) == (2, 2)


def test_while_signzy_refuses_the_token_that_the_secret_has_one_check_reads_it_again():
    tokens = Tokens("wrong")

    with serving(REFUSED) as asked:
        check = checker(asked.url, tokens).check
        results = [check(IDS, None) for _ in range(3)]

    assert results == [unavailable(Reason.CREDENTIALS_REFUSED)] * 3
    assert (tokens.reads, len(asked.requests)) == (2, 4)


def test_a_refused_token_that_cannot_be_read_again_stays_refused():
    def fail_again(read: int) -> None:
        if read == 2:
            raise TokenUnavailable("the secret cannot be read", Reason.CHECK_FAILED)

    with serving(REFUSED) as asked, pytest.raises(TokenUnavailable) as caught:
        checker(asked.url, Tokens("old", on_read=fail_again)).check(IDS, None)

    assert caught.value.reason is Reason.CREDENTIALS_REFUSED
