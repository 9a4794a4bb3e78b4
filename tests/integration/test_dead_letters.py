"""Events that the event handler cannot take: malformed ones, and those that the table refuses."""

import json

from local.stack import Stack
from operations.deployed.clock import await_that
from tests.integration import calls
from tests.integration.calls import refuse
from tests.integration.conftest import Link, moment, send_link
from tests.sample_events import link_sent


def dead_letter_of(link: Link) -> dict | None:
    return next(
        (e for e in link.stack.event_queue.dead_letters() if e["detail"].get("sessionId") == link.session_id), None
    )


def test_a_malformed_event_lies_whole_among_the_dead_letters_at_once_and_is_not_tried_again(stack):
    link = send_link(stack)
    detail = {"requestId": "12", "sessionId": link.session_id, "phoneNumber": "+15550001111"}
    stack.put_link_sent(detail)

    letter = await_that(
        lambda: dead_letter_of(link), 30, "it is a dead letter"
    )  # the queue would try again after 150 s

    assert letter["detail"] == detail
    assert {"id", "time", "source", "detail-type"} <= set(letter)
    logged = stack.functions.logs_of("InstantLinkSent")
    assert "5550001111" not in logged
    assert attributes_of(stack, "InstantLinkSentQueue") == {"0"}


def attributes_of(stack, queue: str) -> set[str]:
    """How many messages of a queue wait and are being handled."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = stack.event_queue.url(queue)
    return set(stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())


def test_of_a_mixed_batch_only_what_the_table_refuses_stays_in_the_queue(stack):
    good, refused, malformed = send_link(stack, {"answer": "clicked"}), send_link(stack), send_link(stack)
    refuse(stack, calls.PUT, refused.verification_id, 30)
    bare = link_sent("instant-link-sent-bare")
    details = [{"requestId": link.request_id, "sessionId": link.session_id} for link in (refused, good)]
    details.append({"requestId": "12", "sessionId": malformed.session_id})
    bodies = [json.dumps(bare | {"id": str(n), "time": moment(stack, 1), "detail": d}) for n, d in enumerate(details)]
    records = [{"messageId": name, "body": body} for name, body in zip("abc", bodies, strict=True)]

    answer = stack.functions.invoke("InstantLinkSent", json.dumps({"Records": records}))

    assert json.loads(answer["Payload"].read()) == {"batchItemFailures": [{"itemIdentifier": "a"}]}
    assert stack.item(refused.verification_id) is None
    assert good.settled()["outcome"] == "LINK_CLICKED"
    assert dead_letter_of(malformed)


def test_dead_letters_are_sent_again_from_the_queue(stack):
    link = send_link(stack, {"answer": "clicked"})
    event = link_sent("instant-link-sent-bare")
    event |= {"time": moment(stack, 1), "detail": {"requestId": link.request_id, "sessionId": link.session_id}}
    url = stack.event_queue.url("InstantLinkSentDeadLetters")
    stack.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(event))

    redrive(stack)

    assert link.settled()["outcome"] == "LINK_CLICKED"


def redrive(stack: Stack) -> None:
    """Sends the dead letters to the queue again, as StartMessageMoveTask does on AWS. The emulator has no such call."""
    sqs, dead_letters = stack.client("sqs"), stack.event_queue.url("InstantLinkSentDeadLetters")
    received: list[dict] = []
    while got := sqs.receive_message(QueueUrl=dead_letters, MaxNumberOfMessages=10, VisibilityTimeout=600).get(
        "Messages"
    ):
        received += got  # all of them first: a malformed event comes back
    for message in received:
        sqs.send_message(QueueUrl=stack.event_queue.url("InstantLinkSentQueue"), MessageBody=message["Body"])
        sqs.delete_message(QueueUrl=dead_letters, ReceiptHandle=message["ReceiptHandle"])
