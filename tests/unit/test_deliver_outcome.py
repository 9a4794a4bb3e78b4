"""examples/webhook: the queue's messages, from the handler to the receiver, and the rotation of the key."""

import json
import runpy
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from tests.unit.loopback import server
from tests.unit.outcome_items import CLICKED, CURRENT, EVENT, VERIFICATION_ID, open_item, settled_item

OTHER_ID = VERIFICATION_ID.replace("6", "7")
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook"


@pytest.fixture
def receiver(monkeypatch):
    """Yields the statuses that the receiver answers with before it answers 204, and its requests."""
    statuses: list[int] = []
    with server(lambda _: (statuses.pop(0) if statuses else 204, "private words")) as (url, posts):
        monkeypatch.setenv("WEBHOOK_URL", f"{url}/hook")
        yield statuses, posts


@pytest.fixture
def deliver(aws, monkeypatch):
    """Hands messages with these bodies to the function, named "0", "1" and so on; returns those that have to come back."""
    aws.secret = json.dumps({"current": CURRENT, "previous": ""})
    monkeypatch.setenv("SECRET_ARN", SECRET_ARN)
    monkeypatch.setenv("QUEUE_URL", "http://127.0.0.1/123456789012/Outcomes")
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


def test_the_stored_outcome_is_signed_and_posted_whatever_the_event_says(aws, deliver, receiver):
    aws.table.store(settled_item("EXPIRED"))

    assert deliver(body_of(outcome="LINK_CLICKED", result=CLICKED, injected="words")) == []

    [post] = receiver[1]
    sent = Webhook(CURRENT).verify(post.body, post.headers)
    assert (post.path, sent["detail"]["outcome"], sent["detail"]["result"]) == ("/hook", "EXPIRED", None)
    assert b"words" not in post.body


@pytest.mark.parametrize(
    "body",
    [body_of(OTHER_ID), json.dumps(EVENT | {"source": "anything"})],
    ids=["an open verification", "another source"],
)
def test_anything_but_a_stored_outcome_is_not_signed(aws, deliver, receiver, body):
    aws.table.store(settled_item("EXPIRED"))
    aws.table.store(open_item(OTHER_ID))

    assert deliver(body) == ["0"]
    assert receiver[1] == []


def test_a_refused_outcome_comes_back_after_a_pause_and_the_others_do_not(aws, deliver, receiver):
    aws.table.store(settled_item("EXPIRED"))
    aws.table.store(settled_item("EXPIRED", verification_id=OTHER_ID))
    receiver[0].append(503)

    assert deliver(body_of(), body_of(OTHER_ID)) == ["0"]

    assert list(aws.visible_in) == ["receipt 0"]
    assert 15 <= aws.visible_in["receipt 0"] <= 19


def test_outcomes_that_were_refused_together_come_back_later_and_at_different_times(aws, deliver, receiver):
    aws.table.store(settled_item("EXPIRED"))
    receiver[0].extend([503] * 4)

    deliver(*[body_of()] * 4, attempt=9)

    assert min(aws.visible_in.values()) >= 3600
    assert len(set(aws.visible_in.values())) > 1


@pytest.mark.parametrize("refused", ["GetItem", "GetSecretValue"])
def test_an_outcome_comes_back_while_aws_does_not_answer(aws, deliver, receiver, refused):
    aws.table.store(settled_item("EXPIRED"))
    aws.refused = {refused}

    assert deliver(body_of()) == ["0"]
    assert receiver[1] == []


def test_an_outcome_comes_back_until_the_secret_is_filled(aws, deliver, receiver, capsys):
    aws.table.store(settled_item("EXPIRED"))
    aws.secret = None

    assert deliver(body_of()) == ["0"]
    assert json.loads(capsys.readouterr().out)["problem"] == "the secret has no keys"
    assert receiver[1] == []


def test_a_message_whose_pause_is_refused_comes_back_as_well(aws, deliver, receiver):
    aws.table.store(settled_item("EXPIRED"))
    aws.refused = {"ChangeMessageVisibility"}
    receiver[0].append(503)

    assert deliver(body_of()) == ["0"]


def test_the_log_has_the_id_and_nothing_else_that_anybody_has_sent(aws, deliver, receiver, capsys):
    aws.table.store(settled_item("EXPIRED", correlationId="private words"))
    receiver[0].append(503)

    deliver(body_of(), body_of(), "private words")

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("verificationId") for line in lines] == [VERIFICATION_ID, VERIFICATION_ID, None]
    assert [line.get("problem") for line in lines] == ["503", None, "not an outcome event"]
    assert "private words" not in json.dumps(lines)


def test_a_rotation_keeps_the_key_before(aws):
    program = Path(__file__).parents[2] / "examples" / "webhook" / "rotate_secret.py"
    rotate = runpy.run_path(str(program))["main"]

    rotate(SECRET_ARN)
    first = json.loads(aws.secret)
    rotate(SECRET_ARN)

    second = json.loads(aws.secret)
    assert first["previous"] == ""
    assert second["previous"] == first["current"] != second["current"]
