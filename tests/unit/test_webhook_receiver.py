"""examples/webhook: the example of a receiver."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer

import pytest
import urllib3
from standardwebhooks.webhooks import Webhook

from receive import Receiver
from tests.unit.outcome_items import CURRENT, EVENT, PREVIOUS, VERIFICATION_ID

BODY = json.dumps(EVENT)


@pytest.fixture
def deliver(tmp_path) -> Iterator[Callable[..., int]]:
    """Yields what POSTs an outcome to a receiver, signed with these keys, and returns the status of its answer."""

    class Configured(Receiver):
        webhook, database = Webhook(CURRENT), str(tmp_path / "outcomes.db")

    def post(*keys: str, seconds_ago: int = 0, **changed: str) -> int:
        signed_at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        signatures = [Webhook(key).sign(VERIFICATION_ID, signed_at, BODY) for key in keys or [CURRENT]]
        headers = {
            "webhook-id": VERIFICATION_ID,
            "webhook-timestamp": str(int(signed_at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
        url = f"http://127.0.0.1:{listening.server_port}/"
        return urllib3.request("POST", url, body=BODY, headers=headers | changed, retries=False, timeout=5).status

    with ThreadingHTTPServer(("127.0.0.1", 0), Configured) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
        yield post
        listening.shutdown()


def test_the_receiver_acts_once_on_a_second_delivery(deliver, capsys):
    assert [deliver(), deliver()] == [204, 204]

    said = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in said] == [EVENT["detail"]["outcome"], "known already"]


def test_an_outcome_that_could_not_be_stored_is_not_acknowledged(deliver, tmp_path, capsys):
    (tmp_path / "outcomes.db").mkdir()

    with pytest.raises(urllib3.exceptions.ProtocolError):
        deliver()

    assert "unable to open database file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("keys", "changed", "status"),
    [
        ([PREVIOUS, CURRENT], {}, 204),
        ([PREVIOUS], {}, 401),
        ([], {"seconds_ago": 280}, 204),
        ([], {"seconds_ago": 301}, 401),
        ([], {"webhook-id": "another"}, 401),
        ([], {"webhook-signature": "v1,a"}, 401),
        ([], {"webhook-timestamp": "nan"}, 401),
        ([], {"Content-Length": str(256 * 1024 + 1)}, 413),
        ([], {"Content-Length": "-1"}, 413),
    ],
    ids=str,
)
def test_the_receiver_takes_recent_deliveries_with_a_signature_by_its_key(deliver, keys, changed, status):
    assert deliver(*keys, **changed) == status
