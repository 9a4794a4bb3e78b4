"""The entry points' longest chains of calls, with all their tries, end before their functions' time-outs."""

import json
from types import ModuleType
from typing import Any

import pytest

from linkwatch.find_request import next_after
from tests.sample_events import event
from tests.unit.fake_aws import Context
from tests.unit.time_outs import seconds_at_most

ID = "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"
#: The functions' time-outs; API Gateway waits for 29 s. As in template.yaml.
API_SECONDS, EVENT_SECONDS, BATCH_SIZE = 28, 40, 3
#: The most calls that each route makes, in order.
ROUTES = {
    "post": ["PutItem", "StartExecution"],
    "get": ["GetItem"],
    "delete": ["UpdateItem", "StartExecution", "StopExecution"],
    "search": ["GetItem", "Query", "BatchGetItem", "BatchGetItem"],
}


@pytest.fixture
def api(aws):  # noqa: ARG001  its environment
    import verifications_api  # noqa: PLC0415  it reads the environment when it is imported

    return verifications_api


@pytest.fixture
def event_handler(aws):  # noqa: ARG001
    import instant_link_sent  # noqa: PLC0415

    return instant_link_sent


def sum_of(calls: list[str], handler: ModuleType) -> float:
    clients = [handler.step_functions if call.endswith("Execution") else handler.dynamodb for call in calls]
    return sum(map(seconds_at_most, clients))


def asked_for(route: str) -> dict[str, Any]:
    given = event(f"verifications-api-{route}")
    if route == "search":
        given["multiValueQueryStringParameters"]["next"] = [next_after(ID)]
    return given


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_of_the_api_ends_before_its_function_does(route, api, aws):
    if route != "post":
        start = json.loads(event("verifications-api-post")["body"])
        earlier = start | {"sessionId": "0" * 24, "linkSentAt": "2026-11-23T09:00:00Z"}
        for body in (start, earlier):
            api.handler(event("verifications-api-post") | {"body": json.dumps(body)}, Context())
    aws.unprocessed = 1
    aws.called.clear()

    answer = api.handler(asked_for(route), Context())

    assert answer["statusCode"] in {200, 202}
    assert aws.called == ROUTES[route]
    assert sum_of(ROUTES[route], api) < API_SECONDS


def test_a_batch_of_events_ends_before_its_function_does(event_handler, aws):
    event_handler.handler(event("instant-link-sent"), Context())

    assert aws.called == ["PutItem", "StartExecution"]
    of_events = BATCH_SIZE * sum_of(aws.called, event_handler)
    assert of_events + seconds_at_most(event_handler.sqs) < EVENT_SECONDS


def test_a_malformed_event_takes_no_longer_than_a_start(event_handler):
    assert seconds_at_most(event_handler.sqs) <= sum_of(["PutItem", "StartExecution"], event_handler)


@pytest.mark.parametrize("client", ["step_functions", "dynamodb", "sqs"])
def test_the_event_handler_tries_twice_and_keeps_its_connections_alive(client, event_handler):
    config = getattr(event_handler, client).meta.config

    assert (config.retries["total_max_attempts"], config.tcp_keepalive) == (2, True)
    assert seconds_at_most(getattr(event_handler, client)) == 5
