"""The HTTP client: what it reads, when it keeps and replaces a connection, proxies and failures."""

import contextlib
import gzip
import socket
import threading
import time

import pytest
import trustme
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProtocolError, ProxyError

from linkwatch.http_client import HttpAnswer, HttpClient, NoConnection, TimedOut, failure_of
from tests.unit.checks import CLIENT_TLS, server_tls
from tests.unit.scripted_server import ScriptedServer, message, serving, then_close, tunnel

both_schemes = pytest.mark.parametrize("tls", [None, server_tls()], ids=["http", "https"])
both_ends = pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])


def get(client: HttpClient, seconds: float = 5) -> HttpAnswer:
    return client.request("/check", {"Authorization": "t"}, ends_at=time.monotonic() + seconds)


def client_of(server: ScriptedServer, proxy: ScriptedServer | None = None) -> HttpClient:
    return HttpClient(server.url + "/api", CLIENT_TLS, proxy and proxy.url)


# ── Bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

LONGEST = b"{}".ljust(256 * 1024)
GZIP = "Content-Encoding: gzip\r\n"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (message(LONGEST), LONGEST),
        (message(LONGEST + b" "), b""),
        (message(gzip.compress(LONGEST), headers=GZIP), LONGEST),
        (message(gzip.compress(LONGEST + b" "), headers=GZIP), b""),
        (message(LONGEST, headers=GZIP), b""),
    ],
    ids=["256 KiB", "more", "256 KiB compressed", "more compressed", "not compressed"],
)
def test_a_body_is_read_up_to_256_kib_of_its_content(answer, body):
    with serving(answer) as asked:
        assert get(client_of(asked)) == (200, "", body)


