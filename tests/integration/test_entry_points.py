"""The deployed API and event handler: what they take and refuse, as contracts/openapi.yaml and asyncapi.yaml document it."""

import json
import secrets
from typing import Any
from urllib.parse import quote

import pytest

from contracts.shapes import Verification
from local.stack import Stack
from operations.deployed.signed_calls import ApiAnswer
from tests.integration import calls
from tests.integration.conftest import late_link, moment, send_link
from tests.sample_events import event
from tests.schemas import body_complaints, complaints, documented

ALL, ONE = "/verifications", "/verifications/{verificationId}"
IDS = {"requestId": "0" * 24, "sessionId": "1" * 24}
UNKNOWN = "0" * 24 + "-" + "1" * 24
#: The schemas of the events, by detail-type.
MESSAGES = {"InstantLinkSent": "instant-link-sent", "VerificationSettled": "verification-settled"}


def assert_documented(answer: ApiAnswer, method: str, path: str) -> None:
    """The document has this status for the operation, and the answer has the body and the headers that it has there."""
    response = documented(method, path, answer.status)
    assert body_complaints(response["content"], answer.body) == [], answer.body
    assert answer.headers["content-type"] == "application/json"
    assert set(response.get("headers", {})) <= {name.title() for name in answer.headers}


def test_a_start_is_stored_before_it_is_answered_and_found_at_once(stack):
    link = send_link(stack)

    started = link.start(correlationId="application-4711")

    item, found = stack.item(link.verification_id), stack.find(link.verification_id)
    assert started.status == 202
    assert_documented(started, "post", ALL)
    assert started.headers["location"] == f"/v1/verifications/{link.verification_id}"
    assert set(started.body) == set(Verification.model_fields)
    assert (started.body["status"], started.body["correlationId"]) == ("WATCHING", "application-4711")
    assert (found.status, found.body) == (200, started.body)
    assert_documented(found, "get", ONE)
    assert item.items() >= {name: value for name, value in started.body.items() if value is not None}.items()
    assert (item["executionName"], item["takeovers"], item["source"]) == (link.verification_id, 0, "API")
    assert item["openVerifications"] == item["deadline"]
    assert item["startId"]
    assert not {"outcome", "publishedAt", "expiresAt", "takeoverLimit"} & set(item)


def test_the_same_start_again_gets_the_verification_and_starts_no_execution(stack):
    link = send_link(stack)
    calls.refuse(stack, calls.START, link.verification_id, 60)
    first = link.start(correlationId="first")

    again = link.start(correlationId="second")

    assert (first.status, again.status, again.body) == (202, 200, first.body)
    assert_documented(again, "post", ALL)
    assert stack.execution(link.verification_id) is None


def test_a_cancel_is_documented_and_refused_where_there_is_another_outcome(stack):
    open_link, clicked = send_link(stack), late_link(stack, 200, {"answer": "clicked"})
    open_link.start()
    item = clicked.settled()

    cancelled, refused = stack.cancel(open_link.verification_id), stack.cancel(clicked.verification_id)

    assert (cancelled.status, cancelled.body["outcome"]) == (200, "CANCELLED")
    assert (refused.status, refused.body["outcome"]) == (409, "LINK_CLICKED")
    assert_documented(cancelled, "delete", ONE)
    assert_documented(refused, "delete", ONE)
    assert stack.item(clicked.verification_id) == item
    assert stack.execution(f"{clicked.verification_id}-cancel") is None


def test_behind_a_custom_domain_with_a_base_path_the_location_is_under_it(stack):
    link = send_link(stack)
    proxied = event("verifications-api-post")
    proxied["path"] = proxied["requestContext"]["path"] = "/links/verifications"
    proxied["requestContext"] |= {
        "requestId": secrets.token_hex(8),
        "requestTimeEpoch": round(stack.clock.now_ms()),
        "domainName": "api.example.com",
    }
    proxied["body"] = json.dumps(link.fields)

    answer = stack.invoke("VerificationsApi", json.dumps(proxied))

    started = json.loads(answer["Payload"].read())
    assert started["statusCode"] == 202
    assert started["headers"]["Location"] == f"/links/verifications/{link.verification_id}"
    assert stack.item(link.verification_id)


