"""A kept connection that ends, or says what nobody asked, costs no check and gives no wrong answer."""

import socket
import time

import pytest

from linkwatch.model import Answer, CheckResult, Reason
from tests.unit.checks import AUTHORITY, CLICKED, IDS, PENDING, checker, served_by, unavailable, vouched_for
from tests.unit.vendor import message, vendor


def hang_up_on_the_second(head: bytes = b"", *, reset: bool = False):
    """Answers the first request of each connection; sends head and hangs up on the second."""

    def answer(asked, connection: socket.socket) -> None:
        if asked.requests_of(connection) == 1:
            connection.sendall(CLICKED)
            return
        if head:
            connection.sendall(head)
            time.sleep(0.1)  # or the reset overtakes it
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    return answer


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_kept_connection_that_ends_without_an_answer_is_replaced_in_the_same_check(reset):
    with vendor(hang_up_on_the_second(reset=reset)) as asked:
        check = checker(asked.url).check
        answers = [check(IDS, None).answer for _ in range(4)]

    assert answers == [Answer.CLICKED] * 4
    assert asked.connections == 4


def test_a_kept_connection_that_ends_over_tls_is_replaced_too():
    with vendor(hang_up_on_the_second(), served_by(AUTHORITY)) as asked:
        check = checker(asked.url, tls=vouched_for()).check
        answers = [check(IDS, None).answer for _ in range(2)]

    assert answers == [Answer.CLICKED] * 2


def test_it_is_replaced_once():
    def answer(asked, connection: socket.socket) -> None:
        connection.sendall(CLICKED) if len(asked.requests) == 1 else connection.close()

    with vendor(answer) as asked:
        check = checker(asked.url).check
        results = [check(IDS, None) for _ in range(2)]

    assert results[1] == unavailable(Reason.NO_CONNECTION)
    assert (len(asked.requests), asked.connections) == (3, 2)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_connection_that_ends_after_the_first_byte_of_an_answer_costs_the_check(reset):
    with vendor(hang_up_on_the_second(head=b"HTTP", reset=reset)) as asked:
        check = checker(asked.url).check
        results = [check(IDS, None) for _ in range(2)]

    assert results[1] == unavailable(Reason.NO_CONNECTION)
    assert len(asked.requests) == 2


def test_a_fresh_connection_that_ends_without_an_answer_costs_the_check():
    with vendor(lambda _, connection: connection.close()) as asked:
        result = checker(asked.url).check(IDS, None)

    assert result == unavailable(Reason.NO_CONNECTION)
    assert len(asked.requests) == 1


def test_a_kept_connection_that_is_silent_is_not_replaced():
    def answer(asked, connection: socket.socket) -> None:
        connection.sendall(PENDING) if len(asked.requests) == 1 else connection.recv(1)

    with vendor(answer) as asked:
        check = checker(asked.url, interval_seconds=0.5).check
        results = [check(IDS, None) for _ in range(2)]

    assert results[1] == unavailable(Reason.TIMEOUT)
    assert len(asked.requests) == 2


def test_what_a_connection_says_unasked_is_no_answer():
    def answer(_, connection: socket.socket) -> None:
        connection.sendall(PENDING)
        time.sleep(0.05)
        connection.sendall(CLICKED)

    with vendor(answer) as asked:
        check = checker(asked.url).check
        answers = []
        for _ in range(2):
            answers.append(check(IDS, None).answer)
            time.sleep(0.1)

    assert answers == [Answer.PENDING] * 2


def test_what_came_unasked_in_one_piece_with_an_answer_over_tls_is_no_answer():
    # As long as one read: what follows stays in the TLS layer, where no poll sees it.
    answer = message(b'{"result":{"message":"Please wait"}}'.ljust(8192 - len(message(b"0" * 1000)) + 1000))
    assert len(answer) == 8192

    with vendor(answer + CLICKED, served_by(AUTHORITY)) as asked:
        check = checker(asked.url, tls=vouched_for()).check
        answers = [check(IDS, None).answer for _ in range(2)]

    assert answers == [Answer.PENDING] * 2


def test_after_an_answer_that_did_not_come_a_new_connection_is_made():
    def answer(asked, connection: socket.socket) -> None:
        if len(asked.requests) > 1:
            connection.sendall(PENDING)

    with vendor(answer) as asked:
        check = checker(asked.url, interval_seconds=0.5).check
        results = [check(IDS, None) for _ in range(2)]

    assert results == [unavailable(Reason.TIMEOUT), CheckResult(Answer.PENDING)]
    assert asked.connections == 2
