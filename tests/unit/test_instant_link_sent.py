"""The event handler takes a batch of the queue's messages, and leaves in the queue what is worth another try."""

import json

import pytest

from tests.sample_events import event, link_sent
from tests.unit.fake_aws import Context, metrics_in

EVENT = link_sent()
ID = "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"


def batch(*bodies: object) -> dict:
    return {
        "Records": [
            {"messageId": f"message-{number}", "body": body if isinstance(body, str) else json.dumps(body)}
            for number, body in enumerate(bodies)
        ]
    }


def left_in_queue(*messages: str) -> dict:
    return {"batchItemFailures": [{"itemIdentifier": message} for message in messages]}


@pytest.fixture
def handle(aws):  # noqa: ARG001  its environment
    import instant_link_sent  # noqa: PLC0415  it reads the environment when it is imported

    return lambda event: instant_link_sent.handler(event, Context())


@pytest.mark.parametrize("name", ["instant-link-sent", "instant-link-sent-bare", "instant-link-sent-malformed"])
def test_the_sample_batches_are_what_the_queue_gives(name, handle, aws):
    assert handle(event(name)) == left_in_queue()

    assert (list(aws.table.items), len(aws.messages)) == (([], 1) if "malformed" in name else ([ID], 0))


def test_an_event_is_a_start(handle, aws, capsys):
    assert handle(batch(EVENT)) == left_in_queue()

    item = aws.table.items[ID]
    assert (item["source"], item["startId"], item["correlationId"]) == (
        {"S": "EVENT"},
        {"S": EVENT["id"]},
        {"S": "application-4711"},
    )
    assert (item["startedAt"], item["deadline"]) == (
        {"S": "2026-11-23T10:00:00.000Z"},
        {"S": "2026-11-23T10:05:00.000Z"},
    )
    assert json.loads(aws.executions[ID]["input"]) == {"verificationId": ID}
    assert not metrics_in(capsys.readouterr().out)


def test_the_time_of_the_event_is_that_of_the_link_where_it_names_none(handle, aws):
    detail = {name: value for name, value in EVENT["detail"].items() if name != "linkSentAt"}

    handle(batch(EVENT | {"detail": detail, "time": "2026-11-23T10:00:07Z"}))

    assert aws.table.items[ID]["linkSentAt"] == {"S": "2026-11-23T10:00:07.000Z"}


def test_an_event_that_comes_twice_is_one_start(handle, aws):
    assert handle(batch(EVENT, EVENT)) == left_in_queue()

    assert list(aws.executions) == [ID]


def test_a_start_that_step_functions_does_not_take_is_deferred(handle, aws, capsys):
    aws.refused = {"StartExecution"}

    assert handle(batch(EVENT)) == left_in_queue()

    assert metrics_in(capsys.readouterr().out) == {("StartsDeferred", "service=linkwatch"): 1}


def test_an_event_that_the_table_does_not_take_stays_in_the_queue(handle, aws):
    aws.refused = {"PutItem"}

    assert handle(batch(EVENT)) == left_in_queue("message-0")
    assert aws.messages == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("no JSON", id="no JSON"),
        pytest.param("[]", id="no object"),
        pytest.param({"detail": EVENT["detail"]}, id="no event of EventBridge"),
        pytest.param(EVENT | {"time": "yesterday"}, id="no time"),
        pytest.param(EVENT | {"time": "0001-01-01T00:00:00+14:00"}, id="a time that no clock can show"),
        pytest.param({**EVENT, "detail": {"requestId": "1", "sessionId": "2"}}, id="no ids"),
        pytest.param({**EVENT, "detail": None}, id="no detail"),
    ],
)
def test_a_malformed_event_goes_to_the_dead_letters_whole_and_no_second_time(handle, aws, body):
    event = batch(body)

    assert handle(event) == left_in_queue()

    assert [message["MessageBody"] for message in aws.messages] == [event["Records"][0]["body"]]
    assert aws.messages[0]["QueueUrl"].endswith("/InstantLinkSentDeadLetters")
    assert aws.table.items == {}


def test_a_malformed_event_that_the_dead_letters_do_not_take_stays_in_the_queue(handle, aws):
    aws.refused = {"SendMessage"}

    assert handle(batch("no JSON")) == left_in_queue("message-0")


def test_a_malformed_event_does_not_hold_back_those_beside_it(handle, aws):
    assert handle(batch("no JSON", EVENT)) == left_in_queue()

    assert list(aws.executions) == [ID]
