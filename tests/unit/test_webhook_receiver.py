"""examples/webhook: the example of a receiver."""

import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

import pytest
from standardwebhooks.webhooks import Webhook

from receive import Outcomes, server_on
from tests.unit.outcome_items import EVENT
from tests.unit.webhooks import CURRENT, PREVIOUS, keys, outcome_message
from webhook import NotDelivered, Receiver, SigningKeys


@contextmanager
def receiving(outcomes: Outcomes) -> Iterator[ThreadingHTTPServer]:
    server = server_on(0, Webhook(CURRENT), outcomes)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def receiver(tmp_path) -> Iterator[ThreadingHTTPServer]:
    with receiving(Outcomes(str(tmp_path / "outcomes.db"))) as server:
        yield server


def deliver(server: ThreadingHTTPServer, signing: SigningKeys, now: float | None = None, **headers: str) -> None:
    message = outcome_message()
    signed = signing.headers(message, int(now or time.time()))
    Receiver(f"http://127.0.0.1:{server.server_port}/").post(message, signed | headers)


def test_the_receiver_acts_once_on_a_second_delivery(receiver, capsys):
    deliver(receiver, keys())
    deliver(receiver, keys())

    said = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in said] == [EVENT["detail"]["outcome"], "known already"]


def test_an_outcome_that_could_not_be_stored_is_not_acknowledged(tmp_path, capsys):
    class FullDisk(Outcomes):
        def add(self, verification_id: str, outcome: str) -> bool:
            raise sqlite3.OperationalError(f"no space left for {verification_id}: {outcome}")

    with receiving(FullDisk(str(tmp_path / "outcomes.db"))) as server, pytest.raises(NotDelivered):
        deliver(server, keys())

    assert "no space left" in capsys.readouterr().err


def test_the_receiver_accepts_one_of_two_signatures(receiver):
    deliver(receiver, keys(PREVIOUS, CURRENT))


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-id": "another"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,a"},
        {"webhook-signature": "v1,ä"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "1"},
    ],
    ids=str,
)
def test_the_receiver_refuses_a_wrong_header(receiver, headers):
    with pytest.raises(NotDelivered, match=r"^401$"):
        deliver(receiver, keys(), **headers)


def test_the_receiver_refuses_another_key_and_an_old_message(receiver):
    with pytest.raises(NotDelivered, match=r"^401$"):
        deliver(receiver, keys(PREVIOUS))
    with pytest.raises(NotDelivered, match=r"^401$"):
        deliver(receiver, keys(), now=time.time() - 301)


@pytest.mark.parametrize(
    "length", ["262145", "9" * 5000, "-1", "²", ""], ids=["too long", "5,000 digits", "negative", "superscript", "none"]
)
def test_the_receiver_refuses_an_invalid_length(receiver, length):
    request = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", receiver.server_port), timeout=5) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = connection.recv(1000)

    assert answer.split()[1] == b"413"
