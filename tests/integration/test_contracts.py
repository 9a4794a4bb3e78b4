"""The deployed API answers as contracts/openapi.yaml says, and what comes over the bus keeps its schema."""

import json

import pytest
from jsonschema import Draft202012Validator

from contracts import asyncapi, openapi
from contracts.shapes import Settled, Verification
from operations.deployed.signed_calls import ApiAnswer
from tests.integration import calls
from tests.integration.conftest import send_link
from tests.unit.test_asyncapi import event_complaints
from tests.unit.test_contracts import complaints

DOCUMENT = openapi.document()
UNKNOWN = "0" * 24 + "-" + "1" * 24


def is_documented(answer: ApiAnswer, method: str, path: str) -> bool:
    """Whether the document has this status for the operation, and the body keeps the schema that it has there."""
    documented = DOCUMENT["paths"][path][method]["responses"][str(answer.status)]
    schema = {**documented["content"]["application/json"]["schema"], "components": DOCUMENT["components"]}
    errors = [error.message for error in Draft202012Validator(schema).iter_errors(answer.body)]
    assert errors == [], answer.body
    assert answer.headers["content-type"] == "application/json"
    return set(documented.get("headers", {})) <= {name.title() for name in answer.headers}


@pytest.fixture(scope="module")
def link(stack):
    return send_link(stack, {"answer": "clicked"})


def test_a_start_is_answered_as_documented_the_first_time_and_again(link):
    first, second = link.start(correlationId="contracts"), link.start()

    assert (first.status, second.status) == (202, 200)
    assert is_documented(first, "post", "/verifications")
    assert is_documented(second, "post", "/verifications")
    assert set(first.body) == set(second.body) == set(Verification.model_fields)


@pytest.mark.parametrize(
    ("body", "status"),
    [({"requestId": "12"}, 400), ("no JSON", 400), ({"requestId": "a" * 9000}, 413)],
    ids=["bad fields", "no JSON", "too large"],
)
def test_a_bad_start_is_answered_as_documented(stack, body, status):
    answer = stack.call_api("POST", "/verifications", body)

    assert answer.status == status
    assert is_documented(answer, "post", "/verifications")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(("verification_id", "status"), [(UNKNOWN, 404), ("nonsense", 400)])
def test_what_there_is_not_is_answered_as_documented(stack, method, verification_id, status):
    answer = stack.call_api(method, f"/verifications/{verification_id}")

    assert answer.status == status
    assert is_documented(answer, method.lower(), "/verifications/{verificationId}")


def test_a_settled_verification_is_shown_and_not_cancelled_as_documented(link):
    link.settled()

    found, cancelled = link.stack.find(link.verification_id), link.stack.cancel(link.verification_id)

    assert (found.status, cancelled.status) == (200, 409)
    assert is_documented(found, "get", "/verifications/{verificationId}")
    assert is_documented(cancelled, "delete", "/verifications/{verificationId}")
    assert found.body["result"]


def test_a_cancel_is_answered_as_documented(stack):
    link = send_link(stack)
    link.start()

    first, again = stack.cancel(link.verification_id), stack.cancel(link.verification_id)

    assert (first.status, again.status) == (200, 200)
    assert is_documented(first, "delete", "/verifications/{verificationId}")
    assert is_documented(again, "delete", "/verifications/{verificationId}")


def test_a_start_that_the_table_refuses_is_answered_as_documented(stack):
    link = send_link(stack)
    calls.refuse(stack, calls.PUT, link.verification_id, 30)

    answer = link.start()

    assert answer.status == 503
    assert is_documented(answer, "post", "/verifications")


def test_the_outcome_event_as_it_comes_over_the_bus_keeps_its_schema(link):
    link.settled()

    event = link.event()

    assert complaints("verification-settled", event) == []
    assert set(event["detail"]) == set(Settled.model_fields)


def test_both_events_as_they_come_over_the_bus_are_those_of_the_asyncapi_document(stack):
    sqs, events, where = stack.client("sqs"), stack.client("events"), {"EventBusName": stack.outputs.BusName}
    url = sqs.create_queue(QueueName="both-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="both-events", EventPattern=json.dumps({"detail-type": list(asyncapi.MESSAGES)}), **where)
    events.put_targets(Rule="both-events", Targets=[{"Id": "queue", "Arn": arn}], **where)
    link = send_link(stack, {"answer": "clicked"})

    link.put_on_bus(correlationId="both")
    link.settled()
    link.event()

    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    came = [json.loads(message["Body"]) for message in messages]
    mine = {event["detail-type"]: event for event in came if event["detail"]["requestId"] == link.request_id}
    assert set(mine) == set(asyncapi.MESSAGES)
    assert [complaint for name, event in mine.items() for complaint in event_complaints(name, event)] == []
