"""What the doors accept and what they refuse."""

import json
from datetime import UTC, datetime

import pytest

from linkwatch.model import deadline_of, iso_from, parse_ids, parse_verification_id
from linkwatch.start_request import ApiStartRequest, BadStart, StartRequest, parse_start

TAKEN_AT = datetime(2026, 11, 23, 10, 0, 0, 250_000, UTC)
REQUEST_ID, SESSION_ID = "6462150e29c23b4d42352a63", "646214D929C23B4D42C1FC39"


def started(door=ApiStartRequest, **fields):
    body = {"requestId": REQUEST_ID, "sessionId": SESSION_ID, **fields}
    return parse_start(door, json.dumps(body).encode(), "API", "request-1", TAKEN_AT)


def refused(body, door=ApiStartRequest):
    with pytest.raises(BadStart) as caught:
        parse_start(door, body, "API", "request-1", TAKEN_AT)
    return caught.value.fields


def test_the_ids_are_kept_as_given_and_the_verification_id_is_lower_case():
    start = started()

    assert (start.ids.request_id, start.ids.session_id) == (REQUEST_ID, SESSION_ID)
    assert start.ids.verification_id == "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"


def test_a_link_without_a_time_was_sent_when_the_door_took_the_start():
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
        pytest.param("", id="nothing"),
        pytest.param([], id="a list"),
    ],
)
@pytest.mark.parametrize("door", [ApiStartRequest, StartRequest])
def test_a_time_that_is_none_is_refused_by_its_name(given, door):
    fields = refused(json.dumps({"requestId": REQUEST_ID, "sessionId": SESSION_ID, "linkSentAt": given}), door)

    assert list(fields) == ["linkSentAt"]


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
    "value", [pytest.param("", id="empty"), "x" * 129, "a\nb", "a\x00b", "a\u202eb", 7, ["x"]], ids=repr
)
def test_a_correlation_id_that_is_not_1_to_128_printable_characters_is_refused(value):
    body = {"requestId": REQUEST_ID, "sessionId": SESSION_ID, "correlationId": value}

    assert list(refused(json.dumps(body))) == ["correlationId"]


@pytest.mark.parametrize("value", ["x", "x" * 128, "Antrag 4711 / Müller", "注文-1"])
def test_a_correlation_id_of_printable_characters_is_kept(value):
    assert started(correlationId=value).correlation_id == value


def test_an_unknown_field_is_an_error_at_the_api_and_ignored_in_events():
    body = json.dumps({"requestId": REQUEST_ID, "sessionId": SESSION_ID, "phoneNumber": "+15550001111"})

    assert list(refused(body)) == ["phoneNumber"]
    assert parse_start(StartRequest, body, "EVENT", "event-1", TAKEN_AT).source == "EVENT"


@pytest.mark.parametrize("body", ["", "{", "null", "[]", '"x"', "7", b"\xff\xfe", "{}"], ids=repr)
def test_a_body_that_is_no_start_is_refused(body):
    assert refused(body)


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
