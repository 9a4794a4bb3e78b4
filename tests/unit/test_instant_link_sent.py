"""The event handler starts a verification for each event of a batch, and returns to the queue what it could not store."""

import json
import re

import pytest

from tests.sample_events import event, link_sent
from tests.unit.fake_aws import Function

EVENT = link_sent()
ID = "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"


def batch(*bodies: object, receives: int = 1) -> dict:
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"receipt-{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                # 2026-11-23T10:00:07.250Z
                "attributes": {"SentTimestamp": "1795428007250", "ApproximateReceiveCount": str(receives)},
            }
            for number, body in enumerate(bodies)
        ]
    }


def left_in_queue(*messages: str) -> dict:
    return {"batchItemFailures": [{"itemIdentifier": message} for message in messages]}


@pytest.fixture
def handle(aws, capsys):  # noqa: ARG001  its environment
    return Function("instant_link_sent", capsys)


@pytest.mark.parametrize("name", ["instant-link-sent", "instant-link-sent-bare", "instant-link-sent-malformed"])
def test_the_sample_batches_are_what_the_queue_gives(name, handle, aws):
    assert handle(event(name)) == left_in_queue()

    assert (list(aws.table.items), len(aws.messages)) == (([], 1) if "malformed" in name else ([ID], 0))


def test_an_event_starts_a_verification(handle, aws):
    assert handle(batch(EVENT | {"time": "2026-11-23T09:00:00Z"})) == left_in_queue()

    expected = {
        "source": "EVENT",
        "startId": EVENT["id"],
        "startedBy": "123456789012 onboarding",
        "startedAt": "2026-11-23T10:00:07.250Z",  # when the event entered the queue
        "correlationId": "application-4711",
        "deadline": "2026-11-23T10:05:00.000Z",
    }
    assert {name: aws.table.items[ID][name]["S"] for name in expected} == expected
    assert json.loads(aws.executions[ID]["input"]) == {"verificationId": ID}
    assert handle.metrics == {"Starts": 1}
    (line,) = handle.logged("INFO")
    assert (line["message"], line["startedBy"], line["verificationId"]) == ("Started", "123456789012 onboarding", ID)


@pytest.mark.parametrize(("correlation_id", "warnings"), [("application-4711", []), ("another", ["another"])])
def test_a_second_start_changes_nothing_and_another_correlation_id_is_a_warning(correlation_id, warnings, handle, aws):
    again = EVENT | {"id": "again", "detail": EVENT["detail"] | {"correlationId": correlation_id}}

    assert handle(batch(EVENT, again)) == left_in_queue()

    assert aws.called == ["PutItem", "StartExecution", "PutItem"]
    assert aws.table.items[ID]["correlationId"] == {"S": "application-4711"}
    assert handle.metrics == {"Starts": 1}
    assert [line["correlationId"] for line in handle.logged("WARNING")] == warnings
    assert [line["message"] for line in handle.logged("INFO")] == ["Started", "Known already"]


def test_an_unknown_field_is_ignored_although_python_cannot_read_it(handle, aws):
    value = "[" * 10_000 + "]" * 10_000
    text = json.dumps(EVENT).replace('"detail": {', f'"unknown": {value}, "detail": {{"unknown": {value}, ')

    assert handle(batch(text)) == left_in_queue()

    assert (list(aws.table.items), aws.messages) == ([ID], [])


# ── Malformed events ──────────────────────────────────────────────────────────────────────────────────────────────────

SECRET = "+15550001111"
DETAIL = dict.fromkeys(["requestId", "sessionId", "linkSentAt", SECRET], SECRET) | {"correlationId": SECRET * 20}


@pytest.mark.parametrize(
    "malformed",
    [
        pytest.param(f'{{"id": "{SECRET}"', id="no JSON"),
        pytest.param(EVENT | {"detail": DETAIL, "source": SECRET}, id="every field"),
    ],
)
def test_a_malformed_event_goes_to_the_dead_letters_whole_and_delays_no_other(malformed, handle, aws):
    event = batch(malformed, EVENT)

    assert handle(event) == left_in_queue()

    assert [message["MessageBody"] for message in aws.messages] == [event["Records"][0]["body"]]
    assert list(aws.executions) == [ID]
    assert handle.metrics == {"EventsMalformed": 1, "Starts": 1}
    assert len(handle.logged("ERROR")) == 1
    assert SECRET not in str(handle.lines)


def test_a_malformed_event_that_the_dead_letters_refuse_stays_in_the_queue(handle, aws):
    aws.refused = {"SendMessage"}

    assert handle(batch("no JSON")) == left_in_queue("message-0")

    assert handle.logged("ERROR")[0]["call"] == "SendMessage: AccessDeniedException"


# ── Failures of AWS and of ours ───────────────────────────────────────────────────────────────────────────────────────


def test_a_start_that_step_functions_refuses_is_deferred(handle, aws):
    aws.refused = {"StartExecution"}

    assert handle(batch(EVENT)) == left_in_queue()

    assert handle.metrics == {"Starts": 1, "StartsDeferred": 1}
    assert [line["deferred"] for line in handle.logged("INFO")] == [True]


@pytest.mark.parametrize(("receives", "seconds"), [(1, 10), (2, 20), (5, 160), (6, 240)])
def test_an_event_that_the_table_refuses_returns_to_the_queue_after_pauses_that_double(receives, seconds, handle, aws):
    aws.refused = {"PutItem"}

    assert handle(batch("no JSON", EVENT, EVENT, receives=receives)) == left_in_queue("message-1", "message-2")

    assert aws.visible_in == {"receipt-1": seconds, "receipt-2": seconds}
    calls = [line["call"] for line in handle.logged("ERROR") if "call" in line]
    assert calls == ["PutItem: AccessDeniedException"] * 2
    assert handle.logged("WARNING") == []
    assert handle.metrics == {"EventsMalformed": 1, "EventsReturned": 2}


def test_a_returned_event_waits_for_the_time_out_of_the_queue_where_sqs_refuses(handle, aws):
    aws.refused = {"PutItem", "ChangeMessageVisibilityBatch"}

    assert handle(batch(EVENT)) == left_in_queue("message-0")

    (line,) = handle.logged("WARNING")
    assert line["call"] == "ChangeMessageVisibilityBatch: AccessDeniedException"


def test_a_defect_of_ours_with_one_event_delays_no_other_and_is_logged(handle, aws):
    broken = batch(EVENT, EVENT)
    broken["Records"][0]["attributes"]["SentTimestamp"] = f"{SECRET} seconds"

    assert handle(broken) == left_in_queue("message-0")

    (line,) = handle.logged("ERROR")
    assert (line["messageId"], line["error"]) == ("message-0", "ValueError")
    assert re.fullmatch(r"_start, line \d+", line["place"])
    assert SECRET not in str(handle.lines)
    assert handle.metrics == {"Starts": 1, "EventsReturned": 1}
    assert list(aws.executions) == [ID]
