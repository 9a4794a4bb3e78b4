"""examples/webhook: the queue's messages, from the handler to the receiver, and the rotation of the key."""

import json
import runpy
from collections.abc import Iterator

import pytest
from standardwebhooks.webhooks import Webhook

from tests.unit.loopback import Received, server
from tests.unit.outcome_items import CLICKED, EVENT, VERIFICATION_ID, open_item, settled_item
from tests.unit.webhooks import CURRENT, ROOT

OTHER_ID = VERIFICATION_ID.replace("6", "7")


class FakeReceiver:
    """Answers POSTs with the statuses given, then with 204."""

    def __init__(self) -> None:
        self.url, self.posts, self.statuses = "", list[Received](), list[int]()

    def answer(self, post: Received) -> tuple[int, str]:
        self.posts.append(post)
        return (self.statuses.pop(0) if self.statuses else 204), ""


@pytest.fixture(scope="module")
def _listening() -> Iterator[FakeReceiver]:
    """One address for all tests: the handler reads it when it is imported."""
    receiver = FakeReceiver()
    with server(receiver.answer) as (receiver.url, _):
        yield receiver


@pytest.fixture
def receiver(_listening) -> FakeReceiver:
    _listening.posts, _listening.statuses = [], []
    return _listening


@pytest.fixture
def deliver(aws, receiver, monkeypatch):
    """Hands messages with these bodies to the function, named "0", "1" and so on; returns those that have to come back."""
    aws.secret = json.dumps({"current": CURRENT, "previous": ""})
    monkeypatch.setenv("SECRET_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook")
    monkeypatch.setenv("QUEUE_URL", "http://127.0.0.1/123456789012/Outcomes")
    monkeypatch.setenv("WEBHOOK_URL", f"{receiver.url}/hook")
    import deliver_outcome  # noqa: PLC0415  it reads its environment when it is imported

    def take(*bodies: str, attempt: int = 1) -> list[str]:
        records = [
            {
                "messageId": str(number),
                "receiptHandle": f"receipt {number}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(attempt)},
            }
            for number, body in enumerate(bodies)
        ]
        failed = deliver_outcome.handler({"Records": records}, None)["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in failed]

    return take


def body_of(verification_id: str = VERIFICATION_ID, **detail) -> str:
    return json.dumps(EVENT | {"detail": {**EVENT["detail"], "verificationId": verification_id, **detail}})


def test_a_stored_outcome_is_posted_and_signed(aws, deliver, receiver):
    aws.table.store(settled_item("LINK_CLICKED", CLICKED))

    assert deliver(body_of(outcome="LINK_CLICKED")) == []

    [post] = receiver.posts
    sent = Webhook(CURRENT).verify(post.body, post.headers)
    assert (post.path, sent["detail"]["outcome"], sent["detail"]["result"]) == ("/hook", "LINK_CLICKED", CLICKED)


def test_a_refused_outcome_comes_back_and_the_others_do_not(aws, deliver, receiver):
    aws.table.store(settled_item("EXPIRED"))
    aws.table.store(settled_item("EXPIRED", verification_id=OTHER_ID))
    receiver.statuses = [503]

    assert deliver(body_of(), body_of(OTHER_ID)) == ["0"]

    assert list(aws.visible_in) == ["receipt 0"]
    assert 15 <= aws.visible_in["receipt 0"] <= 19


def test_outcomes_that_were_refused_together_come_back_at_different_times(aws, deliver, receiver):
    aws.table.store(settled_item("EXPIRED"))
    receiver.statuses = [503] * 4

    deliver(*[body_of()] * 4, attempt=9)

    assert len(set(aws.visible_in.values())) > 1


def test_a_forged_outcome_is_not_signed_and_an_injected_field_not_delivered(aws, deliver, receiver):
    aws.table.store(settled_item("EXPIRED"))

    deliver(body_of(outcome="LINK_CLICKED", result=CLICKED, injected="words"))

    [post] = receiver.posts
    assert json.loads(post.body)["detail"]["outcome"] == "EXPIRED"
    assert b"words" not in post.body


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(json.loads(body_of()) | {"source": "anything"}),
        json.dumps(json.loads(body_of()) | {"detail-type": "anything"}),
        body_of(OTHER_ID),
        "no JSON",
    ],
    ids=["another source", "another detail-type", "a verification that is open", "not JSON"],
)
def test_anything_but_a_stored_outcome_is_not_signed(aws, deliver, receiver, body):
    aws.table.store(settled_item("EXPIRED"))
    aws.table.store(open_item(OTHER_ID))

    assert deliver(body) == ["0"]
    assert receiver.posts == []


def test_an_outcome_comes_back_while_the_table_does_not_answer(aws, deliver, receiver):
    aws.table.store(settled_item("EXPIRED"))
    aws.refused = {"GetItem"}

    assert deliver(body_of()) == ["0"]
    assert receiver.posts == []


def test_the_log_has_no_more_of_an_outcome_than_its_id(aws, deliver, receiver, capsys):
    aws.table.store(settled_item("EXPIRED", correlationId="private words"))
    receiver.statuses = [503]

    deliver(body_of(), body_of())

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["verificationId"] for line in lines] == [VERIFICATION_ID] * 2
    assert "private words" not in json.dumps(lines)


def test_a_rotation_keeps_the_key_before(aws):
    rotate = runpy.run_path(str(ROOT / "examples" / "webhook" / "rotate_secret.py"))["main"]

    rotate("arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook")
    first = json.loads(aws.secret)
    rotate("arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook")

    second = json.loads(aws.secret)
    assert first["previous"] == ""
    assert second["previous"] == first["current"] != second["current"]