def test_the_connection_of_a_longer_answer_is_closed():
    is_closed = threading.Event()

    def answer(_, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(message(LONGEST * 100))
        is_closed.set()

    with serving(answer) as asked:
        client = client_of(asked)
        get(client)
        assert is_closed.wait(2)


def test_an_answer_that_ends_with_the_connection_is_read():
    with serving(then_close(b"HTTP/1.1 200 OK\r\n\r\n{}")) as asked:
        client = client_of(asked)
        assert [get(client) for _ in range(2)] == [(200, "", b"{}")] * 2


# ── Kept connections ────────────────────────────────────────────────────────────────────────────────────────────────────


def hang_up_on_each_second(head: bytes = b"", *, reset: bool = False):
    """Answers the first request of each connection; on the second it sends head and closes the connection."""

    def answer(asked, connection: socket.socket) -> None:
        if len(asked.requests) % 2:
            connection.sendall(message("{}"))
            return
        if head:
            connection.sendall(head)
            time.sleep(0.1)  # so that the reset arrives after it
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    return answer


@both_ends
@both_schemes
def test_a_kept_connection_that_ends_without_an_answer_is_replaced(tls, reset):
    with serving(hang_up_on_each_second(reset=reset), tls) as asked:
        client = client_of(asked)
        statuses = [get(client)[0] for _ in range(3)]

    assert statuses == [200] * 3
    assert (len(asked.requests), asked.connections) == (5, 3)


def test_a_kept_connection_is_replaced_once():
    def answer(asked, connection: socket.socket) -> None:
        connection.sendall(message("{}")) if len(asked.requests) == 1 else connection.close()

    with serving(answer) as asked:
        client = client_of(asked)
        get(client)
        with pytest.raises(NoConnection):
            get(client)

    assert (len(asked.requests), asked.connections) == (3, 2)


@both_ends
@pytest.mark.parametrize("head", [b"HTTP", message(b"x" * 10)[:-1]], ids=["in the head", "in the body"])
def test_a_request_is_not_repeated_after_the_first_byte_of_an_answer(head, reset):
    with serving(hang_up_on_each_second(head, reset=reset)) as asked:
        client = client_of(asked)
        get(client)
        with pytest.raises(NoConnection):
            get(client)

    assert len(asked.requests) == 2


@both_schemes
def test_after_a_missing_answer_a_new_connection_is_made(tls):
    def answer(asked, connection: socket.socket) -> None:
        if len(asked.requests) != 2:
            connection.sendall(message("{}"))

    with serving(answer, tls) as asked:
        client = client_of(asked)
        get(client)
        with pytest.raises(TimedOut):
            get(client, seconds=0.1)
        assert get(client)[0] == 200

    assert (len(asked.requests), asked.connections) == (3, 2)


@pytest.mark.parametrize("seconds_later", [None, 0.05], ids=["in one record with an answer", "later"])
def test_unrequested_data_is_not_an_answer(seconds_later):
    # As long as one read: what follows is in the TLS layer, where waiting for the socket does not see it.
    expected, unrequested = message("{}".ljust(8192 - len(message("0" * 1000)) + 1000)), message("")
    assert len(expected) == 8192

    def answer(_, connection: socket.socket) -> None:
        if seconds_later is None:
            connection.sendall(expected + unrequested)
        else:
            connection.sendall(expected)
            time.sleep(seconds_later)
            connection.sendall(unrequested)

    with serving(answer, server_tls()) as asked:
        client = client_of(asked)
        for _ in range(2):
            assert get(client)[2] != b""
            time.sleep(0.1)

    assert asked.connections == 2


# ── Proxies ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_https_server_is_reached_through_a_tunnel_that_is_kept_and_replaced():
    with serving(hang_up_on_each_second(), server_tls()) as asked, serving(tunnel(asked)) as proxy:
        client = client_of(asked, proxy)
        statuses = [get(client)[0] for _ in range(2)]

    assert statuses == [200] * 2
    assert {head.split("\r\n")[0] for head in asked.requests} == {"GET /api/check HTTP/1.1"}
    assert (len(asked.requests), len(proxy.requests)) == (3, 2)
    assert proxy.requests[0].startswith(f"CONNECT 127.0.0.1:{asked.address[1]} HTTP/1.1")
    assert "Authorization" not in proxy.requests[0]


def test_an_http_server_is_asked_by_a_proxy():
    with serving(message("{}")) as proxy:
        get(HttpClient("http://signzy.test/api", None, proxy.url))

    assert proxy.requests[0].startswith("GET http://signzy.test/api/check HTTP/1.1\r\nHost: signzy.test\r\n")


def test_a_proxy_that_refuses_is_no_connection():
    refused = message("", "407 Proxy Authentication Required")

    with serving(message("{}"), server_tls()) as asked, serving(refused) as proxy, pytest.raises(NoConnection):
        get(client_of(asked, proxy))

    assert asked.connections == 0


# ── Failures ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"no HTTP at all\r\n\r\n"],
    ids=["no answer", "a part of one", "another protocol"],
)
def test_a_new_connection_that_breaks_is_no_connection(answer):
    with serving(then_close(answer)) as asked, pytest.raises(NoConnection):
        get(client_of(asked))

    assert len(asked.requests) == 1


def test_a_server_that_is_not_there_is_no_connection():
    with serving(message("{}")) as gone:
        pass

    with pytest.raises(NoConnection):
        get(client_of(gone))


def test_an_untrusted_certificate_is_no_connection():
    with serving(message("{}"), server_tls(trustme.CA())) as asked, pytest.raises(NoConnection):
        get(client_of(asked))

    assert asked.requests == []


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (TimeoutError(), TimedOut),
        (ProxyError("no proxy", ConnectTimeoutError()), TimedOut),
        (ProtocolError("aborted", TimeoutError()), TimedOut),
        (ProxyError("no proxy", OSError()), NoConnection),
        (NewConnectionError(HTTPConnection("host"), "refused"), NoConnection),  # one of urllib3's time-outs
    ],
    ids=repr,
)
def test_the_reason_within_an_error_decides_whether_it_is_a_time_out(error, failure):
    assert type(failure_of(error)) is failure


@pytest.mark.parametrize(
    ("url", "proxy_url"),
    [
        ("ftp://signzy.test", None),
        ("signzy.test", None),
        ("https://", None),
        ("/path", None),
        ("https://signzy.test", "https://proxy.test"),
        ("https://signzy.test", "proxy.test:3128"),
        ("https://signzy.test", "http://"),
    ],
)
def test_an_invalid_address_is_a_value_error(url, proxy_url):
    with pytest.raises(ValueError, match="should be"):
        HttpClient(url, proxy_url=proxy_url)
