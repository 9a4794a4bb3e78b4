"""Everything that a request does shares one time budget: name, addresses, TLS, proxy and answer. Its threads end."""

import threading
import time

import pytest

from linkwatch.http_client import HttpClient, TimedOut
from tests.unit.checks import CLIENT_TLS, addresses, resolver, server_tls
from tests.unit.scripted_server import drip, message, serving, swallowing

SECONDS = 0.3
ANSWER = message("{}")


def connecting_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.endswith("(try_to_connect)")]


def assert_that_it_times_out(url: str, proxy_url: str | None = None) -> None:
    """Sends a request, which raises TimedOut when its budget ends, and whose thread ends within a second."""
    started_at = time.monotonic()

    with pytest.raises(TimedOut):
        HttpClient(url, CLIENT_TLS, proxy_url).request("/", {}, ends_at=started_at + SECONDS)

    ended_at = time.monotonic()
    assert 0.4 * SECONDS < ended_at - started_at < SECONDS + 0.5  # an address and a handshake have half of it
    while connecting_threads():
        assert time.monotonic() < ended_at + 1
        time.sleep(0.01)


@pytest.mark.parametrize(
    "answer",
    [
        lambda _, connection: connection.recv(1),
        drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    ],
    ids=["silence", "a head that drips", "a body that drips"],
)
def test_a_request_ends_in_time_despite(answer):
    with serving(answer) as asked:
        assert_that_it_times_out(asked.url)


def test_a_request_ends_in_time_despite_a_proxy_whose_answer_drips():
    proxy_answer = drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n")

    with serving(ANSWER, server_tls()) as asked, serving(proxy_answer) as proxy:
        assert_that_it_times_out(asked.url, proxy.url)

    assert asked.requests == []


def test_a_request_ends_in_time_despite_a_handshake_that_never_ends():
    with serving(ANSWER, server_tls(), before_tls=lambda: time.sleep(2)) as asked:
        assert_that_it_times_out(asked.url)


def test_all_addresses_together_have_the_time_of_one_request():
    with (
        swallowing() as first,
        swallowing() as second,
        swallowing() as third,
        resolver(addresses(first, second, third)),
    ):
        assert_that_it_times_out("http://signzy.test")


def test_a_request_ends_in_time_despite_a_resolver_that_blocks():
    goes_on = threading.Event()

    def resolve(*_):
        goes_on.wait(2 * SECONDS)
        return []

    with resolver(resolve):
        assert_that_it_times_out("http://signzy.test")


@pytest.mark.parametrize(("budget", "to_write"), [(0.4, 30), (30, 0.4)], ids=["of the budget", "before the deadline"])
def test_an_address_that_does_not_answer_leaves_time_for_the_next(budget, to_write):
    now = time.monotonic()

    with swallowing() as silent, serving(ANSWER) as asked, resolver(addresses(silent, asked.address)):
        HttpClient("http://signzy.test").request(
            "/", {}, ends_at=now + budget, seconds_to_write=lambda: now + to_write - time.monotonic()
        )


def test_nothing_is_sent_without_time_left():
    with serving(ANSWER) as asked, pytest.raises(TimedOut):
        HttpClient(asked.url).request("/", {}, ends_at=time.monotonic())

    assert asked.connections == 0
