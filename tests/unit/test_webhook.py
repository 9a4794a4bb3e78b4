"""examples/webhook: what is signed and sent, to whom, and for how long deliveries are tried."""

import json
import re
from pathlib import Path

import pytest
import trustme
import urllib3
from cfnlint.decode.cfn_yaml import loads as load_yaml
from standardwebhooks.webhooks import Webhook

from tests.schemas import complaints
from tests.unit.checks import server_tls
from tests.unit.loopback import server
from tests.unit.outcome_items import CLICKED, CURRENT, EVENT, PREVIOUS, VERIFICATION_ID, open_item, settled_item
from tests.unit.scripted_server import serving

TEMPLATE = load_yaml((Path(__file__).parents[2] / "examples/webhook/template.yaml").read_text("utf-8"))
OTHER_ID = VERIFICATION_ID.replace("6", "7")


@pytest.fixture
def receiver(monkeypatch):
    """Yields the statuses that the receiver answers with before it answers 204, and its requests."""
    statuses: list[int] = []
    with server(lambda _: (statuses.pop(0) if statuses else 204, "private words")) as (url, posts):
        monkeypatch.setenv("WEBHOOK_URL", f"{url}/hook")
        yield statuses, posts


@pytest.fixture
def webhook(aws, monkeypatch):
    aws.secret = CURRENT
    aws.table.store(settled_item("EXPIRED", correlationId="private words"))
    aws.table.store(open_item(OTHER_ID))
    monkeypatch.setenv("SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook")
    monkeypatch.setenv("QUEUE_URL", "http://127.0.0.1/123456789012/Outcomes")
    import deliver_outcome  # noqa: PLC0415  it reads its environment when it is imported

    return deliver_outcome


@pytest.fixture
def deliver(webhook, capsys):
    """Hands messages with these bodies to the function; returns the lines of its log."""

    def take(*bodies: str, attempt: int = 1) -> list[dict[str, object]]:
        records = [
            {
                "messageId": str(number),
                "receiptHandle": str(number),
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(attempt)},
            }
            for number, body in enumerate(bodies)
        ]
        failed = webhook.handler({"Records": records}, None)["batchItemFailures"]
        printed = capsys.readouterr().out
        lines = [json.loads(line) for line in printed.splitlines()]
        assert failed == [{"itemIdentifier": line["messageId"]} for line in lines if not line["delivered"]]
        assert "private words" not in printed
        assert "whsec_" not in printed
        return lines

    return take


def message(verification_id: str = VERIFICATION_ID, **fields: object) -> str:
    """An outcome event in the queue, which anybody may have forged."""
    detail = {**EVENT["detail"], "verificationId": verification_id, "outcome": "FORGED", "injected": "words"}
    return json.dumps(EVENT | {"detail": detail} | fields)


@pytest.mark.parametrize(("outcome", "result"), [("LINK_CLICKED", CLICKED), ("EXPIRED", None), ("CANCELLED", None)])
def test_the_stored_outcome_is_posted_whatever_the_event_says(aws, deliver, receiver, outcome, result):
    aws.table.store(settled_item(outcome, result))
    checks = None if outcome == "CANCELLED" else 30

    assert deliver(message(account="444444444444"))[0]["delivered"]

    [post] = receiver[1]
    stored = {"outcome": outcome, "reason": None, "result": result, "checks": checks, "correlationId": None}
    envelope = {name: EVENT[name] for name in ("source", "detail-type", "id", "time")}
    assert (post.path, post.headers["webhook-id"]) == ("/hook", VERIFICATION_ID)
    assert json.loads(post.body) == {**envelope, "detail": EVENT["detail"] | stored}
    assert complaints("verification-settled", json.loads(post.body)) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (message(OTHER_ID), "no such outcome is stored"),
        (message("0" * 24 + "-" + "0" * 24), "no such outcome is stored"),
        ("private words", "not an outcome event"),
        (message(id="private words"), "not an outcome event"),
        (message(time=None), "not an outcome event"),
        (message(f"{VERIFICATION_ID}\r\nx: private words"), "not an outcome event"),
    ],
    ids=["still open", "unknown", "no JSON", "a text for an id", "no time", "a second header"],
)
def test_anything_but_a_stored_outcome_is_not_signed(deliver, receiver, body, problem):
    assert deliver(body)[0]["problem"] == problem
    assert receiver[1] == []


