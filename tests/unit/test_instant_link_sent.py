"""The event handler starts a verification for each event of a batch, and returns to the queue what it could not store."""

import json

import pytest

from tests.sample_events import event, link_sent
from tests.unit.fake_aws import Context, logged_in, metrics_in, print_logs

EVENT = link_sent()
ID = "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"
#: 2026-11-23T10:00:07.250Z
SENT_TIMESTAMP = "1795428007250"


def batch(*bodies: object, receives: int = 1) -> dict:
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": f"receipt-{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"SentTimestamp": SENT_TIMESTAMP, "ApproximateReceiveCount": str(receives)},
            }
            for number, body in enumerate(bodies)
        ]
    }


def without_link_sent_at(**changes: object) -> dict:
    detail = {name: value for name, value in EVENT["detail"].items() if name != "linkSentAt"}
    return EVENT | {"detail": detail} | changes


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


def test_an_event_starts_a_verification(handle, aws, capsys, recwarn):
    assert handle(batch(EVENT)) == left_in_queue()

    expected = {
        "source": "EVENT",
        "startId": EVENT["id"],
        "startedBy": "123456789012 onboarding",
        "correlationId": "application-4711",
        "deadline": "2026-11-23T10:05:00.000Z",
    }
    assert {name: aws.table.items[ID][name]["S"] for name in expected} == expected
    assert {kind for attribute in aws.table.items[ID].values() for kind in attribute} == {"S", "N"}
    assert json.loads(aws.executions[ID]["input"]) == {"verificationId": ID}
    printed = capsys.readouterr().out
    assert metrics_in(printed) == {("Starts", "service=linkwatch"): 1}
    assert not recwarn.list, "Powertools warns where there is no metric to publish"
    assert logged_in(printed, "INFO")[0]["startedBy"] == "123456789012 onboarding"


# ── Which clock ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_start_counts_from_when_the_event_entered_the_queue(handle, aws):
    handle(batch(EVENT | {"time": "2026-11-23T09:00:00Z"}))

    assert aws.table.items[ID]["startedAt"] == {"S": "2026-11-23T10:00:07.250Z"}


@pytest.mark.parametrize(
    ("time", "kept"),
    [
        pytest.param("2026-11-23T10:00:05Z", "2026-11-23T10:00:05.000Z", id="now"),
        pytest.param("2026-11-23T05:00:05Z", "2026-11-23T05:00:05.000Z", id="five hours behind"),
        pytest.param("2026-11-23T10:01:07Z", "2026-11-23T10:01:07.000Z", id="within 60 s ahead"),
    ],
)
def test_the_time_of_the_event_is_the_default_of_link_sent_at(time, kept, handle, aws):
    handle(batch(without_link_sent_at(time=time)))

    assert aws.table.items[ID]["linkSentAt"] == {"S": kept}


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", "2099-01-01T00:00:00Z", "yesterday", None], ids=str)
def test_the_time_of_the_event_is_not_read_where_the_detail_has_link_sent_at(time, handle, aws):
    assert handle(batch(EVENT | {"time": time})) == left_in_queue()

    assert list(aws.table.items) == [ID]


# ── Malformed events ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("no JSON", id="no JSON"),
        pytest.param("[]", id="no object"),
        pytest.param({"detail": EVENT["detail"]}, id="no id"),
        pytest.param(EVENT | {"id": 7}, id="a number as id"),
        pytest.param({**EVENT, "detail": None}, id="no detail"),
        pytest.param({**EVENT, "detail": {"requestId": "1", "sessionId": "2"}}, id="malformed ids"),
        pytest.param({**EVENT, "detail": EVENT["detail"] | {"requestId": "0" * 24}}, id="the id of the probe"),
        pytest.param(without_link_sent_at(time=None), id="no time at all"),
        pytest.param(without_link_sent_at(time="yesterday"), id="no valid time"),
        pytest.param(without_link_sent_at(time="2026-11-23T10:00:00"), id="a time without offset"),
        pytest.param(without_link_sent_at(time="2026-11-23T10:01:08Z"), id="a time 61 s ahead"),
        pytest.param(without_link_sent_at(time="2099-01-01T00:00:00Z"), id="a time years ahead"),
        pytest.param(without_link_sent_at(time="9999-12-31T23:59:59Z"), id="the last time there is"),
        pytest.param(without_link_sent_at(time="0001-01-01T00:00:00+14:00"), id="a time before the first"),
    ],
)
def test_a_malformed_event_goes_to_the_dead_letters_whole_and_at_once(handle, aws, body, capsys):
    event = batch(body)

    assert handle(event) == left_in_queue()

    assert [message["MessageBody"] for message in aws.messages] == [event["Records"][0]["body"]]
    assert aws.table.items == {}
    printed = capsys.readouterr().out
    assert metrics_in(printed) == {("EventsMalformed", "service=linkwatch"): 1}
    assert len(logged_in(printed, "ERROR")) == 1


