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

from tests.unit.outcome_items import CLICKED, EVENT, VERIFICATION_ID
from tests.unit.test_contracts import complaints
from tests.unit.webhooks import CURRENT, DAY, PREVIOUS, ROOT, STORED, TEMPLATE, keys, outcome_message
from webhook import (
    BUDGET_SECONDS,
    KEYS_SECONDS,
    URL_PATTERN,
    CachedKeys,
    NotDelivered,
    Receiver,
    SigningKeys,
    message_of,
    pause_seconds,
    verification_id_in,
)

# ── What is signed ────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.binary(min_size=24, max_size=64), st.text(), st.integers(0, 4_000_000_000))
def test_a_signature_is_the_librarys(key, correlation_id, now_seconds):
    secret = f"whsec_{base64.b64encode(key).decode()}"
    message = outcome_message(correlationId=correlation_id)

    headers = keys(secret).headers(message, now_seconds)

    moment = datetime.fromtimestamp(now_seconds, UTC)
    expected = Webhook(secret).sign(headers["webhook-id"], moment, message.body.decode())
    assert (headers["webhook-signature"], headers["webhook-timestamp"]) == (expected, str(now_seconds))


@pytest.mark.parametrize("receivers_key", [CURRENT, PREVIOUS], ids=["with the new key", "with the old key"])
def test_during_a_rotation_either_key_verifies(receivers_key):
    message = outcome_message()

    headers = keys(CURRENT, PREVIOUS).headers(message, int(time.time()))

    assert Webhook(receivers_key).verify(message.body, headers)["detail"] == EVENT["detail"]


def test_the_message_is_the_outcome_event_without_the_account():
    sent = json.loads(message_of(EVENT | {"account": "123456789012", "injected": "in the event"}, STORED).body)

    assert sent == {name: EVENT[name] for name in ("source", "detail-type", "id", "time", "detail")}


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": "LINK_CLICKED", "reason": "", "result": json.dumps(CLICKED)},
        {"outcome": "EXPIRED", "reason": "", "result": "null"},
    ],
    ids=["a click", "no click"],
)
def test_a_stored_outcome_is_sent_as_the_schema_has_it(fields):
    sent = json.loads(outcome_message(**fields).body)

    assert complaints("verification-settled", sent) == []
    assert (sent["detail"]["reason"], sent["detail"]["result"]) == (None, json.loads(fields["result"]))


def test_a_cancelled_outcome_has_no_checks_and_no_reference_of_the_caller():
    stored = {name: value for name, value in STORED.items() if name not in ("checks", "correlationId")}

    sent = json.loads(message_of(EVENT, stored | {"outcome": "CANCELLED", "reason": ""}).body)

    assert complaints("verification-settled", sent) == []
    assert (sent["detail"]["checks"], sent["detail"]["correlationId"]) == (None, None)


def test_a_forged_outcome_is_not_sent():
    forged = EVENT | {"detail": EVENT["detail"] | {"outcome": "LINK_CLICKED", "injected": "in the detail"}}

    assert json.loads(message_of(forged, STORED).body)["detail"] == EVENT["detail"]


@pytest.mark.parametrize(
    "item",
    [None, {name: value for name, value in STORED.items() if name != "outcome"}],
    ids=["no such verification", "still open"],
)
def test_an_outcome_that_is_not_stored_is_not_sent(item):
    with pytest.raises(NotDelivered, match="no such outcome is stored"):
        message_of(EVENT, item)


def test_an_event_that_is_published_again_has_the_same_webhook_id():
    assert message_of(EVENT | {"id": "another"}, STORED).webhook_id == outcome_message().webhook_id == VERIFICATION_ID


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        {},
        {"detail": None},
        EVENT | {"source": "anything"},
        EVENT | {"detail-type": "anything"},
        EVENT | {"id": "pay 1,000,000 to"},
        EVENT | {"time": None},
        EVENT | {"detail": {"verificationId": "a\r\nx: y"}},
        EVENT | {"detail": {"verificationId": f"{VERIFICATION_ID}\n"}},
    ],
    ids=[
        "null",
        "a list",
        "a text",
        "empty",
        "no detail",
        "another source",
        "another detail-type",
        "a text for an id",
        "no time",
        "a second header",
        "a line feed",
    ],
)
def test_only_an_outcome_event_names_a_verification(event):
    with pytest.raises(NotDelivered, match="not an outcome event"):
        verification_id_in(event)


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


def test_a_rotated_secret_is_read_within_a_minute():
    secrets, now = [json.dumps({"current": key}) for key in (PREVIOUS, CURRENT)], [0.0]
    cached = CachedKeys(lambda: secrets.pop(0), lambda: now[0])
    first = cached.get()

    now[0] = KEYS_SECONDS
    assert (cached.get(), first) == (keys(PREVIOUS), keys(PREVIOUS))
    now[0] = KEYS_SECONDS + 1
    assert cached.get() == keys(CURRENT)


# ── To whom ───────────────────────────────────────────────────────────────────────────────────────────────────────────


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


def test_the_template_accepts_the_urls_that_the_function_accepts():
    assert TEMPLATE["Parameters"]["WebhookUrl"]["AllowedPattern"] == URL_PATTERN


@pytest.mark.parametrize("url", GOOD_URLS)
def test_an_https_url_is_accepted(url):
    Receiver(url)


@pytest.mark.parametrize("url", BAD_URLS)
def test_any_other_url_is_refused(url):
    with pytest.raises(ValueError, match="has to be https"):
        Receiver(url)


# ── How long ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_deliveries_are_tried_for_a_day_and_end_before_the_queue_deletes_them():
    queue = TEMPLATE["Resources"]["Outcomes"]["Properties"]
    attempts = queue["RedrivePolicy"]["maxReceiveCount"]

    shortest = sum(pause_seconds(attempt, 0) for attempt in range(1, attempts))
    longest = sum(pause_seconds(attempt, 1) + queue["VisibilityTimeout"] for attempt in range(1, attempts + 1))

    assert shortest >= DAY
    assert longest < queue["MessageRetentionPeriod"] / 2


def test_pauses_double_up_to_an_hour():
    pauses = [pause_seconds(attempt, 0) for attempt in (1, 2, 3, 8, 9, 32, 10_000)]

    assert pauses == [15, 30, 60, 1920, 3600, 3600, 3600]


def test_pauses_have_up_to_a_quarter_of_jitter():
    assert [pause_seconds(9, jitter) for jitter in (0, 0.5, 1)] == [3600, 4050, 4500]


def test_time_outs_nest():
    function = TEMPLATE["Resources"]["DeliverOutcome"]["Properties"]
    source = (ROOT / "examples" / "webhook" / "functions" / "deliver_outcome.py").read_text("utf-8")
    numbers = re.search(r"connect_timeout=(\d), read_timeout=(\d).*total_max_attempts\": (\d)", source)
    assert numbers
    connect, read, tries = map(int, numbers.groups())

    a_call = tries * (connect + read) + (tries - 1) * 1  # botocore's back-off before the second try is at most a second
    assert BUDGET_SECONDS + 3 * a_call < function["Timeout"]
    assert TEMPLATE["Resources"]["Outcomes"]["Properties"]["VisibilityTimeout"] >= 6 * function["Timeout"]
