"""One check of a vendor who does as he likes, over a real connection."""

import json
import socket
import ssl
import time

import pytest
import trustme

from linkwatch import signzy
from linkwatch.model import Answer, CheckResult, Reason
from tests.unit.checks import (
    AUTHORITY,
    CLICKED,
    IDS,
    PENDING,
    REFUSED,
    Tokens,
    check_of,
    checker,
    drip,
    served_by,
    unavailable,
    vouched_for,
)
from tests.unit.vendor import message, vendor


def test_the_request_is_the_one_that_signzy_documents():
    with vendor(PENDING) as asked:
        checker(asked.url).check(IDS, None)

    request_line, *headers = asked.requests[0].strip().split("\r\n")
    assert request_line == (
        "GET /api/v3/us-kyc/poll-check-verify/request/6462150E29c23b4d42352a63/session/646214d929c23b4d42c1fc39 HTTP/1.1"
    )
    assert {"Content-Type: application/json", "Authorization: token-1"} <= set(headers)


def test_the_connection_is_kept_for_the_next_check():
    with vendor(PENDING) as asked:
        check = checker(asked.url).check
        answers = [check(IDS, None).answer for _ in range(3)]

    assert answers == [Answer.PENDING] * 3
    assert asked.connections == 1


def test_a_connection_that_the_vendor_closed_is_made_anew():
    def answer_and_close(_, connection: socket.socket) -> None:
        connection.sendall(CLICKED)
        connection.shutdown(socket.SHUT_RDWR)

    with vendor(answer_and_close) as asked:
        check = checker(asked.url).check
        answers = []
        for _ in range(2):
            answers.append(check(IDS, None).answer)
            time.sleep(0.05)  # the vendor's goodbye needs to arrive

    assert answers == [Answer.CLICKED] * 2


def test_an_answer_that_ends_with_the_connection_is_read():
    answer = b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"result":{"linkClicked":true}}'

    def answer_and_close(_, connection: socket.socket) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    assert check_of(answer_and_close).answer is Answer.CLICKED


def test_a_chunked_answer_is_read():
    body = b'{"result":{"linkClicked":true}}'
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    assert check_of(answer).answer is Answer.CLICKED


def test_a_redirect_is_not_followed_even_if_it_says_that_the_link_was_clicked():
    with vendor(CLICKED) as elsewhere, vendor(message("", "302 Found", f"Location: {elsewhere.url}\r\n")) as asked:
        result = checker(asked.url).check(IDS, None)

    assert result == unavailable(Reason.BAD_ANSWER)
    assert elsewhere.requests == []


@pytest.mark.parametrize("bytes_over", [0, 1])
def test_a_body_is_read_up_to_256_kib(bytes_over):
    body = b'{"result":{"linkClicked":true}}'.ljust(256 * 1024 + bytes_over)

    assert check_of(message(body)) == (
        unavailable(Reason.BAD_ANSWER) if bytes_over else CheckResult(Answer.CLICKED, result=check_of(CLICKED).result)
    )


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
def test_a_slow_vendor_costs_no_more_than_the_checks_time(answer):
    started_at = time.monotonic()

    result = check_of(answer, interval_seconds=1.0)

    assert result == unavailable(Reason.TIMEOUT)
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

    assert check_of(answer_and_close) == unavailable(Reason.NO_CONNECTION)


def test_a_vendor_who_is_not_there_is_no_connection():
    with vendor(PENDING) as asked:
        pass

    assert checker(asked.url).check(IDS, None) == unavailable(Reason.NO_CONNECTION)


def test_a_certificate_that_nobody_vouches_for_is_no_connection():
    with vendor(CLICKED, served_by(trustme.CA())) as asked:
        result = checker(asked.url, tls=ssl.create_default_context()).check(IDS, None)

    assert result == unavailable(Reason.NO_CONNECTION)
    assert asked.requests == []


def test_a_certificate_that_is_vouched_for_is_trusted():
    with vendor(CLICKED, served_by(AUTHORITY)) as asked:
        assert checker(asked.url, tls=vouched_for()).check(IDS, None).answer is Answer.CLICKED


# ── The token ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def accept_only(token: str):
    def answer(asked, connection: socket.socket) -> None:
        connection.sendall(CLICKED if f"Authorization: {token}\r\n" in asked.requests[-1] else REFUSED)

    return answer


def test_a_rotated_token_is_fetched_and_asked_with_in_the_same_check():
    tokens = Tokens("old", "new")

    assert check_of(accept_only("new"), tokens=tokens).answer is Answer.CLICKED
    assert tokens.fetched == 1


def test_a_refusal_too_long_to_read_is_one_and_the_fresh_token_is_asked_with():
    def answer(asked, connection: socket.socket) -> None:
        is_new = "Authorization: new\r\n" in asked.requests[-1]
        refused = message(b"x" * 300_000, "401 Unauthorized")
        connection.sendall(CLICKED if is_new else refused[: 256 * 1024 + 500])  # the rest never comes

    assert check_of(answer, tokens=Tokens("old", "new")).answer is Answer.CLICKED


def test_a_token_refused_twice_is_refused():
    tokens = Tokens("old")

    with vendor(accept_only("another")) as asked:
        result = checker(asked.url, tokens).check(IDS, None)

    assert result == unavailable(Reason.CREDENTIALS_REFUSED)
    assert (len(asked.requests), tokens.fetched) == (2, 1)


def test_a_token_that_cannot_be_fetched_anew_stays_refused():
    class NoFreshToken(Tokens):
        def fresh_token(self, ends_at):  # noqa: ARG002
            raise signzy.TokenUnavailable("the secret cannot be read", Reason.CHECK_FAILED)

    with pytest.raises(signzy.TokenUnavailable) as caught:
        check_of(REFUSED, tokens=NoFreshToken("old"))

    assert caught.value.reason is Reason.CREDENTIALS_REFUSED


# ── Whose answer it is ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("clicked", [True, False])
def test_an_answer_about_another_session_is_none_and_ends_the_connection(clicked):
    foreign = message(json.dumps({"result": {"linkClicked": clicked, "sessionId": "a" * 24}}))

    with vendor(foreign) as asked:
        check = checker(asked.url).check
        results = [check(IDS, None) for _ in range(2)]

    assert results == [unavailable(Reason.BAD_ANSWER)] * 2
    assert asked.connections == 2


def test_the_session_is_compared_without_case():
    assert check_of(
        message(json.dumps({"Result": {"LinkClicked": True, "SessionId": IDS.session_id.upper()}}))
    ).answer is (Answer.CLICKED)
