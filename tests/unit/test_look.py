"""One look at a vendor who does as he likes, over a real connection."""

import itertools
import socket
import ssl
import time

import pytest
import trustme
import urllib3

from linkwatch import signzy
from linkwatch.model import Answer, Ids, Look, Reason
from tests.unit.vendor import message, vendor

IDS = Ids("6462150E29c23b4d42352a63", "646214d929c23b4d42c1fc39")
PENDING = message('{"result":{"message":"Please wait for sometime"}}')
CLICKED = message('{"result":{"linkClicked":true}}')
REFUSED = message('{"error":{"message":"Invalid authentication credentials"}}', "401 Unauthorized")


class Tokens:
    """Gives its tokens one after the other, as the secret would when it is rotated."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = list(tokens)
        self.fetched = 0

    def token(self) -> str:
        return self._tokens[0]

    def fresh_token(self) -> str | None:
        self.fetched += 1
        if len(self._tokens) > 1:
            self._tokens.pop(0)
        return self._tokens[0]


def looker(url, tokens=None, interval_seconds=10.0, **options) -> signzy.Signzy:
    return signzy.Signzy(url, tokens or Tokens("token-1"), interval_seconds, **options)


def look_at(answer, **options) -> Look:
    with vendor(answer) as asked:
        return looker(asked.url, **options).look(IDS, None)


def unavailable(reason: Reason) -> Look:
    return Look(Answer.UNAVAILABLE, reason)


def test_the_request_is_the_one_that_signzy_documents():
    with vendor(PENDING) as asked:
        looker(asked.url).look(IDS, None)

    request_line, *headers = asked.requests[0].strip().split("\r\n")
    assert request_line == (
        "GET /api/v3/us-kyc/poll-check-verify/request/6462150E29c23b4d42352a63/session/646214d929c23b4d42c1fc39 HTTP/1.1"
    )
    assert {"Content-Type: application/json", "Authorization: token-1"} <= set(headers)


def test_the_connection_is_kept_for_the_next_look():
    with vendor(PENDING) as asked:
        look = looker(asked.url).look
        answers = [look(IDS, None).answer for _ in range(3)]

    assert answers == [Answer.PENDING] * 3
    assert asked.connections == 1


def test_a_connection_that_the_vendor_closed_is_made_anew():
    def answer_and_close(_, connection: socket.socket) -> None:
        connection.sendall(CLICKED)
        connection.shutdown(socket.SHUT_RDWR)

    with vendor(answer_and_close) as asked:
        look = looker(asked.url).look
        answers = []
        for _ in range(2):
            answers.append(look(IDS, None).answer)
            time.sleep(0.05)  # the vendor's goodbye needs to arrive

    assert answers == [Answer.CLICKED] * 2


def test_an_answer_that_ends_with_the_connection_is_read():
    answer = b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"result":{"linkClicked":true}}'

    def answer_and_close(_, connection: socket.socket) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    assert look_at(answer_and_close).answer is Answer.CLICKED


def test_a_chunked_answer_is_read():
    body = b'{"result":{"linkClicked":true}}'
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    assert look_at(answer).answer is Answer.CLICKED


def test_a_redirect_is_not_followed_even_if_it_says_that_the_link_was_clicked():
    with vendor(CLICKED) as elsewhere, vendor(message("", "302 Found", f"Location: {elsewhere.url}\r\n")) as asked:
        look = looker(asked.url).look(IDS, None)

    assert look == unavailable(Reason.BAD_ANSWER)
    assert elsewhere.requests == []


@pytest.mark.parametrize("bytes_over", [0, 1])
def test_a_body_is_read_up_to_256_kib(bytes_over):
    body = b'{"result":{"linkClicked":true}}'.ljust(256 * 1024 + bytes_over)

    assert look_at(message(body)) == (
        unavailable(Reason.BAD_ANSWER) if bytes_over else Look(Answer.CLICKED, result=look_at(CLICKED).result)
    )


def drip(prefix: bytes, piece: bytes):
    def answer(_, connection: socket.socket) -> None:
        connection.sendall(prefix)
        for _ in itertools.repeat(None, 200):
            connection.sendall(piece)
            time.sleep(0.02)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _, connection: connection.recv(1), id="silence"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"), id="a head that drips"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "), id="a body that drips"),
        pytest.param(
            drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"), id="chunks that drip"
        ),
    ],
)
def test_a_slow_vendor_costs_no_more_than_the_looks_time(answer):
    started_at = time.monotonic()

    look = look_at(answer, interval_seconds=1.0)

    assert look == unavailable(Reason.TIMEOUT)
    assert 0.5 < time.monotonic() - started_at < 1.0  # 60 % of the interval


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _, connection: connection.shutdown(socket.SHUT_RDWR), id="closed without an answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", id="closed in the middle"),
        pytest.param(b"no HTTP at all\r\n\r\n", id="another protocol"),
    ],
)
def test_a_connection_that_breaks_is_no_connection(answer):
    def answer_and_close(asked, connection: socket.socket) -> None:
        answer(asked, connection) if callable(answer) else connection.sendall(answer)
        connection.close()

    assert look_at(answer_and_close) == unavailable(Reason.NO_CONNECTION)


def test_a_vendor_who_is_not_there_is_no_connection():
    with vendor(PENDING) as asked:
        pass

    assert looker(asked.url).look(IDS, None) == unavailable(Reason.NO_CONNECTION)


def served_by(authority: trustme.CA) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    return tls


def test_a_certificate_that_nobody_vouches_for_is_no_connection():
    with vendor(CLICKED, served_by(trustme.CA())) as asked:
        look = looker(asked.url, tls=ssl.create_default_context()).look(IDS, None)

    assert look == unavailable(Reason.NO_CONNECTION)
    assert asked.requests == []


def test_a_certificate_that_is_vouched_for_is_trusted():
    authority = trustme.CA()
    tls = ssl.create_default_context()
    authority.configure_trust(tls)

    with vendor(CLICKED, served_by(authority)) as asked:
        assert looker(asked.url, tls=tls).look(IDS, None).answer is Answer.CLICKED


# ── The token ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def accept_only(token: str):
    def answer(asked, connection: socket.socket) -> None:
        connection.sendall(CLICKED if f"Authorization: {token}\r\n" in asked.requests[-1] else REFUSED)

    return answer


def test_a_rotated_token_is_fetched_and_asked_with_in_the_same_look():
    tokens = Tokens("old", "new")

    assert look_at(accept_only("new"), tokens=tokens).answer is Answer.CLICKED
    assert tokens.fetched == 1


def test_a_token_refused_twice_is_refused():
    tokens = Tokens("old")

    with vendor(accept_only("another")) as asked:
        look = looker(asked.url, tokens).look(IDS, None)

    assert look == unavailable(Reason.CREDENTIALS_REFUSED)
    assert (len(asked.requests), tokens.fetched) == (2, 1)


def test_a_token_that_cannot_be_fetched_anew_stays_refused():
    class NoFreshToken(Tokens):
        def fresh_token(self):
            raise signzy.TokenUnavailable("the secret cannot be read", Reason.CHECK_FAILED)

    with pytest.raises(signzy.TokenUnavailable) as caught:
        look_at(REFUSED, tokens=NoFreshToken("old"))

    assert caught.value.reason is Reason.CREDENTIALS_REFUSED


# ── The deadline ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_at_the_deadline_nothing_is_asked():
    with vendor(CLICKED) as asked:
        look = looker(asked.url, clock=lambda: 1000.0).look(IDS, deadline=1000.0)

    assert look == unavailable(Reason.PAST_DEADLINE)
    assert asked.connections == 0


def test_a_moment_before_the_deadline_is_early_enough():
    with vendor(CLICKED) as asked:
        assert looker(asked.url, clock=lambda: 999.5).look(IDS, deadline=1000.0).answer is Answer.CLICKED


def test_the_second_try_after_a_refused_token_keeps_the_deadline_too():
    clock = iter([999.0, 1000.0])

    with vendor(REFUSED) as asked:
        look = looker(asked.url, Tokens("old", "new"), clock=lambda: next(clock)).look(IDS, deadline=1000.0)

    assert look == unavailable(Reason.PAST_DEADLINE)
    assert len(asked.requests) == 1


def test_every_error_of_urllib3s_means_something():
    errors = [
        error
        for error in vars(urllib3.exceptions).values()
        if isinstance(error, type)
        and issubclass(error, urllib3.exceptions.HTTPError)
        and not issubclass(error, Warning)
    ]
    ours = {error for error in errors if issubclass(error, urllib3.exceptions.LocationValueError)}
    late = {
        urllib3.exceptions.TimeoutError,
        urllib3.exceptions.ReadTimeoutError,
        urllib3.exceptions.ConnectTimeoutError,
    }

    assert {signzy.reason_of(error.__new__(error)) for error in late} == {Reason.TIMEOUT}
    assert {signzy.reason_of(error.__new__(error)) for error in set(errors) - ours - late} == {Reason.NO_CONNECTION}
    for error in ours:
        with pytest.raises(error):
            signzy.reason_of(error.__new__(error))
