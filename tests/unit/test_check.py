"""One check of a server that answers in any way, over a real connection."""

import gzip
import json
import socket
import ssl
import time

import pytest
import trustme

from linkwatch.model import Answer, CheckResult, Reason
from linkwatch.signzy_token import TokenUnavailable
from tests.unit.checks import (
    CLICKED,
    IDS,
    PENDING,
    REFUSED,
    Tokens,
    check_of,
    checker,
    client_tls,
    drip,
    server_tls,
    unavailable,
)
from tests.unit.scripted_server import message, serving


def test_the_request_is_the_one_that_signzy_documents():
    with serving(PENDING) as asked:
        checker(asked.url).check(IDS, None)

    request_line, *headers = asked.requests[0].strip().split("\r\n")
    assert request_line == (
        "GET /api/v3/us-kyc/poll-check-verify/request/6462150E29c23b4d42352a63/session/646214d929c23b4d42c1fc39 HTTP/1.1"
    )
    assert {"Content-Type: application/json", "Authorization: token-1"} <= set(headers)


@pytest.mark.parametrize("tls", [None, server_tls()], ids=["http", "https"])
def test_the_connection_is_kept_for_the_next_check(tls):
    with serving(PENDING, tls) as asked:
        check = checker(asked.url, tls=client_tls()).check
        answers = [check(IDS, None).answer for _ in range(3)]

    assert answers == [Answer.PENDING] * 3
    assert asked.connections == 1


def test_a_connection_that_the_server_closed_is_replaced():
    def answer_and_close(_, connection: socket.socket) -> None:
        connection.sendall(CLICKED)
        connection.shutdown(socket.SHUT_RDWR)

    with serving(answer_and_close) as asked:
        check = checker(asked.url).check
        answers = []
        for _ in range(2):
            answers.append(check(IDS, None).answer)
            time.sleep(0.05)  # until the end of the connection arrives

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


def test_a_redirect_is_not_followed():
    with serving(CLICKED) as elsewhere, serving(message("", "302 Found", f"Location: {elsewhere.url}\r\n")) as asked:
        result = checker(asked.url).check(IDS, None)

    assert result == unavailable(Reason.BAD_ANSWER)
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (gzip.compress(b'{"result":{"linkClicked":true}}'), Answer.CLICKED),
        (gzip.compress(b'{"result":{"linkClicked":true}}'.ljust(256 * 1024)), Answer.CLICKED),
        (gzip.compress(b'{"result":{"linkClicked":true}}'.ljust(256 * 1024 + 1)), Answer.UNAVAILABLE),
        (gzip.compress(b" " * 20_000_000), Answer.UNAVAILABLE),
        (b'{"result":{"linkClicked":true}}', Answer.UNAVAILABLE),
        (gzip.compress(b'{"result":{"linkClicked":true}}')[:20], Answer.UNAVAILABLE),
    ],
    ids=["compressed", "256 KiB decoded", "more than 256 KiB decoded", "a bomb", "not compressed", "cut off"],
)
def test_a_compressed_answer_is_read_up_to_256_kib_of_its_content(body, answer):
    result = check_of(message(body, headers="Content-Encoding: gzip\r\n"))

    assert result.answer is answer
    assert result.reason in {None, Reason.BAD_ANSWER}


def test_early_hints_are_not_mistaken_for_the_next_checks_answer():
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"

    with serving(hints + CLICKED) as asked:
        check = checker(asked.url).check
        results = [check(IDS, None) for _ in range(2)]

    assert results == [unavailable(Reason.BAD_ANSWER)] * 2
    assert asked.connections == 2


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
def test_a_slow_server_takes_no_longer_than_the_check_may(answer):
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


def test_a_server_that_is_not_there_is_no_connection():
    with serving(PENDING) as asked:
        pass

    assert checker(asked.url).check(IDS, None) == unavailable(Reason.NO_CONNECTION)


def test_an_untrusted_certificate_is_no_connection():
    with serving(CLICKED, server_tls(trustme.CA())) as asked:
        result = checker(asked.url, tls=ssl.create_default_context()).check(IDS, None)

    assert result == unavailable(Reason.NO_CONNECTION)
    assert asked.requests == []


def test_a_certificate_that_is_client_tls_is_trusted():
    with serving(CLICKED, server_tls()) as asked:
        assert checker(asked.url, tls=client_tls()).check(IDS, None).answer is Answer.CLICKED


# ── The token ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def accept_only(token: str):
    def answer(asked, connection: socket.socket) -> None:
        connection.sendall(CLICKED if f"Authorization: {token}\r\n" in asked.requests[-1] else REFUSED)

    return answer


def test_a_rotated_token_is_read_again_and_used_in_the_same_check():
    tokens = Tokens("old", "new")

    assert check_of(accept_only("new"), tokens=tokens).answer is Answer.CLICKED
    assert tokens.reads == 2


def test_a_refusal_too_long_to_read_is_a_refusal():
    def answer(asked, connection: socket.socket) -> None:
        is_new = "Authorization: new\r\n" in asked.requests[-1]
        refused = message(b"x" * 300_000, "401 Unauthorized")
        connection.sendall(CLICKED if is_new else refused[: 256 * 1024 + 500])  # the rest is never sent

    assert check_of(answer, tokens=Tokens("old", "new")).answer is Answer.CLICKED


def test_while_signzy_refuses_the_token_that_the_secret_has_one_check_reads_it_again():
    tokens = Tokens("wrong")

    with serving(REFUSED) as asked:
        check = checker(asked.url, tokens).check
        results = [check(IDS, None) for _ in range(3)]

    assert results == [unavailable(Reason.CREDENTIALS_REFUSED)] * 3
    assert (tokens.reads, len(asked.requests)) == (2, 4)


def test_an_answer_about_another_session_is_no_refusal():
    tokens = Tokens("token")
    answer = message(json.dumps({"error": {"message": "x"}, "sessionId": "a" * 24}), "401 Unauthorized")

    assert check_of(answer, tokens=tokens) == unavailable(Reason.BAD_ANSWER)
    assert tokens.reads == 1


def test_a_refused_token_that_cannot_be_read_again_stays_refused():
    def fail_again(read: int) -> None:
        if read == 2:
            raise TokenUnavailable("the secret cannot be read", Reason.CHECK_FAILED)

    tokens = Tokens("old", on_read=fail_again)

    with serving(REFUSED) as asked, pytest.raises(TokenUnavailable) as caught:
        checker(asked.url, tokens).check(IDS, None)

    assert caught.value.reason is Reason.CREDENTIALS_REFUSED


# ── Which session ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("clicked", [True, False])
def test_an_answer_about_another_session_is_not_used_and_closes_the_connection(clicked):
    foreign = message(json.dumps({"result": {"linkClicked": clicked, "sessionId": "a" * 24}}))

    with serving(foreign) as asked:
        check = checker(asked.url).check
        results = [check(IDS, None) for _ in range(2)]

    assert results == [unavailable(Reason.BAD_ANSWER)] * 2
    assert asked.connections == 2


def test_the_session_is_compared_without_case():
    answer = message(json.dumps({"Result": {"LinkClicked": True, "SessionId": IDS.session_id.upper()}}))

    assert check_of(answer).answer is Answer.CLICKED
