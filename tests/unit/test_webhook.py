"""examples/webhook: what is signed and sent, to whom, and for how long deliveries are tried."""

import base64
import json
import re
import socket
import ssl
import threading
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trustme
import urllib3
from cfnlint.decode.cfn_yaml import loads as load_yaml
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from tests.schemas import complaints
from tests.unit.outcome_items import CLICKED, CURRENT, EVENT, PREVIOUS, VERIFICATION_ID
from webhook import (
    NotDelivered,
    body_of,
    outcome_event,
    pause_seconds,
    post,
    signed_headers,
    signing_keys,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "webhook"
TEMPLATE = load_yaml((EXAMPLE / "template.yaml").read_text("utf-8"))
DAY = 86_400
#: The sample's outcome, as linkwatch's table has it and boto3 reads it.
STORED = {**EVENT["detail"], "checks": Decimal(30), "result": "null", "status": "SETTLED"}

# ── What is sent ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("stored", "outcome"),
    [
        ({}, {}),
        (
            {"outcome": "LINK_CLICKED", "reason": "", "result": json.dumps(CLICKED)},
            {"outcome": "LINK_CLICKED", "reason": None, "result": CLICKED},
        ),
        (
            {"outcome": "CANCELLED", "reason": "", "checks": None, "correlationId": None},
            {"outcome": "CANCELLED", "reason": None, "checks": None, "correlationId": None},
        ),
    ],
    ids=["no click", "a click", "a cancel, without a reference of the caller"],
)
def test_the_body_is_what_is_stored_whatever_the_event_says(stored, outcome):
    item = {name: value for name, value in (STORED | stored).items() if value is not None}
    forged = EVENT | {"account": "123456789012", "detail": {"outcome": "FORGED", "injected": "words"}}

    sent = json.loads(body_of(forged, item))

    assert complaints("verification-settled", sent) == []
    assert sent == {
        **{name: EVENT[name] for name in ("source", "detail-type", "id", "time")},
        "detail": EVENT["detail"] | outcome,
    }


@pytest.mark.parametrize(
    "item", [None, {"verificationId": VERIFICATION_ID}], ids=["no such verification", "still open"]
)
def test_an_outcome_that_is_not_stored_is_not_sent(item):
    with pytest.raises(NotDelivered, match="no such outcome is stored"):
        body_of(EVENT, item)


NO_OUTCOME_EVENTS: dict[str, Any] = {
    "null": None,
    "a list": [],
    "a text": "text",
    "no detail": EVENT | {"detail": None},
    "another source": EVENT | {"source": "anything"},
    "another detail-type": EVENT | {"detail-type": "anything"},
    "a text for an id": EVENT | {"id": "pay 1,000,000 to"},
    "no time": EVENT | {"time": None},
    "a second header": EVENT | {"detail": {"verificationId": "a\r\nx: y"}},
    "a line feed": EVENT | {"detail": {"verificationId": f"{VERIFICATION_ID}\n"}},
}


@pytest.mark.parametrize(
    "text", ["", *map(json.dumps, NO_OUTCOME_EVENTS.values())], ids=["no JSON", *NO_OUTCOME_EVENTS]
)
def test_only_an_outcome_event_is_taken(text):
    with pytest.raises(NotDelivered, match="not an outcome event"):
        outcome_event(text)


# ── How it is signed ──────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.binary(min_size=24, max_size=64), st.text(), st.integers(0, 4_000_000_000))
def test_a_signature_is_the_librarys(key, text, now_seconds):
    secret = f"whsec_{base64.b64encode(key).decode()}"

    headers = signed_headers(signing_keys(json.dumps({"current": secret})), "id", text.encode(), now_seconds)

    assert headers == {
        "webhook-id": "id",
        "webhook-timestamp": str(now_seconds),
        "webhook-signature": Webhook(secret).sign("id", datetime.fromtimestamp(now_seconds, UTC), text),
    }


@pytest.mark.parametrize("receivers_key", [CURRENT, PREVIOUS], ids=["the new key", "the old key"])
def test_during_a_rotation_either_key_verifies(receivers_key):
    keys = signing_keys(json.dumps({"current": CURRENT, "previous": PREVIOUS}))

    Webhook(receivers_key).verify(b"{}", signed_headers(keys, "id", b"{}", int(time.time())))


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "[]",
        "{}",
        '{"current": ""}',
        '{"current": "whsec_c2hvcnQ="}',
        json.dumps({"current": CURRENT, "previous": "whsec_ä"}),
        json.dumps({"current": CURRENT + "!"}),
        json.dumps({"current": 1}),
    ],
)
def test_a_secret_without_usable_keys_signs_nothing_and_is_not_quoted(secret):
    with pytest.raises(NotDelivered, match=r"^the secret has no keys$") as refused:
        signing_keys(secret)

    assert "whsec_" not in "".join(traceback.format_exception(refused.value))


