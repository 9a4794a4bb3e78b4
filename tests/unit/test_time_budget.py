"""All that a check does shares one budget of time: name, addresses, TLS, token and answer."""

import json
import socket
import threading
import time

import pytest

from linkwatch import signzy
from linkwatch.model import Answer, Reason
from linkwatch.signzy_token import Credentials, SecretToken
from tests.unit.checks import AUTHORITY, CLICKED, IDS, REFUSED, checker, drip, served_by, unavailable, vouched_for
from tests.unit.vendor import message, swallowing, vendor


def addresses(*servers):
    """A resolver that knows one name, with the addresses of these servers."""
    return lambda *_: [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in servers]


def test_all_addresses_together_get_the_time_of_one_check():
    with swallowing() as first, swallowing() as second, swallowing() as third:
        started_at = time.monotonic()
        result = checker("http://signzy.test", interval_seconds=1.0, resolve=addresses(first, second, third)).check(
            IDS, None
        )

    assert result == unavailable(Reason.TIMEOUT)
    assert 0.5 < time.monotonic() - started_at < 1.2  # 60 % of the interval


def test_an_address_that_swallows_leaves_time_for_the_next():
    with swallowing() as dead, vendor(CLICKED) as asked:
        result = checker("http://signzy.test", interval_seconds=1.0, resolve=addresses(dead, asked.address)).check(
            IDS, None
        )

    assert result.answer is Answer.CLICKED


def test_an_address_that_swallows_leaves_time_before_the_deadline_too():
    with swallowing() as dead, vendor(CLICKED) as asked:
        result = checker("http://signzy.test", resolve=addresses(dead, asked.address)).check(IDS, time.time() + 0.8)

    assert result.answer is Answer.CLICKED


def test_an_address_that_refuses_is_passed_over():
    with vendor(CLICKED) as gone:
        pass

    with vendor(CLICKED) as asked:
        result = checker("http://signzy.test", resolve=addresses(gone.address, asked.address)).check(IDS, None)

    assert result.answer is Answer.CLICKED


def test_a_resolver_that_blocks_costs_no_more_than_the_checks_time():
    goes_on = threading.Event()

    def resolve(*_):
        goes_on.wait(10)
        return []

    started_at = time.monotonic()
    result = checker("http://signzy.test", interval_seconds=0.5, resolve=resolve).check(IDS, None)
    took = time.monotonic() - started_at
    goes_on.set()

    assert result == unavailable(Reason.TIMEOUT)
    assert took < 1


def test_a_name_that_does_not_exist_is_no_connection():
    def resolve(*_):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert checker("http://signzy.test", resolve=resolve).check(IDS, None) == unavailable(Reason.NO_CONNECTION)


def test_a_handshake_that_never_ends_costs_no_more_than_the_checks_time():
    with vendor(CLICKED, served_by(AUTHORITY), before_tls=lambda: time.sleep(2)) as asked:
        check = checker(asked.url, interval_seconds=1.0, tls=vouched_for()).check
        started_at = time.monotonic()
        result = check(IDS, None)
        took = time.monotonic() - started_at

    assert result == unavailable(Reason.TIMEOUT)
    assert 0.5 < took < 1.2


SECRET = message(json.dumps({"SecretString": '{"token": "t-1"}'}))


@pytest.mark.parametrize("reads_before_it_drips", [0, 1])
def test_a_secret_that_drips_costs_no_more_than_the_checks_time(reads_before_it_drips):
    def answer(asked, connection: socket.socket) -> None:
        if len(asked.requests) <= reads_before_it_drips:
            connection.sendall(SECRET)
        else:
            drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" ")(asked, connection)

    with vendor(answer) as secrets_manager, vendor(REFUSED) as asked:
        tokens = SecretToken("arn", "us-east-1", Credentials("key", "secret", None), secrets_manager.url)
        check = checker(asked.url, tokens, interval_seconds=1.0).check
        started_at = time.monotonic()
        with pytest.raises(signzy.TokenUnavailable):
            check(IDS, None)
        took = time.monotonic() - started_at

    assert 0.5 < took < 1.2  # 60 % of the interval, and room for a busy machine
