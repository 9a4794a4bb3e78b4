"""The entry points' longest chains of calls, with all their tries, end before their functions' time-outs."""

import json
from types import ModuleType
from typing import Any

import pytest

from linkwatch.find_request import next_after
from tests.definition.engine.definition import RESOURCES
from tests.sample_events import event
from tests.unit.fake_aws import Context

ID = "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"
#: API Gateway waits for so long.
GATEWAY_SECONDS = 29
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


def properties_of(function: str) -> dict[str, Any]:
    return RESOURCES[function]["Properties"]


def seconds_at_most(client: Any) -> float:
    """All tries of one call and the back-offs between them. Each back-off is at most 1 s, 2 s, 4 s …
    (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).

    Not in the sum: the resolution of a name; further addresses of a name, each of which has the connect time-out of its own;
    and what a service asks for by x-amz-retry-after.
    """
    config = client.meta.config
    assert config.retries["mode"] == "standard"
    tries = config.retries["total_max_attempts"]
    return tries * (config.connect_timeout + config.read_timeout) + sum(2**n for n in range(tries - 1))


def sum_of(calls: list[str], handler: ModuleType) -> float:
    clients = [handler.step_functions if call.endswith("Execution") else handler.dynamodb for call in calls]
    return sum(map(seconds_at_most, clients))


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_of_the_api_ends_before_its_function_does(route, api, aws):
    if route != "post":
        start = json.loads(event("verifications-api-post")["body"])
        earlier = start | {"sessionId": "0" * 24, "linkSentAt": "2026-11-23T09:00:00Z"}
        for body in (start, earlier):
            api.handler(event("verifications-api-post") | {"body": json.dumps(body)}, Context())
    request = event(f"verifications-api-{route}")
    if route == "search":
        request["multiValueQueryStringParameters"]["next"] = [next_after(ID)]
    aws.unprocessed = 1
    aws.called.clear()

    answer = api.handler(request, Context())

    assert answer["statusCode"] in {200, 202}
    assert aws.called == ROUTES[route]
    assert sum_of(aws.called, api) < properties_of("VerificationsApi")["Timeout"] < GATEWAY_SECONDS


def test_a_batch_of_events_ends_before_its_function_does(event_handler, aws):
    event_handler.handler(event("instant-link-sent"), Context())

    assert aws.called == ["PutItem", "StartExecution"]
    start, dead_letter = sum_of(aws.called, event_handler), seconds_at_most(event_handler.sqs)
    assert dead_letter <= start
    handler = properties_of("InstantLinkSent")
    batch_size = handler["Events"]["OnQueue"]["Properties"]["BatchSize"]
    assert batch_size * start + dead_letter < handler["Timeout"]


@pytest.mark.parametrize("client", ["step_functions", "dynamodb", "sqs"])
def test_the_event_handler_tries_twice_and_keeps_its_connections_alive(client, event_handler):
    config = getattr(event_handler, client).meta.config

    assert (config.retries["total_max_attempts"], config.tcp_keepalive) == (2, True)
    assert seconds_at_most(getattr(event_handler, client)) == 5