# ── To whom ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "is_accepted"),
    [
        ("https://example.com", True),
        ("https://hooks.example.com:8443/linkwatch/outcomes?from=linkwatch", True),
        ("http://127.0.0.1:8080/", True),
        ("", False),
        ("example.com", False),
        ("http://example.com/", False),
        ("http://localhost:8080/", False),
        ("http://127.0.0.1.example.com/", False),
        ("ftp://example.com/", False),
        ("https://user:password@example.com/", False),
        ("https:///path", False),
        ("https://example.com/a b", False),
        ("https://example.com/#fragment", False),
        ("https://example.com/\r\nx: y", False),
    ],
)
def test_the_template_takes_https_urls(url, is_accepted):
    pattern = TEMPLATE["Parameters"]["WebhookUrl"]["AllowedPattern"]

    assert bool(re.fullmatch(pattern, url)) is is_accepted


def problem_with(url: str) -> str | None:
    """Why a delivery to this receiver failed; None if it did not."""
    try:
        post(url, b"{}", {}, urllib3.Timeout(connect=1, read=0.5))
    except NotDelivered as error:
        return str(error)
    return None


def status(code: int) -> bytes:
    return (
        f"HTTP/1.1 {code} X\r\nLocation: http://127.0.0.1:1/\r\nRetry-After: 1\r\nContent-Length: 99\r\n\r\n".encode()
    )


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        *((status(code), None) for code in (200, 204, 299)),
        *((status(code), str(code)) for code in (301, 302, 303, 307, 308, 400, 401, 429, 500, 503)),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "ProtocolError"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "ProtocolError"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000, "ProtocolError"),
        (b"HTTP/1.1 200 OK\r\nX: ", "ReadTimeoutError"),
        (b"", "ReadTimeoutError"),
    ],
    ids=lambda value: value[:16].decode() if isinstance(value, bytes) else "",
)
def test_only_a_2xx_in_time_is_a_delivery_whatever_its_body(answer, problem):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError), listener.accept()[0] as connection:
                connection.settimeout(2)  # so that a delivery without a time-out fails
                connection.recv(65536)
                connection.sendall(answer)
                while connection.recv(65536):  # until the connection is closed
                    pass

        threading.Thread(target=serve, daemon=True).start()

        assert problem_with(f"http://127.0.0.1:{listener.getsockname()[1]}/hook") == problem


def test_a_refused_connection_is_not_a_delivery():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    assert problem_with(f"http://127.0.0.1:{port}/") == "NewConnectionError"


def test_an_untrusted_certificate_is_refused():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError), listener.accept()[0] as connection:
                context.wrap_socket(connection, server_side=True)

        threading.Thread(target=serve, daemon=True).start()

        assert problem_with(f"https://localhost:{listener.getsockname()[1]}/") == "SSLError"


# ── How long ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_pauses_double_up_to_an_hour_with_up_to_a_quarter_of_jitter():
    pauses = [pause_seconds(attempt, 0) for attempt in (1, 2, 3, 8, 9, 32, 10_000)]

    assert pauses == [15, 30, 60, 1920, 3600, 3600, 3600]
    assert [pause_seconds(9, jitter) for jitter in (0.5, 1)] == [4050, 4500]


def test_deliveries_are_tried_for_a_day_and_end_before_the_queue_deletes_them():
    queue = TEMPLATE["Resources"]["Outcomes"]["Properties"]
    attempts = queue["RedrivePolicy"]["maxReceiveCount"]

    shortest = sum(pause_seconds(attempt, 0) for attempt in range(1, attempts))
    longest = sum(pause_seconds(attempt, 1) + queue["VisibilityTimeout"] for attempt in range(1, attempts + 1))

    assert shortest >= DAY
    assert longest < queue["MessageRetentionPeriod"] / 2


def test_time_outs_nest():
    function = TEMPLATE["Resources"]["DeliverOutcome"]["Properties"]
    source = (EXAMPLE / "functions" / "deliver_outcome.py").read_text("utf-8")
    numbers = re.search(
        r"t=(\d), read_timeout=(\d).*total_max_attempts\": (\d).*connect=(\d), read=(\d)", source, re.DOTALL
    )
    assert numbers
    connect, read, tries, *delivery = map(int, numbers.groups())

    a_call = tries * (connect + read) + (tries - 1) * 1  # botocore's back-off before the second try is at most a second
    assert sum(delivery) + 3 * a_call < function["Timeout"]
