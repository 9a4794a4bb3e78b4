"""examples/webhook: the example of a receiver."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3
from standardwebhooks.webhooks import Webhook

from receive import server_on
from tests.unit.outcome_items import CURRENT, EVENT, PREVIOUS, VERIFICATION_ID
from webhook import body_of, signed_headers, signing_keys

BODY = body_of(EVENT, EVENT["detail"] | {"checks": 30, "result": "null"})


@contextmanager
def receiving(database: Path) -> Iterator[int]:
    """Yields the port of a receiver."""
    with server_on(0, Webhook(CURRENT), str(database)) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def receiver(tmp_path) -> Iterator[int]:
    with receiving(tmp_path / "outcomes.db") as port:
        yield port


def deliver(port: int, current: str = CURRENT, previous: str = "", seconds_ago: int = 0, **changed: str) -> int:
    """Returns the status of a delivery that is signed with these keys, at this time."""
    keys = signing_keys(f'{{"current": "{current}", "previous": "{previous}"}}')
    headers = signed_headers(keys, VERIFICATION_ID, BODY, int(time.time()) - seconds_ago) | changed
    return urllib3.request("POST", f"http://127.0.0.1:{port}/", body=BODY, headers=headers, retries=False).status


def test_the_receiver_acts_once_on_a_second_delivery(receiver, capsys):
    assert [deliver(receiver), deliver(receiver)] == [204, 204]

    said = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in said] == [EVENT["detail"]["outcome"], "known already"]


def test_an_outcome_that_could_not_be_stored_is_not_acknowledged(tmp_path, capsys):
    with receiving(tmp_path / "no folder" / "outcomes.db") as port, pytest.raises(urllib3.exceptions.ProtocolError):
        deliver(port)

    assert "unable to open database file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("delivery", "status"),
    [
        ({"current": PREVIOUS, "previous": CURRENT}, 204),
        ({"current": PREVIOUS}, 401),
        ({"seconds_ago": 280}, 204),
        ({"seconds_ago": 301}, 401),
        *(
            ({name: value}, 401)
            for name, value in [
                ("webhook-id", "another"),
                ("webhook-signature", ""),
                ("webhook-signature", "v1"),
                ("webhook-signature", "v1,a"),
                ("webhook-signature", "v1,ä"),
                ("webhook-timestamp", "nan"),
            ]
        ),
    ],
    ids=str,
)
def test_the_receiver_takes_recent_deliveries_with_a_signature_by_its_key(receiver, delivery, status):
    assert deliver(receiver, **delivery) == status


@pytest.mark.parametrize(
    "length", ["262145", "9" * 5000, "-1", "²", ""], ids=["too long", "5,000 digits", "negative", "superscript", "none"]
)
def test_the_receiver_refuses_an_invalid_length(receiver, length):
    request = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", receiver), timeout=5) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = connection.recv(1000)

    assert answer.split()[1] == b"413"