def test_both_events_are_those_of_the_asyncapi_document(stack):
    sqs, events, where = stack.client("sqs"), stack.client("events"), {"EventBusName": stack.outputs.BusName}
    url = sqs.create_queue(QueueName="both-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="both-events", EventPattern=json.dumps({"detail-type": list(MESSAGES)}), **where)
    events.put_targets(Rule="both-events", Targets=[{"Id": "queue", "Arn": arn}], **where)
    link = late_link(stack, 200, {"answer": "clicked"}, entry_point="event")
    link.settled()
    link.event()

    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]

    received = [json.loads(message["Body"]) for message in messages]
    mine = {each["detail-type"]: each for each in received if each["detail"]["requestId"] == link.request_id}
    assert set(mine) == set(MESSAGES)
    assert [complaint for name, each in mine.items() for complaint in complaints(MESSAGES[name], each)] == []


# ── What the API refuses ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unsigned_call_is_refused(stack):
    link = send_link(stack)

    answer = stack.call_api("POST", ALL, link.fields, signed=False)

    assert answer.status == 403
    assert stack.item(link.verification_id) is None


#: Path in the document, method, what is asked for, body, status
REFUSED = {
    "a bad field": (ALL, "post", ALL, {**IDS, "phoneNumber": "+15550001111"}, 400),
    "no body": (ALL, "post", ALL, "", 400),
    "deep nesting": (ALL, "post", ALL, "[" * 4000, 400),
    "half a character": (ALL, "post", ALL, '{"requestId": "\\ud800"}', 400),
    "a body that is too large": (ALL, "post", ALL, "x" * 1_000_000, 413),
    "a malformed id": (ONE, "get", f"{ALL}/4711", None, 400),
    "an unknown id": (ONE, "get", f"{ALL}/{UNKNOWN}", None, 404),
    "a cancel of a malformed id": (ONE, "delete", f"{ALL}/4711", None, 400),
    "a cancel of an unknown id": (ONE, "delete", f"{ALL}/{UNKNOWN}", None, 404),
    "a search for nothing": (ALL, "get", ALL, None, 400),
    "a search with a forged next": (ALL, "get", f"{ALL}?correlationId=a&next=forged", None, 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_request_is_answered_as_documented_and_without_its_values(name, stack):
    path, method, asked_for, body, status = REFUSED[name]

    answer = stack.call_api(method.upper(), asked_for, body)

    assert answer.status == status
    assert_documented(answer, method, path)
    assert "5550001111" not in json.dumps(answer.body)


# ── Finding verifications by a correlationId ──────────────────────────────────────────────────────────────────────────


def pages(stack: Stack, correlation_id: str) -> list[list[dict[str, Any]]]:
    found, following = [], ""
    while True:
        answer = stack.call_api("GET", f"{ALL}?correlationId={quote(correlation_id, safe='')}{following}")
        assert answer.status == 200, answer.body
        assert_documented(answer, "get", ALL)
        found.append(answer.body["verifications"])
        if answer.body["next"] is None:
            return found
        following = f"&next={answer.body['next']}"


def test_sixty_verifications_are_two_pages_newest_link_first(stack):
    correlation_id = f"sixty-{secrets.token_hex(8)}"
    template = stack.client("dynamodb").get_item(
        TableName=stack.outputs.TableName,
        Key={"verificationId": {"S": late_link(stack, 400).settled()["verificationId"]}},
    )["Item"]
    numbers = [number * 37 % 60 for number in range(60)]  # in no order
    for number in numbers:
        texts = {
            "verificationId": f"{number:024x}-{secrets.token_hex(12)}",
            "correlationId": correlation_id,
            "linkSentAt": f"2026-11-23T10:{number // 2:02}:00.000Z",  # two at the same moment
        }
        item = template | {name: {"S": text} for name, text in texts.items()}
        stack.client("dynamodb").put_item(TableName=stack.outputs.TableName, Item=item)

    found = pages(stack, correlation_id)

    shown = [verification for page in found for verification in page]
    sent_at = [verification["linkSentAt"] for verification in shown]
    assert [len(page) for page in found] == [50, 10]
    assert len({verification["verificationId"] for verification in shown}) == 60
    assert sent_at == sorted(sent_at, reverse=True)


def test_verifications_are_found_by_their_correlation_id_as_they_are(stack):
    correlation_id = f"Straße 1+1=2 & 👩‍💻, {secrets.token_hex(4)}"
    older, newer = send_link(stack), send_link(stack)
    older.start(correlationId=correlation_id, linkSentAt=moment(stack, seconds_ago=20))
    newer.put_on_bus(correlationId=correlation_id)
    send_link(stack).start()  # without one, so in no index
    stack.cancel(older.verification_id)

    newer.await_that(lambda: len(pages(stack, correlation_id)[0]) == 2, "both are in the index")

    [found] = pages(stack, correlation_id)
    assert [each["verificationId"] for each in found] == [newer.verification_id, older.verification_id]
    assert found == [stack.find(link.verification_id).body for link in (newer, older)]
