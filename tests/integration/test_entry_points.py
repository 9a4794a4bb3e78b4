"""The deployed API and event handler: what they take and refuse, as contracts/openapi.yaml and asyncapi.yaml document it."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts import documents
from contracts.shapes import Verification
from operations.deployed.signed_calls import ApiAnswer
from tests.integration import calls
from tests.integration.conftest import assert_finished, late_link, moment, send_link
from tests.sample_events import event
from tests.unit.test_contracts import MESSAGES, event_complaints

DOCUMENT = documents.openapi()
ONE = "/verifications/{verificationId}"


def assert_documented(answer: ApiAnswer, method: str, path: str) -> None:
    """The document has this status for the operation, and the answer has the body and the headers that it has there."""
    documented = DOCUMENT["paths"][path][method]["responses"][str(answer.status)]
    schema = {**documented["content"]["application/json"]["schema"], "components": DOCUMENT["components"]}
    assert [error.message for error in Draft202012Validator(schema).iter_errors(answer.body)] == [], answer.body
    assert answer.headers["content-type"] == "application/json"
    assert set(documented.get("headers", {})) <= {name.title() for name in answer.headers}


def test_a_start_is_stored_before_it_is_answered_and_found_at_once(stack):
    link = send_link(stack)

    started = link.start(correlationId="application-4711")

    item, found = stack.item(link.verification_id), stack.find(link.verification_id)
    assert started.status == 202
    assert_documented(started, "post", "/verifications")
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
    assert_documented(again, "post", "/verifications")
    assert stack.executions.find(link.verification_id) is None


def test_twenty_starts_at_once_through_both_entry_points_make_one_execution(stack):
    link = send_link(stack, {"answer": "clicked"})
    link_sent_at = moment(stack, 1)

    def start(number: int) -> int:
        if number % 2:
            link.put_on_bus(linkSentAt=link_sent_at)
            return 0
        return link.start(linkSentAt=link_sent_at).status

    with ThreadPoolExecutor(4) as pool:  # a new Lambda for each of twenty would take seconds of an accelerated clock
        statuses = list(pool.map(start, range(20)))

    assert set(statuses) <= {0, 200, 202}
    assert statuses.count(202) <= 1
    item = assert_finished(link, "LINK_CLICKED")
    assert (item["executionName"], item["takeovers"]) == (link.verification_id, 0)
    assert len(stack.signzy.requests(link.request_id)) == item["checks"]
    assert len(stack.events(link.verification_id)) == 1


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

    answer = stack.functions.invoke("VerificationsApi", json.dumps(proxied))

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
    assert [complaint for name, each in mine.items() for complaint in event_complaints(name, each)] == []


# ── What the API refuses ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unsigned_call_is_refused(stack):
    link = send_link(stack)

    answer = stack.call_api("POST", "/verifications", link.fields, signed=False)

    assert answer.status == 403
    assert stack.item(link.verification_id) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"requestId": "12"}, "requestId", id="a malformed id"),
        pytest.param({"linkSentAt": "2099-01-01T00:00:00Z"}, "linkSentAt", id="a time in the future"),
        pytest.param({"phoneNumber": "+15550001111"}, "phoneNumber", id="an unknown field"),
    ],
)
def test_a_bad_field_is_named_without_its_value(change, field, stack):
    answer = stack.call_api("POST", "/verifications", {**send_link(stack).fields, **change})

    assert (answer.status, list(answer.body["error"]["fields"])) == (400, [field])
    assert_documented(answer, "post", "/verifications")
    assert "5550001111" not in json.dumps(answer.body)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param("", 400, id="nothing"),
        pytest.param("[" * 4000, 400, id="deep nesting"),
        pytest.param('{"requestId": "\\ud800"}', 400, id="half a character"),
        pytest.param("x" * 1_000_000, 413, id="too large"),
    ],
)
def test_a_malformed_body_is_the_callers_mistake(body, status, stack):
    answer = stack.call_api("POST", "/verifications", body)

    assert answer.status == status
    assert_documented(answer, "post", "/verifications")


@pytest.mark.parametrize("method", ["get", "delete"])
@pytest.mark.parametrize(("verification_id", "status"), [("4711", 400), (f"{'0' * 24}-{'1' * 24}", 404)])
def test_an_unknown_verification_is_not_found(method, verification_id, status, stack):
    answer = stack.call_api(method.upper(), f"/verifications/{verification_id}")

    assert answer.status == status
    assert_documented(answer, method, ONE)


def test_a_cancel_and_its_refusal_are_documented(stack):
    open_link, clicked = send_link(stack), late_link(stack, 200, {"answer": "clicked"})
    open_link.start()
    clicked.settled()
    answers: list[tuple[int, Any]] = [(200, stack.cancel(open_link.verification_id))]
    answers.append((409, stack.cancel(clicked.verification_id)))

    for status, answer in answers:
        assert answer.status == status
        assert_documented(answer, "delete", ONE)


def test_an_unavailable_table_is_documented(stack):
    link = send_link(stack)
    calls.refuse(stack, calls.PUT, link.verification_id, 30)

    answer = link.start()

    assert answer.status == 503
    assert_documented(answer, "post", "/verifications")
