"""examples/webhook: what is signed, which URLs are accepted, and for how long deliveries are tried."""

import base64
import json
import re
import time
import traceback
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from tests.unit.webhooks import CURRENT, DAY, EVENT, PREVIOUS, ROOT, TEMPLATE, keys
from webhook import URL_PATTERN, NotDelivered, Receiver, SigningKeys, message_of, pause_seconds

# ── What is signed ────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.binary(min_size=24, max_size=64), st.text(), st.integers(0, 4_000_000_000))
def test_the_signature_is_that_of_the_library(key, correlation_id, now_seconds):
    secret = f"whsec_{base64.b64encode(key).decode()}"
    message = message_of(EVENT | {"detail": EVENT["detail"] | {"correlationId": correlation_id}})

    headers = keys(secret).headers(message, now_seconds)

    moment = datetime.fromtimestamp(now_seconds, UTC)
    expected = Webhook(secret).sign(headers["webhook-id"], moment, message.body.decode())
    assert (headers["webhook-signature"], headers["webhook-timestamp"]) == (expected, str(now_seconds))


@pytest.mark.parametrize("receivers_key", [CURRENT, PREVIOUS], ids=["with the new key", "with the old key"])
def test_during_a_rotation_either_key_verifies(receivers_key):
    message = message_of(EVENT)

    headers = keys(CURRENT, PREVIOUS).headers(message, int(time.time()))

    assert Webhook(receivers_key).verify(message.body, headers)["detail"] == EVENT["detail"]


def test_what_is_sent_is_the_outcome_event_without_the_account():
    sent = json.loads(message_of(EVENT | {"account": "123456789012", "region": "us-east-1"}).body)

    assert set(sent) == {"source", "detail-type", "id", "time", "detail"}


def test_an_outcome_that_is_published_again_has_the_same_id():
    assert message_of(EVENT).webhook_id == message_of(EVENT | {"id": "another"}).webhook_id


@pytest.mark.parametrize(
    "event",
    [None, [], "text", {}, {"detail": None}, EVENT | {"detail": {"verificationId": "a\r\nx: y"}}],
    ids=["null", "list", "text", "empty", "no detail", "an id with a second header"],
)
def test_another_event_is_not_sent(event):
    with pytest.raises(NotDelivered, match="not an outcome event"):
        message_of(event)


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
        SigningKeys.parse(secret)

    assert "whsec_" not in "".join(traceback.format_exception(refused.value))


def test_keys_are_not_shown():
    assert "cccc" not in repr(keys())


# ── Which URLs ────────────────────────────────────────────────────────────────────────────────────────────────────────


GOOD_URLS = [
    "https://example.com",
    "https://example.com/",
    "https://hooks.example.com:8443/linkwatch/outcomes?from=linkwatch",
    "http://127.0.0.1:8080/",
]
BAD_URLS = [
    "",
    "example.com",
    "http://example.com/",
    "http://localhost:8080/",
    "http://127.0.0.1.example.com/",
    "HTTPS://example.com/",
    "ftp://example.com/",
    "https://user:password@example.com/",
    "https:///path",
    "https://example.com/a b",
    "https://example.com/#fragment",
    "https://example.com/\r\nx: y",
    "https://example.com/\n",
]


def test_the_template_and_the_function_accept_the_same_urls():
    assert TEMPLATE["Parameters"]["WebhookUrl"]["AllowedPattern"] == URL_PATTERN


@pytest.mark.parametrize("url", GOOD_URLS)
def test_an_https_url_is_accepted(url):
    Receiver(url)


@pytest.mark.parametrize("url", BAD_URLS)
def test_any_other_url_is_refused(url):
    with pytest.raises(ValueError, match="has to be https"):
        Receiver(url)


# ── How long ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_deliveries_are_tried_for_a_day_and_end_before_the_queue_drops_them():
    queue = TEMPLATE["Resources"]["Outcomes"]["Properties"]
    attempts = queue["RedrivePolicy"]["maxReceiveCount"]

    shortest = sum(pause_seconds(attempt, 0) for attempt in range(1, attempts))
    longest = sum(pause_seconds(attempt, 1) + queue["VisibilityTimeout"] for attempt in range(1, attempts + 1))

    assert shortest >= DAY
    assert longest < queue["MessageRetentionPeriod"] / 2


def test_pauses_double_up_to_an_hour():
    assert [pause_seconds(attempt, 0) for attempt in (1, 2, 3, 8, 9, 32, 10_000)] == [
        15,
        30,
        60,
        1920,
        3600,
        3600,
        3600,
    ]


def test_time_outs_nest():
    function = TEMPLATE["Resources"]["DeliverOutcome"]["Properties"]
    source = (ROOT / "examples" / "webhook" / "functions" / "deliver_outcome.py").read_text("utf-8")
    numbers = re.search(r"connect_timeout=(\d), read_timeout=(\d).*total_max_attempts\": (\d)", source)
    assert numbers
    connect, read, tries = map(int, numbers.groups())

    assert 10 + 2 * tries * (connect + read) < function["Timeout"]
    assert TEMPLATE["Resources"]["Outcomes"]["Properties"]["VisibilityTimeout"] >= 6 * function["Timeout"]
