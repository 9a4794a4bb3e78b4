"""The HTTP client's failures, addresses and proxies, which the tests of checks do not show."""

import inspect
import socket
import ssl
import threading
import time

import pytest
import urllib3.exceptions
from urllib3.exceptions import ConnectTimeoutError, ProtocolError, ProxyError

from linkwatch.http_client import HttpClient, NoConnection, TimedOut, failure_of
from tests.unit.checks import client_tls, resolver, server_tls
from tests.unit.scripted_server import message, serving, tunnel

FOREIGN = [
    error
    for module in (urllib3.exceptions, ssl)
    for _, error in inspect.getmembers(module, inspect.isclass)
    if issubclass(error, (urllib3.exceptions.HTTPError, ssl.SSLError)) and not issubclass(error, Warning)
]
TIME_OUTS = {"TimeoutError", "ReadTimeoutError", "ConnectTimeoutError"}


def raised(error: type[Exception]) -> Exception:
    """Returns an instance of an error class without calling its constructor."""
    return error.__new__(error)


@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: error.__name__)
def test_every_error_of_urllib3_and_ssl_is_a_time_out_or_no_connection(error):
    assert type(failure_of(raised(error))) is (TimedOut if error.__name__ in TIME_OUTS else NoConnection)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ProxyError("no proxy", ConnectTimeoutError()), TimedOut),
        (ProxyError("no proxy", OSError()), NoConnection),
        (ProtocolError("aborted", TimeoutError()), TimedOut),
        (ProtocolError("aborted", ConnectionResetError()), NoConnection),
    ],
    ids=str,
)
def test_the_reason_within_an_error_decides(error, failure):
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
def test_an_address_that_is_not_one_is_a_value_error(url, proxy_url):
    with pytest.raises(ValueError, match="should be"):
        HttpClient(url, proxy_url=proxy_url)


@pytest.mark.parametrize(("url", "port"), [("https://signzy.test", 443), ("http://signzy.test/path", 80)])
def test_the_port_is_that_of_the_scheme(url, port):
    asked = []

    def resolve(_, port, *__):
        asked.append(port)
        return []

    with resolver(resolve), pytest.raises(NoConnection):
        HttpClient(url, client_tls()).request("/", {}, ends_at=time.monotonic() + 5)

    assert asked == [port]


def test_an_https_server_is_reached_through_a_tunnel():
    with serving(message("{}"), server_tls()) as asked, serving(tunnel(asked.address)) as proxy:
        client = HttpClient(asked.url, client_tls(), proxy.origin)
        answers = [client.request("/check", {"Authorization": "t"}, ends_at=time.monotonic() + 5) for _ in range(2)]

    assert [status for status, _, _ in answers] == [200, 200]
    assert [head.split("\r\n")[0] for head in proxy.requests] == [f"CONNECT 127.0.0.1:{asked.address[1]} HTTP/1.1"]
    assert "Authorization" not in proxy.requests[0]
    assert [head.split("\r\n")[0] for head in asked.requests] == ["GET /api/v3/us-kyc/check HTTP/1.1"] * 2


def test_an_http_server_is_asked_by_a_proxy():
    with serving(message("{}")) as proxy:
        HttpClient("http://signzy.test/api", None, proxy.origin).request("/check", {}, ends_at=time.monotonic() + 5)

    assert proxy.requests[0].startswith("GET http://signzy.test/api/check HTTP/1.1\r\nHost: signzy.test\r\n")


def test_a_proxy_that_refuses_is_no_connection():
    refused = message("", "407 Proxy Authentication Required")

    with serving(message("{}"), server_tls()) as asked, serving(refused) as proxy, pytest.raises(NoConnection):
        HttpClient(asked.url, client_tls(), proxy.origin).request("/check", {}, ends_at=time.monotonic() + 5)

    assert asked.connections == 0


def test_nothing_is_sent_without_time_left():
    with serving(message("{}")) as asked, pytest.raises(TimedOut):
        HttpClient(asked.url).request("/check", {}, ends_at=time.monotonic())

    assert asked.connections == 0


def test_the_connection_of_a_longer_answer_than_is_read_is_closed():
    is_closed = threading.Event()

    def answer(_, connection: socket.socket) -> None:
        try:
            for _ in range(64):
                connection.sendall(message(b" " * 1_000_000))
        except OSError:
            is_closed.set()

    with serving(answer) as asked:
        client = HttpClient(asked.url)
        assert client.request("/check", {}, ends_at=time.monotonic() + 5) == (200, "", b"")
        assert is_closed.wait(2)
