"""What the entry points accept and what they refuse."""

import json
from datetime import UTC, datetime

import pytest

from linkwatch.model import deadline_of, iso_from, parse_ids, parse_verification_id
from linkwatch.start_request import ApiStartRequest, BadStart, StartRequest, parse_start

TAKEN_AT = datetime(2026, 11, 23, 10, 0, 0, 250_000, UTC)
REQUEST_ID, SESSION_ID = "6462150e29c23b4d42352a63", "646214D929C23B4D42C1FC39"


def started(**fields):
    body = {"requestId": REQUEST_ID, "sessionId": SESSION_ID, **fields}
    return parse_start(ApiStartRequest, json.dumps(body).encode(), "API", "request-1", TAKEN_AT)


def refused(content, entry_point: type[StartRequest] = ApiStartRequest):
    with pytest.raises(BadStart) as caught:
        parse_start(entry_point, content, "API", "request-1", TAKEN_AT)
    return caught.value.fields


def test_the_ids_are_kept_as_given_and_the_verification_id_is_lower_case():
    start = started()

    assert (start.ids.request_id, start.ids.session_id) == (REQUEST_ID, SESSION_ID)
    assert start.ids.verification_id == "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"


def test_a_link_without_a_time_was_sent_when_the_start_came_in():
    assert started().link_sent_at == TAKEN_AT


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param("2026-11-23T10:00:00Z", "2026-11-23T10:00:00.000Z", id="utc"),
        pytest.param("2026-11-23T15:30:00.5+05:30", "2026-11-23T10:00:00.500Z", id="another offset"),
        pytest.param("2026-11-23t09:59:59.1239999z", "2026-11-23T09:59:59.123Z", id="cut off, not rounded"),
        pytest.param("2026-11-23T10:01:00.250Z", "2026-11-23T10:01:00.250Z", id="exactly 60 s ahead"),
        pytest.param("2020-01-01T00:00:00-00:00", "2020-01-01T00:00:00.000Z", id="long ago"),
    ],
)
def test_a_time_with_an_offset_is_kept_in_utc(given, kept):
    assert iso_from(started(linkSentAt=given).link_sent_at) == kept


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("2026-11-23T10:00:00", id="no offset"),
        pytest.param("2026-11-23", id="a day"),
        pytest.param("2026-11-23 10:00:00Z", id="a space"),
        pytest.param("2026-11-31T10:00:00Z", id="no such day"),
        pytest.param("0001-01-01T00:00:00+14:00", id="before time began"),
        pytest.param("2026-11-23T10:01:00.251Z", id="more than 60 s ahead"),
        pytest.param("20261123T100000Z", id="the short form"),
        pytest.param(1795428000, id="a number"),
        pytest.param("1795428000", id="a number in quotes"),
        pytest.param("2016-12-31T23:59:60Z", id="a leap second"),
        pytest.param("2026-11-23T10:00:00Z\n", id="a line break behind it"),
        pytest.param("２026-11-23T10:00:00Z", id="a digit of another script"),
        pytest.param("", id="nothing"),
        pytest.param([], id="a list"),
    ],
)
def test_a_time_that_is_none_is_refused_by_its_name(given):
    body = {"requestId": REQUEST_ID, "sessionId": SESSION_ID, "linkSentAt": given}

    assert list(refused(json.dumps(body))) == list(refused(body, StartRequest)) == ["linkSentAt"]


