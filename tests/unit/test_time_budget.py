"""Everything that a check does shares one budget of time: name, addresses, TLS, token and answer. Its threads end."""

import json
import socket
import threading
import time

import pytest

from linkwatch.http_client import HttpClient
from linkwatch.model import Answer, Reason
from linkwatch.settings import Credentials
from linkwatch.signzy import Signzy
from linkwatch.signzy_token import KeptToken, Secret, TokenUnavailable
from tests.unit.checks import (
    CLICKED,
    IDS,
    REFUSED,
    addresses,
    checker,
    client_tls,
    drip,
    resolver,
    server_tls,
    unavailable,
)
from tests.unit.scripted_server import message, serving, swallowing


def connecting_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.endswith("(try_to_connect)")]


def await_no_connecting_thread(seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    while connecting_threads() and time.monotonic() < ends_at:
        time.sleep(0.01)
    assert not connecting_threads()


def timed(check) -> tuple[object, float]:
    started_at = time.monotonic()
    result = check(IDS, None)
    return result, time.monotonic() - started_at


def test_all_addresses_together_have_the_time_of_one_check():
    with (
        swallowing() as first,
        swallowing() as second,
        swallowing() as third,
        resolver(addresses(first, second, third)),
    ):
        result, took = timed(checker("http://signzy.test", interval_seconds=1.0).check)

    assert result == unavailable(Reason.TIMEOUT)
    assert 0.5 < took < 1.2  # 60 % of the interval
    await_no_connecting_thread(1)


def test_an_address_that_does_not_answer_leaves_time_for_the_next():
    with swallowing() as silent, serving(CLICKED) as asked, resolver(addresses(silent, asked.address)):
        result = checker("http://signzy.test", interval_seconds=1.0).check(IDS, None)

    assert result.answer is Answer.CLICKED


def test_the_address_after_one_that_refuses_is_tried():
    with serving(CLICKED) as gone:
        pass

    with serving(CLICKED) as asked, resolver(addresses(gone.address, asked.address)):
        result = checker("http://signzy.test", interval_seconds=1.0).check(IDS, None)

    assert result.answer is Answer.CLICKED


def test_a_resolver_that_blocks_takes_no_longer_than_the_check_may():
    goes_on = threading.Event()

    def resolve(*_):
        goes_on.wait(10)
        return []

    with resolver(resolve):
        result, took = timed(checker("http://signzy.test", interval_seconds=0.5).check)
        goes_on.set()

    assert result == unavailable(Reason.TIMEOUT)
    assert took < 1
    await_no_connecting_thread(1)


def test_a_name_that_does_not_exist_is_no_connection():
    def resolve(*_):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with resolver(resolve):
        assert checker("http://signzy.test").check(IDS, None) == unavailable(Reason.NO_CONNECTION)


def test_a_handshake_that_never_ends_takes_no_longer_than_the_check_may():
    with serving(CLICKED, server_tls(), before_tls=lambda: time.sleep(2)) as asked:
        result, took = timed(checker(asked.url, interval_seconds=1.0, tls=client_tls()).check)

    assert result == unavailable(Reason.TIMEOUT)
    assert took < 1.2
    await_no_connecting_thread(1)


@pytest.mark.parametrize(
    "answer",
    [lambda _, connection: connection.recv(1), drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n")],
    ids=["is silent", "drips"],
)
def test_a_proxy_takes_no_longer_than_the_check_may_if_its_answer(answer):
    with serving(CLICKED, server_tls()) as asked, serving(answer) as proxy:
        check = checker(asked.url, interval_seconds=0.5, tls=client_tls(), proxy_url=proxy.origin).check
        results = [timed(check) for _ in range(3)]
        await_no_connecting_thread(0.2)

    assert {result for result, _ in results} == {unavailable(Reason.TIMEOUT)}
    assert max(took for _, took in results) < 0.6
    assert asked.requests == []


def test_the_second_request_of_a_check_has_the_rest_of_its_time():
    def answer(asked, connection: socket.socket) -> None:
        time.sleep(0.3)
        if len(asked.requests) == 1:
            connection.sendall(REFUSED)
        else:
            drip(b"HTTP/1.1 200 OK\r\n\r\n", b" ")(asked, connection)

    with serving(answer) as asked:
        result, took = timed(checker(asked.url, interval_seconds=1.0).check)

    assert result == unavailable(Reason.TIMEOUT)
    assert 0.5 < took < 0.8
    assert len(asked.requests) == 2


SECRET = message(json.dumps({"SecretString": '{"token": "t-1"}'}))


@pytest.mark.parametrize("reads_before_it_drips", [0, 1])
def test_a_secret_that_drips_takes_no_longer_than_the_check_may(reads_before_it_drips):
    def answer(asked, connection: socket.socket) -> None:
        if len(asked.requests) <= reads_before_it_drips:
            connection.sendall(SECRET)
        else:
            drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" ")(asked, connection)

    def check(*about):
        with pytest.raises(TokenUnavailable):
            signzy.check(*about)

    with serving(answer) as secrets_manager, serving(REFUSED) as asked:
        secret = Secret("arn", "us-east-1", Credentials("key", "secret", None), secrets_manager.origin, client_tls())
        signzy = Signzy(HttpClient(asked.url), KeptToken(secret.read_token), poll_interval_seconds=1.0)
        _, took = timed(check)

    assert 0.5 < took < 1.2  # 60 % of the interval, and room for a busy machine
