"""The deployed API and the bus: what they take and refuse, as contracts/openapi.yaml documents it."""

import json
import secrets
from typing import Any
from urllib.parse import quote

import pytest

from contracts.shapes import Verification
from local.stack import Stack
from operations.deployed.signed_calls import ApiAnswer
from tests.integration.conftest import Link, first_answer, late_link, send_link
from tests.schemas import body_complaints, documented

ALL, ONE = "/verifications", "/verifications/{verificationId}"
IDS = {"requestId": "0" * 24, "sessionId": "1" * 24}
UNKNOWN = "0" * 24 + "-" + "1" * 24


def assert_documented(answer: ApiAnswer, method: str, path: str) -> None:
    """The document has this status for the operation, and the answer has the body and the headers that it has there."""
    response = documented(method, path, answer.status)
    assert body_complaints(response["content"], answer.body) == [], answer.body
    assert answer.headers["content-type"] == "application/json"
    assert set(response.get("headers", {})) <= {name.title() for name in answer.headers}


def test_a_start_is_stored_before_it_is_answered_and_found_at_once(stack):
    link, started = first_answer(stack, correlationId="application-4711")

    item, found = stack.item(link.verification_id), link.answered(lambda: stack.find(link.verification_id))
    assert started.status == 202
    assert_documented(started, "post", ALL)
    assert started.headers["location"] == f"/v1/verifications/{link.verification_id}"
    assert set(started.body) == set(Verification.model_fields)
    assert (started.body["status"], started.body["correlationId"]) == ("WATCHING", "application-4711")
    assert_documented(found, "get", ONE)
    assert (found.status, found.body["deadline"]) == (200, started.body["deadline"])
    assert (item["deadline"], item["executionName"], item["source"]) == (
        started.body["deadline"],
        link.verification_id,
        "API",
    )


def test_the_same_start_again_gets_the_verification_as_it_is(stack):
    link = send_link(stack)
    link.start_by("api", correlationId="first")
    shown = link.shown()

    again = link.start(correlationId="second")

    assert (again.status, again.body, shown["correlationId"]) == (200, shown, "first")
    assert_documented(again, "post", ALL)


def test_a_cancel_is_documented_and_refused_where_there_is_another_outcome(stack):
    watched, clicked = late_link(stack, 0), late_link(stack, 0, {"answer": "clicked"})
    item = clicked.settled()

    cancelled, refused = watched.cancel(), clicked.cancel()

    assert (cancelled.status, cancelled.body["outcome"]) == (200, "CANCELLED")
    assert (refused.status, refused.body["outcome"]) == (409, "LINK_CLICKED")
    assert_documented(cancelled, "delete", ONE)
    assert_documented(refused, "delete", ONE)
    assert stack.item(clicked.verification_id) == item


# ── What the API refuses ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unsigned_call_is_refused(stack):
    link = send_link(stack)

    answer = stack.call_api("POST", ALL, link.fields, signed=False)

    assert answer.status == 403
    assert stack.item(link.verification_id) is None


#: Path in the document, method, what is asked for, body, status
REFUSED = {
    "a bad field": (ALL, "post", ALL, {**IDS, "phoneNumber": "+15550001111"}, 400),
    "a body that is too large": (ALL, "post", ALL, "x" * 1_000_000, 413),
    "a malformed id": (ONE, "get", f"{ALL}/4711", None, 400),
    "an unknown id": (ONE, "get", f"{ALL}/{UNKNOWN}", None, 404),
    "a cancel of an unknown id": (ONE, "delete", f"{ALL}/{UNKNOWN}", None, 404),
    "a search with a forged next": (ALL, "get", f"{ALL}?correlationId=a&next=forged", None, 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_request_is_answered_as_documented_and_without_its_values(name, stack):
    path, method, asked_for, body, status = REFUSED[name]

    answer = send_link(stack).answered(lambda: stack.call_api(method.upper(), asked_for, body))

    assert answer.status == status
    assert_documented(answer, method, path)
    assert "5550001111" not in json.dumps(answer.body)


# ── Finding verifications by a correlationId ──────────────────────────────────────────────────────────────────────────


def pages(link: Link, correlation_id: str) -> list[list[dict[str, Any]]]:
    found, following = [], ""
    while True:
        path = f"{ALL}?correlationId={quote(correlation_id, safe='')}{following}"
        answer = link.answered(lambda path=path: link.stack.call_api("GET", path))
        assert answer.status == 200, answer.body
        assert_documented(answer, "get", ALL)
        found.append(answer.body["verifications"])
        if answer.body["next"] is None:
            return found
        following = f"&next={answer.body['next']}"


def test_verifications_are_found_by_their_correlation_id_in_pages_newest_link_first(stack):
    correlation_id = f"Straße 1+1=2 & 👩‍💻, {secrets.token_hex(4)}"
    older, newer = send_link(stack, seconds_ago=20), send_link(stack)
    older.start_by("api", correlationId=correlation_id)
    newer.start_by("event", correlationId=correlation_id)
    send_link(stack).start()  # without one, so in no index
    copy_fifty_times(stack, older)

    newer.await_that(lambda: sum(map(len, pages(newer, correlation_id))) == 52, "all are in the index")

    first, second = pages(newer, correlation_id)
    shown = [verification["verificationId"] for verification in first + second]
    sent_at = [verification["linkSentAt"] for verification in first + second]
    assert len(first) == 50
    assert shown[:2] == [newer.verification_id, older.verification_id]
    assert len(set(shown)) == 52
    assert sent_at == sorted(sent_at, reverse=True)


def copy_fifty_times(stack: Stack, link: Link) -> None:
    """Puts items of earlier links, which nobody watches; two at a time were sent at the same moment."""
    table, dynamodb = stack.outputs.TableName, stack.client("dynamodb")
    item = dynamodb.get_item(TableName=table, Key={"verificationId": {"S": link.verification_id}})["Item"]
    del item["openVerifications"]
    for number in range(50):
        verification_id = {"S": f"{number * 37 % 50:024x}-{secrets.token_hex(12)}"}  # in no order
        sent_at = {"S": f"2026-11-23T10:{number // 2:02}:00.000Z"}
        dynamodb.put_item(TableName=table, Item=item | {"verificationId": verification_id, "linkSentAt": sent_at})
