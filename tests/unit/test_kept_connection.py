"""A kept connection that ends, or has unread data, costs no check and gives no wrong answer."""

import socket
import time

import pytest

from linkwatch.model import Answer, CheckResult, Reason
from tests.unit.checks import CLICKED, IDS, PENDING, checker, client_tls, server_tls, unavailable
from tests.unit.scripted_server import message, serving, tunnel


def hang_up_on_the_second(head: bytes = b"", *, reset: bool = False):
    """Answers the first request of each connection; on the second it sends head and closes the connection."""

    def answer(asked, connection: socket.socket) -> None:
        if asked.requests_of(connection) == 1:
            connection.sendall(CLICKED)
            return
        if head:
            connection.sendall(head)
            time.sleep(0.1)  # so that the reset arrives after it
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    return answer


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("tls", [None, server_tls()], ids=["http", "https"])
def test_a_kept_connection_that_ends_without_an_answer_is_replaced_in_the_same_check(tls, reset):
    with serving(hang_up_on_the_second(reset=reset), tls) as asked:
        check = checker(asked.url, tls=client_tls()).check
        answers = [check(IDS, None).answer for _ in range(4)]

    assert answers == [Answer.CLICKED] * 4
    assert asked.connections == 4


def test_a_kept_tunnel_that_ends_without_an_answer_is_replaced_in_the_same_check():
    with serving(hang_up_on_the_second(), server_tls()) as asked, serving(tunnel(asked.address)) as proxy:
        check = checker(asked.url, tls=client_tls(), proxy_url=proxy.origin).check
        answers = [check(IDS, None).answer for _ in range(2)]

    assert answers == [Answer.CLICKED] * 2
    assert len(proxy.requests) == 2


def test_a_kept_connection_is_replaced_once():
    def answer(asked, connection: socket.socket) -> None:
        connection.sendall(CLICKED) if len(asked.requests) == 1 else connection.close()

    with serving(answer) as asked:
        check = checker(asked.url).check
        results = [check(IDS, None) for _ in range(2)]

    assert results[1] == unavailable(Reason.NO_CONNECTION)
    assert (len(asked.requests), asked.connections) == (3, 2)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("head", [b"HTTP", message(b"x" * 10)[:-1]], ids=["in the head", "in the body"])
def test_a_kept_connection_that_ends_after_the_first_byte_of_an_answer_costs_the_check(head, reset):
    with serving(hang_up_on_the_second(head=head, reset=reset)) as asked:
        check = checker(asked.url).check
        results = [check(IDS, None) for _ in range(2)]

    assert results[1] == unavailable(Reason.NO_CONNECTION)
    assert len(asked.requests) == 2


def test_a_new_connection_that_ends_without_an_answer_costs_the_check():
    with serving(lambda _, connection: connection.close()) as asked:
        result = checker(asked.url).check(IDS, None)

    assert result == unavailable(Reason.NO_CONNECTION)
    assert len(asked.requests) == 1


@pytest.mark.parametrize("tls", [None, server_tls()], ids=["http", "https"])
def test_after_a_missing_answer_a_new_connection_is_made(tls):
    def answer(asked, connection: socket.socket) -> None:
        if len(asked.requests) != 2:
            connection.sendall(PENDING)

    with serving(answer, tls) as asked:
        check = checker(asked.url, interval_seconds=0.5, tls=client_tls()).check
        results = [check(IDS, None) for _ in range(3)]

    assert results == [CheckResult(Answer.PENDING), unavailable(Reason.TIMEOUT), CheckResult(Answer.PENDING)]
    assert asked.connections == 2


def test_unrequested_data_is_not_an_answer():
    def answer(_, connection: socket.socket) -> None:
        connection.sendall(PENDING)
        time.sleep(0.05)
        connection.sendall(CLICKED)

    with serving(answer) as asked:
        check = checker(asked.url).check
        answers = []
        for _ in range(2):
            answers.append(check(IDS, None).answer)
            time.sleep(0.1)

    assert answers == [Answer.PENDING] * 2


def test_unrequested_data_in_one_record_with_an_answer_is_not_an_answer():
    # As long as one read: what follows is in the TLS layer, where waiting for the socket does not see it.
    answer = message(b'{"result":{"message":"Please wait"}}'.ljust(8192 - len(message(b"0" * 1000)) + 1000))
    assert len(answer) == 8192

    with serving(answer + CLICKED, server_tls()) as asked:
        check = checker(asked.url, tls=client_tls()).check
        answers = [check(IDS, None).answer for _ in range(2)]

    assert answers == [Answer.PENDING] * 2