def test_nothing_of_a_malformed_event_is_logged(handle, capsys):
    secret = "+15550001111"
    detail = {
        "requestId": secret,
        "sessionId": secret,
        "linkSentAt": secret,
        "correlationId": secret * 20,
        secret: secret,
    }

    handle(batch({**EVENT, "detail": detail, "source": secret}, f'{{"id": "{secret}"'))

    assert secret not in capsys.readouterr().out


def test_a_malformed_event_that_the_dead_letters_refuse_stays_in_the_queue(handle, aws, capsys):
    aws.refused = {"SendMessage"}

    assert handle(batch("no JSON")) == left_in_queue("message-0")

    assert logged_in(capsys.readouterr().out, "ERROR")[0]["call"] == "SendMessage: AccessDeniedException"


def test_a_malformed_event_delays_no_other_of_its_batch(handle, aws):
    assert handle(batch("no JSON", EVENT)) == left_in_queue()

    assert list(aws.executions) == [ID]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("9" * 5_000, id="a number of 5,000 digits"),
        pytest.param("[" * 10_000 + "]" * 10_000, id="deep nesting"),
        pytest.param('{"linkSentAt": "x"}', id="an object"),
    ],
)
def test_an_unknown_field_is_ignored(value, handle, aws):
    text = json.dumps(EVENT).replace('"detail": {', f'"unknown": {value}, "detail": {{"unknown": {value}, ')

    assert handle(batch(text)) == left_in_queue()

    assert (list(aws.table.items), aws.messages) == ([ID], [])


def test_a_sender_that_dynamodb_cannot_store_is_ignored(handle, aws):
    assert handle(batch(EVENT | {"source": "\ud800" + "x" * 500_000})) == left_in_queue()

    assert aws.table.items[ID]["startedBy"]["S"].startswith("123456789012 ?xxx")


# ── Known verifications ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_event_that_arrives_twice_is_one_start(handle, aws, capsys):
    assert handle(batch(EVENT, EVENT)) == left_in_queue()

    assert list(aws.executions) == [ID]
    assert not logged_in(capsys.readouterr().out, "WARNING")


def test_a_second_start_under_another_correlation_id_is_a_warning(handle, aws, capsys):
    other = EVENT | {"id": "another", "detail": EVENT["detail"] | {"correlationId": "application-4712"}}

    assert handle(batch(EVENT, other)) == left_in_queue()

    assert aws.table.items[ID]["correlationId"] == {"S": "application-4711"}
    assert [line["correlationId"] for line in logged_in(capsys.readouterr().out, "WARNING")] == ["application-4712"]


# ── Failures of AWS ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_start_that_step_functions_refuses_is_deferred(handle, aws, capsys):
    aws.refused = {"StartExecution"}

    assert handle(batch(EVENT)) == left_in_queue()

    assert metrics_in(capsys.readouterr().out) == {
        ("Starts", "service=linkwatch"): 1,
        ("StartsDeferred", "service=linkwatch"): 1,
    }


def test_an_event_that_the_table_refuses_returns_to_the_queue_and_is_logged(handle, aws, capsys):
    aws.refused = {"PutItem"}

    assert handle(batch(EVENT, EVENT)) == left_in_queue("message-0", "message-1")

    printed = capsys.readouterr().out
    assert [line["call"] for line in logged_in(printed, "ERROR")] == ["PutItem: AccessDeniedException"] * 2
    assert metrics_in(printed) == {("EventsReturned", "service=linkwatch"): 2}
    assert aws.messages == []


@pytest.mark.parametrize(
    ("receives", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 240), (700, 240)], ids=str
)
def test_a_returned_event_becomes_visible_after_pauses_that_double(receives, seconds, handle, aws):
    aws.refused = {"PutItem"}

    handle(batch("no JSON", EVENT, receives=receives))

    assert aws.visible_in == {"receipt-1": seconds}


def test_a_returned_event_waits_for_the_time_out_of_the_queue_where_sqs_refuses(handle, aws):
    aws.refused = {"PutItem", "ChangeMessageVisibilityBatch"}

    assert handle(batch(EVENT)) == left_in_queue("message-0")


def test_a_defect_of_ours_with_one_event_delays_no_other_and_is_logged(handle, aws, capsys):
    broken = batch(EVENT, EVENT)
    broken["Records"][0]["attributes"]["SentTimestamp"] = "+15550001111 seconds"

    assert handle(broken) == left_in_queue("message-0")

    printed = capsys.readouterr().out
    (line,) = logged_in(printed, "ERROR")
    assert (line["messageId"], line["error"]) == ("message-0", "ValueError")
    assert "5550001111" not in printed
    assert metrics_in(printed) == {("Starts", "service=linkwatch"): 1, ("EventsReturned", "service=linkwatch"): 1}
    assert list(aws.executions) == [ID]
