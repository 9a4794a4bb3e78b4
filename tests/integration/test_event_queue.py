"""Events from the bus through their queue: malformed ones, late ones, and those that come back."""

import json
from typing import Any

from tests.integration import calls
from tests.integration.calls import TRIES, refuse
from tests.integration.conftest import Link, assert_finished, measured, send_link
from tests.sample_events import link_sent

CLICKED = {"answer": "clicked"}


def test_a_malformed_event_is_a_dead_letter_at_once_and_whole(stack):
    link = send_link(stack)
    detail = {"requestId": "12", "sessionId": link.session_id, "phoneNumber": "+15550001111"}
    stack.put_link_sent(detail)

    letter = await_dead_letter(link)

    assert letter["detail"] == detail
    assert {"id", "time", "source", "detail-type"} <= set(letter)
    assert "5550001111" not in stack.logs_of("InstantLinkSent")


def await_dead_letter(link: Link) -> dict[str, Any]:
    """The dead letter about a link."""

    def found() -> dict[str, Any] | None:
        letters = link.stack.dead_letters()
        return next((letter for letter in letters if letter["detail"].get("sessionId") == link.session_id), None)

    return link.await_that(found, "it is a dead letter")


def test_an_event_that_was_sent_after_the_deadline_is_started_too_late_and_not_checked(stack):
    link = send_link(stack, CLICKED)
    event = link_sent() | {"id": link.verification_id, "time": "2026-01-01T00:00:00Z", "detail": link.fields}
    url = stack.physical_id("InstantLinkSentQueue")
    stack.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(event))

    item = assert_finished(link, "UNKNOWN", "STARTED_TOO_LATE")

    assert (item["source"], item["checks"], link.checks_at()) == ("EVENT", 0, [])


def test_an_event_that_the_table_refuses_comes_back_and_is_watched(stack):
    returned, link = measured(stack, "InstantLinkSent", "EventsReturned"), send_link(stack, CLICKED)
    refuse(stack, calls.PUT, link.verification_id, 3600, times=TRIES)

    link.put_on_bus()

    assert_finished(link, "LINK_CLICKED")
    link.await_that(
        lambda: measured(stack, "InstantLinkSent", "EventsReturned") > returned, "EventsReturned is counted"
    )
