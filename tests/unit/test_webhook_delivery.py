"""examples/webhook: one delivery to receivers of all kinds."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import trustme

from tests.unit.webhooks import keys, outcome_message
from webhook import NotDelivered, Receiver


@pytest.fixture
def answering() -> Iterator[Callable[..., Receiver]]:
    """Makes a receiver that reads a request, then writes the chunks given, pausing before each but the first."""
    listeners = []

    def make(*chunks: bytes, pause: float = 0.1) -> Receiver:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            for number, chunk in enumerate(chunks):
                time.sleep(pause if number else 0)
                try:
                    connection.sendall(chunk)
                except OSError:  # the connection was closed
                    break
            connection.close()

        threading.Thread(target=serve, daemon=True).start()
        return Receiver(f"http://127.0.0.1:{listener.getsockname()[1]}/hook")

    yield make
    for listener in listeners:
        listener.close()


def post(receiver: Receiver, budget_seconds: float = 2.0) -> None:
    message = outcome_message()
    receiver.post(message, keys().headers(message, int(time.time())), budget_seconds)


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_a_2xx_is_a_delivery(answering, status):
    post(answering(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_a_delivery(answering, status):
    receiver = answering(f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".encode())

    with pytest.raises(NotDelivered, match=f"^{status}$"):
        post(receiver)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 413, 429, 500, 503])
def test_an_error_is_not_a_delivery(answering, status):
    with pytest.raises(NotDelivered, match=f"^{status}$"):
        post(answering(f"HTTP/1.1 {status} the customer's number is 5550001111\r\n\r\n".encode()))


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 70_000, b"X: y\r\n" * 200],
    ids=["closed", "not HTTP", "an endless header", "endless headers"],
)
def test_an_unreadable_answer_is_not_a_delivery(answering, answer):
    with pytest.raises(NotDelivered):
        post(answering(answer))


def test_the_body_of_an_answer_is_not_read(answering):
    began_at = time.monotonic()

    post(answering(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 1000] * 50))

    assert time.monotonic() - began_at < 1


@pytest.mark.parametrize(
    "chunks",
    [[b"H"] * 50, [b"HTTP/1.1 100 Continue\r\n\r\n"] * 50, [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 50]],
    ids=["byte by byte", "endless 100s", "header by header"],
)
def test_a_slow_answer_has_one_budget_of_time(answering, chunks):
    receiver = answering(*chunks)
    threads, began_at = threading.active_count(), time.monotonic()

    with pytest.raises(NotDelivered, match="no answer in time"):
        post(receiver, budget_seconds=0.5)

    assert 0.5 <= time.monotonic() - began_at < 1
    time.sleep(0.3)  # the thread that waited for the answer has ended
    assert threading.active_count() <= threads


def test_a_refused_connection_is_not_a_delivery():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    with pytest.raises(NotDelivered, match="ConnectionRefusedError"):
        post(Receiver(f"http://127.0.0.1:{port}/"))


def test_an_untrusted_certificate_is_refused():
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            connection, _ = listener.accept()
            try:
                context.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()

        threading.Thread(target=serve, daemon=True).start()

        with pytest.raises(NotDelivered, match="SSLCertVerificationError"):
            post(Receiver(f"https://localhost:{port}/"))