@pytest.mark.parametrize("field", ["requestId", "sessionId"])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("6462150e29c23b4d42352a6", id="too short"),
        pytest.param("6462150e29c23b4d42352a633", id="too long"),
        pytest.param("6462150e29c23b4d42352a63\n", id="a line break behind it"),
        pytest.param("6462150e29c23b4d42352a6g", id="not hexadecimal"),
        pytest.param("../../../../../../admin/", id="a path"),
        pytest.param("６462150e29c23b4d42352a63", id="a digit of another script"),
        pytest.param(None, id="null"),
        pytest.param(123456789012345678901234, id="a number"),
    ],
)
def test_an_id_that_is_none_is_refused_by_its_name(field, value):
    body = {"requestId": REQUEST_ID, "sessionId": SESSION_ID, field: value}

    assert list(refused(json.dumps(body))) == [field]
    assert parse_ids(body["requestId"], body["sessionId"]) is None


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("x" * 129, id="129 characters"),
        pytest.param("👍" * 129, id="129 emoji"),
        pytest.param("a\nb", id="a line feed"),
        pytest.param("application-4711\n", id="a line feed behind it"),
        pytest.param("a\x00b", id="NUL"),
        pytest.param("a\x7fb", id="DEL"),
        pytest.param("a\x85b", id="a control character of C1"),
        pytest.param("a\uffffb", id="what an SQS message cannot hold"),
        pytest.param("a\ud800b", id="half a surrogate pair"),
        pytest.param(7, id="a number"),
        pytest.param(["x"], id="a list"),
    ],
)
def test_a_correlation_id_that_is_not_1_to_128_characters_without_control_characters_is_refused(value):
    body = {"requestId": REQUEST_ID, "sessionId": SESSION_ID, "correlationId": value}

    assert list(refused(body, StartRequest)) == ["correlationId"]
    # Half a surrogate pair is not even JSON, which has no name for the field.
    assert list(refused(json.dumps(body))) == ["body" if value == "a\ud800b" else "correlationId"]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("x", id="one character"),
        pytest.param("👍" * 128, id="128 emoji"),
        pytest.param("Antrag 4711 / Müller", id="German"),
        pytest.param("注文\u3000-1", id="Japanese with its own space"),
        pytest.param("Antrag\u00a04711", id="a no-break space"),
        pytest.param("👩\u200d💻", id="an emoji joined of two"),
        pytest.param("من\u200cدخواست", id="Persian with a non-joiner"),
        pytest.param("a\u2028b", id="a line separator, which is no control character"),
        pytest.param(" ", id="a space alone"),
    ],
)
def test_a_correlation_id_without_control_characters_is_kept(value):
    event = {"requestId": REQUEST_ID, "sessionId": SESSION_ID, "correlationId": value}

    assert started(correlationId=value).correlation_id == value
    assert parse_start(StartRequest, event, "EVENT", "event-1", TAKEN_AT).correlation_id == value


def test_an_unknown_field_is_an_error_at_the_api_and_ignored_in_events():
    body = {"requestId": REQUEST_ID, "sessionId": SESSION_ID, "phoneNumber": "+15550001111"}

    assert list(refused(json.dumps(body))) == ["phoneNumber"]
    assert parse_start(StartRequest, body, "EVENT", "event-1", TAKEN_AT).source == "EVENT"


@pytest.mark.parametrize("body", ["", "{", "null", "[]", '"x"', "7", b"\xff\xfe", "{}"], ids=repr)
def test_a_body_that_is_no_start_is_refused(body):
    assert refused(body)


@pytest.mark.parametrize("detail", [None, [], "x", 7, {}, '{"requestId": "6462150e29c23b4d42352a63"}'], ids=repr)
def test_a_detail_that_is_no_start_is_refused(detail):
    assert refused(detail, StartRequest)


def test_what_was_refused_is_not_quoted():
    with pytest.raises(BadStart) as caught:
        parse_start(StartRequest, {"requestId": "+15550001111", "sessionId": 1}, "EVENT", "event-1", TAKEN_AT)

    assert "5550001111" not in f"{caught.value!r} {caught.value.fields} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


def test_the_deadline_counts_from_the_whole_second():
    assert iso_from(deadline_of(TAKEN_AT, 300)) == "2026-11-23T10:05:00.000Z"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("6462150E29c23b4d42352a63-646214d929c23b4d42c1fc39", "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"),
        ("6462150e29c23b4d42352a63646214d929c23b4d42c1fc39", None),
        ("6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39-r1", None),
        ("6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39\n", None),
        ("", None),
    ],
)
def test_a_verification_id_has_one_spelling(text, parsed):
    assert parse_verification_id(text) == parsed