@pytest.mark.parametrize("receivers_key", [CURRENT, PREVIOUS], ids=["the new key", "the old key"])
def test_during_a_rotation_either_key_verifies(aws, deliver, receiver, receivers_key):
    aws.previous_secret = PREVIOUS

    deliver(message())

    [post] = receiver[1]
    assert Webhook(receivers_key).verify(post.body, post.headers)["detail"]["outcome"] == "EXPIRED"


@pytest.mark.parametrize("secret", [None, "whsec_", "whsec_c2hvcnQ=", "whsec_ä"])
def test_a_secret_without_a_usable_key_signs_nothing(aws, deliver, receiver, secret):
    aws.secret = secret

    assert deliver(message())[0]["problem"] == "the secret has no key"
    assert receiver[1] == []


@pytest.mark.parametrize(
    ("url", "is_accepted"),
    [
        ("https://hooks.example.com:8443/linkwatch/outcomes?from=linkwatch", True),
        ("http://127.0.0.1:8080/", True),
        ("http://example.com/", False),
        ("http://127.0.0.1.example.com/", False),
        ("https://user:password@example.com/", False),
        ("https://example.com/\r\nx: y", False),
    ],
)
def test_the_template_takes_https_urls(url, is_accepted):
    pattern = TEMPLATE["Parameters"]["WebhookUrl"]["AllowedPattern"]

    assert bool(re.fullmatch(pattern, url)) is is_accepted


def status(code: int) -> bytes:
    """An answer whose body never comes."""
    return f"HTTP/1.1 {code} X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 99\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("answer", "tls", "problem"),
    [
        (status(299), None, ""),
        (status(302), None, "302"),
        (status(307), None, "307"),
        (status(400), None, "400"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", None, "ProtocolError"),
        (b"HTTP/1.1 200 OK\r\nX: ", None, "ReadTimeoutError"),
        (status(200), server_tls(trustme.CA()), "SSLError"),
    ],
    ids=["299", "302", "307", "400", "no HTTP", "half an answer", "an untrusted certificate"],
)
def test_only_a_2xx_in_time_is_a_delivery_whatever_its_body(webhook, answer, tls, problem):
    found = ""
    with serving(answer, tls) as asked:
        try:
            webhook.post(asked.url, b"{}", {}, urllib3.Timeout(connect=1, read=0.5))
        except webhook.NotDelivered as error:
            found = str(error)

    assert (found, asked.connections) == (problem, 1)


def test_outcomes_that_were_refused_together_come_back_at_different_times_and_others_do_not(aws, deliver, receiver):
    receiver[0].extend([503] * 4)

    lines = deliver(*[message()] * 5, attempt=9)

    assert [line.get("problem") for line in lines] == ["503"] * 4 + [None]
    assert aws.called[:4] == ["GetItem", "GetSecretValue", "GetSecretValue", "ChangeMessageVisibility"]
    assert list(aws.visible_in) == ["0", "1", "2", "3"]
    assert min(aws.visible_in.values()) >= 3600
    assert len(set(aws.visible_in.values())) > 1


@pytest.mark.parametrize("refused", ["GetItem", "GetSecretValue", "ChangeMessageVisibility"])
def test_an_outcome_comes_back_while_aws_does_not_answer(aws, deliver, receiver, refused):
    aws.refused = {refused}
    receiver[0].append(503)

    assert not deliver(message())[0]["delivered"]


def test_deliveries_are_tried_for_a_day_and_end_before_the_queue_deletes_them(webhook):
    queue = TEMPLATE["Resources"]["Outcomes"]["Properties"]
    attempts = queue["RedrivePolicy"]["maxReceiveCount"]

    pauses = [webhook.pause_seconds(attempt, 0) for attempt in range(1, attempts)]
    longest = sum(webhook.pause_seconds(attempt, 1) + queue["VisibilityTimeout"] for attempt in range(1, attempts + 1))

    assert pauses[:3] == [15, 30, 60]
    assert sum(pauses) >= 24 * 60 * 60
    assert longest < queue["MessageRetentionPeriod"] / 2
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    function = TEMPLATE["Resources"]["DeliverOutcome"]["Properties"]
    on_queue = function["Events"]["OnQueue"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert (on_queue["BatchSize"], on_queue["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])
