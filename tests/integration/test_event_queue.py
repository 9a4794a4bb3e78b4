"""Events from the queue: malformed ones, times that their sender wrote, and events that come back."""

import json
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Any

import pytest

from local.stack import Stack
from tests.integration import calls
from tests.integration.calls import refuse
from tests.integration.conftest import Link, assert_finished, measured, moment, send_link, start_all
from tests.sample_events import link_sent

QUEUE, DEAD_LETTERS = "InstantLinkSentQueue", "InstantLinkSentDeadLetters"
CLICKED = {"answer": "clicked"}


def event_of(link: Link, seconds_ago: float = 1, **fields: Any) -> dict[str, Any]:
    """An event as EventBridge puts it into the queue, whose sender wrote this time."""
    event = link_sent() | {"time": moment(link.stack, seconds_ago).replace("+00:00", "Z")}
    return event | {"id": link.verification_id, "detail": {**link.fields, **fields}}


def put_into_queue(stack: Stack, body: str, queue: str = QUEUE) -> None:
    stack.client("sqs").send_message(QueueUrl=stack.physical_id(queue), MessageBody=body)


def await_dead_letter(link: Link) -> dict[str, Any]:
    """The dead letter about a link."""

    def found() -> dict[str, Any] | None:
        letters = link.stack.dead_letters()
        return next((letter for letter in letters if letter["detail"].get("sessionId") == link.session_id), None)

    return link.await_that(found, "it is a dead letter")


@pytest.fixture(scope="module", autouse=True)
def sent(stack) -> dict[str, Future[Link]]:
    """Events that are watched in the end, all at once."""

    def from_five_hours_ago() -> Link:
        link = send_link(stack, CLICKED)
        put_into_queue(stack, json.dumps(event_of(link, seconds_ago=5 * 3600)))
        return link

    def with_5000_digits() -> Link:
        link = send_link(stack, CLICKED)
        put_into_queue(stack, json.dumps(event_of(link, amount="NUMBER")).replace('"NUMBER"', "9" * 5000))
        return link

    def refused_for_seconds() -> Link:
        returned, link = measured(stack, "InstantLinkSent", "EventsReturned"), send_link(stack, CLICKED)
        refuse(stack, calls.PUT, link.verification_id, 300, times=calls.TRIES)
        link.put_on_bus()
        link.await_that(
            lambda: measured(stack, "InstantLinkSent", "EventsReturned") > returned, "EventsReturned is counted"
        )
        return link

    acts: list[Callable[[], Link]] = [refused_for_seconds, from_five_hours_ago, with_5000_digits]
    return start_all({act.__name__: act for act in acts})


def test_a_malformed_event_is_a_dead_letter_at_once_and_whole(stack):
    link = send_link(stack)
    detail = {"requestId": "12", "sessionId": link.session_id, "phoneNumber": "+15550001111"}
    stack.put_link_sent(detail)

    letter = await_dead_letter(link)

    assert letter["detail"] == detail
    assert {"id", "time", "source", "detail-type"} <= set(letter)
    assert "5550001111" not in stack.logs_of("InstantLinkSent")


def test_an_event_from_two_hours_ahead_is_a_dead_letter_and_starts_nothing(stack):
    link = send_link(stack)
    put_into_queue(stack, json.dumps(event_of(link, seconds_ago=-7200)))

    await_dead_letter(link)

    assert stack.item(link.verification_id) is None
    assert stack.execution(link.verification_id) is None


def test_only_what_the_table_refuses_stays_in_the_queue(stack):
    good, refused, malformed = send_link(stack, CLICKED), send_link(stack), send_link(stack)
    refuse(stack, calls.PUT, refused.verification_id, 30)
    events = [event_of(refused), event_of(good), event_of(malformed, requestId="12")]
    sent_at = str(round(stack.clock.now_ms()))
    attributes = {"SentTimestamp": sent_at, "ApproximateReceiveCount": "1"}
    records = [
        {"messageId": name, "receiptHandle": name, "attributes": attributes, "body": json.dumps(event)}
        for name, event in zip("abc", events, strict=True)
    ]

    answer = stack.invoke("InstantLinkSent", json.dumps({"Records": records}))

    assert json.loads(answer["Payload"].read()) == {"batchItemFailures": [{"itemIdentifier": "a"}]}
    assert stack.item(refused.verification_id) is None
    assert stack.item(good.verification_id)
    await_dead_letter(malformed)


def test_an_event_from_five_hours_ago_is_started_too_late_and_not_checked(sent):
    link = sent["from_five_hours_ago"].result()

    item = assert_finished(link, "UNKNOWN", "STARTED_TOO_LATE")

    assert (item["checks"], link.checks_at()) == (0, [])


def test_an_unknown_field_with_a_number_of_5000_digits_is_ignored(sent):
    assert_finished(sent["with_5000_digits"].result(), "LINK_CLICKED")


def test_an_event_that_the_table_refuses_for_seconds_is_watched_within_the_window(stack, sent):
    link = sent["refused_for_seconds"].result()

    item = assert_finished(link, "LINK_CLICKED")

    began = stack.execution(link.verification_id)["startDate"]
    # It comes back after 10 s, and where that is too early after 20 s more.
    assert began - datetime.fromisoformat(item["startedAt"]) < timedelta(seconds=60)


def test_dead_letters_can_be_sent_to_the_queue_again(stack):
    link = send_link(stack, CLICKED)
    put_into_queue(stack, json.dumps(event_of(link)), DEAD_LETTERS)

    redrive(stack)

    link.await_that(lambda: stack.item(link.verification_id), "the event handler has put it")


def redrive(stack: Stack) -> None:
    """Sends the dead letters to the queue again, as StartMessageMoveTask does on AWS. The emulator has no such call."""
    sqs, url = stack.client("sqs"), stack.physical_id(DEAD_LETTERS)
    options = {"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600}
    received: list[dict[str, Any]] = []
    while got := sqs.receive_message(**options).get("Messages"):
        received += got  # all of them first: a malformed event becomes a dead letter again
    for message in received:
        put_into_queue(stack, message["Body"])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
