"""The event handler starts a verification for each event of a batch, and returns to the queue what it could not store."""

import json
import re

import pytest

from tests.sample_events import event, link_sent
from tests.unit.fake_aws import Context, logged_in, metrics_in, print_logs

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
def handle(aws):  # noqa: ARG001  its environment
    import instant_link_sent  # noqa: PLC0415  it reads the environment when it is imported

    def handle(event: dict) -> dict:
        print_logs()
        return instant_link_sent.handler(event, Context())  # pyright: ignore[reportArgumentType]  as much as it reads

    return handle


@pytest.mark.parametrize("name", ["instant-link-sent", "instant-link-sent-bare", "instant-link-sent-malformed"])
def test_the_sample_batches_are_what_the_queue_gives(name, handle, aws):
    assert handle(event(name)) == left_in_queue()

    assert (list(aws.table.items), len(aws.messages)) == (([], 1) if "malformed" in name else ([ID], 0))


def test_an_event_starts_a_verification(handle, aws, capsys):
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
    printed = capsys.readouterr().out
    assert metrics_in(printed) == {"Starts": 1}
    (line,) = logged_in(printed, "INFO")
    assert (line["message"], line["startedBy"], line["verificationId"]) == ("Started", "123456789012 onboarding", ID)


@pytest.mark.parametrize(("correlation_id", "warnings"), [("application-4711", []), ("another", ["another"])])
def test_a_second_start_changes_nothing_and_another_correlation_id_is_a_warning(
    correlation_id, warnings, handle, aws, capsys
):
    again = EVENT | {"id": "again", "detail": EVENT["detail"] | {"correlationId": correlation_id}}

    assert handle(batch(EVENT, again)) == left_in_queue()

    assert aws.called == ["PutItem", "StartExecution", "PutItem"]
    assert aws.table.items[ID]["correlationId"] == {"S": "application-4711"}
    printed = capsys.readouterr().out
    assert metrics_in(printed) == {"Starts": 1}
    assert [line["correlationId"] for line in logged_in(printed, "WARNING")] == warnings
    assert [line["message"] for line in logged_in(printed, "INFO")] == ["Started", "Known already"]


def test_an_unknown_field_is_ignored_although_python_cannot_read_it(handle, aws):
    value = "[" * 10_000 + "]" * 10_000
    text = json.dumps(EVENT).replace('"detail": {', f'"unknown": {value}, "detail": {{"unknown": {value}, ')

    assert handle(batch(text)) == left_in_queue()

    assert (list(aws.table.items), aws.messages) == ([ID], [])


# ── Malformed events ──────────────────────────────────────────────────────────────────────────────────────────────────

SECRET = "+15550001111"
DETAIL = {
    "requestId": SECRET,
    "sessionId": SECRET,
    "linkSentAt": SECRET,
    "correlationId": SECRET * 20,
    SECRET: SECRET,
}


@pytest.mark.parametrize(
    "malformed",
    [
        pytest.param(f'{{"id": "{SECRET}"', id="no JSON"),
        pytest.param(EVENT | {"detail": DETAIL, "source": SECRET}, id="every field"),
    ],
)
def test_a_malformed_event_goes_to_the_dead_letters_whole_and_delays_no_other(malformed, handle, aws, capsys):
    event = batch(malformed, EVENT)

    assert handle(event) == left_in_queue()

    assert [message["MessageBody"] for message in aws.messages] == [event["Records"][0]["body"]]
    assert list(aws.executions) == [ID]
    printed = capsys.readouterr().out
    assert metrics_in(printed) == {"EventsMalformed": 1, "Starts": 1}
    assert len(logged_in(printed, "ERROR")) == 1
    assert SECRET not in printed


def test_a_malformed_event_that_the_dead_letters_refuse_stays_in_the_queue(handle, aws, capsys):
    aws.refused = {"SendMessage"}

    assert handle(batch("no JSON")) == left_in_queue("message-0")

    assert logged_in(capsys.readouterr().out, "ERROR")[0]["call"] == "SendMessage: AccessDeniedException"


# ── Failures of AWS and of ours ───────────────────────────────────────────────────────────────────────────────────────


def test_a_start_that_step_functions_refuses_is_deferred(handle, aws, capsys):
    aws.refused = {"StartExecution"}

    assert handle(batch(EVENT)) == left_in_queue()

    printed = capsys.readouterr().out
    assert metrics_in(printed) == {"Starts": 1, "StartsDeferred": 1}
    assert [line["deferred"] for line in logged_in(printed, "INFO")] == [True]


def test_an_event_that_the_table_refuses_returns_to_the_queue_and_is_logged(handle, aws, capsys):
    aws.refused = {"PutItem"}

    assert handle(batch(EVENT, EVENT)) == left_in_queue("message-0", "message-1")

    printed = capsys.readouterr().out
    assert [line["call"] for line in logged_in(printed, "ERROR")] == ["PutItem: AccessDeniedException"] * 2
    assert logged_in(printed, "WARNING") == []
    assert metrics_in(printed) == {"EventsReturned": 2}
    assert aws.messages == []


@pytest.mark.parametrize(("receives", "seconds"), [(1, 10), (2, 20), (5, 160), (6, 240)], ids=str)
def test_a_returned_event_becomes_visible_after_pauses_that_double(receives, seconds, handle, aws):
    aws.refused = {"PutItem"}

    handle(batch("no JSON", EVENT, receives=receives))

    assert aws.visible_in == {"receipt-1": seconds}


def test_a_returned_event_waits_for_the_time_out_of_the_queue_where_sqs_refuses(handle, aws, capsys):
    aws.refused = {"PutItem", "ChangeMessageVisibilityBatch"}

    assert handle(batch(EVENT)) == left_in_queue("message-0")

    (line,) = logged_in(capsys.readouterr().out, "WARNING")
    assert line["call"] == "ChangeMessageVisibilityBatch: AccessDeniedException"


def test_a_defect_of_ours_with_one_event_delays_no_other_and_is_logged(handle, aws, capsys):
    broken = batch(EVENT, EVENT)
    broken["Records"][0]["attributes"]["SentTimestamp"] = f"{SECRET} seconds"

    assert handle(broken) == left_in_queue("message-0")

    printed = capsys.readouterr().out
    (line,) = logged_in(printed, "ERROR")
    assert (line["messageId"], line["error"]) == ("message-0", "ValueError")
    assert re.fullmatch(r"_start, line \d+", line["place"])
    assert SECRET not in printed
    assert metrics_in(printed) == {"Starts": 1, "EventsReturned": 1}
    assert list(aws.executions) == [ID]
