"""What the entry points accept and what they refuse."""

import json
import re
import unicodedata
from datetime import UTC, datetime

import pytest

from linkwatch.model import Start, deadline_of, iso_from, parse_ids, parse_verification_id
from linkwatch.start_request import CORRELATION_ID_PATTERN, InvalidInput, parse_body, parse_event

TAKEN_AT = datetime(2026, 11, 23, 10, 0, 0, 250_000, UTC)
REQUEST_ID, SESSION_ID = "6462150e29c23b4d42352a63", "646214D929C23B4D42C1FC39"
IDS = {"requestId": REQUEST_ID, "sessionId": SESSION_ID}
EVENT = {"id": "event-1", "account": "123456789012", "source": "onboarding", "time": "2026-11-23T10:00:00Z"}


def start_by_api(content: object) -> Start:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return parse_body(text, "request-1", TAKEN_AT, "arn:aws:iam::123456789012:user/sender")


def start_by_event(detail: object) -> Start:
    return parse_event(json.dumps(EVENT | {"detail": detail}), TAKEN_AT)


def fields_refused(parse, content: object) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        parse(content)
    return list(caught.value.fields)


def test_the_ids_are_kept_as_given_and_the_verification_id_is_lower_case():
    start = start_by_api(IDS)

    assert (start.ids.request_id, start.ids.session_id) == (REQUEST_ID, SESSION_ID)
    assert start.ids.verification_id == "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"


def test_an_entry_point_says_where_a_start_comes_from():
    by_api, by_event = start_by_api(IDS), start_by_event(IDS)

    assert (by_api.source, by_api.start_id, by_api.started_by) == (
        "API",
        "request-1",
        "arn:aws:iam::123456789012:user/sender",
    )
    assert (by_event.source, by_event.start_id, by_event.started_by) == ("EVENT", "event-1", "123456789012 onboarding")
    assert by_api.started_at == by_event.started_at == TAKEN_AT


def test_an_event_without_account_and_source_has_no_sender():
    assert parse_event(json.dumps({"id": "1", "time": EVENT["time"], "detail": IDS}), TAKEN_AT).started_by is None


def test_a_link_without_a_time_was_sent_when_api_gateway_took_the_request():
    assert start_by_api(IDS).link_sent_at == TAKEN_AT


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
    assert iso_from(start_by_api(IDS | {"linkSentAt": given}).link_sent_at) == kept


def test_a_time_without_a_zone_is_never_written():
    with pytest.raises(ValueError, match="without a zone"):
        iso_from(datetime(2026, 11, 23, 10))  # noqa: DTZ001


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
def test_an_invalid_time_is_refused_by_its_name(given):
    start = IDS | {"linkSentAt": given}

    assert fields_refused(start_by_api, start) == fields_refused(start_by_event, start) == ["linkSentAt"]


def test_an_invalid_time_of_an_event_is_refused_by_its_name():
    text = json.dumps(EVENT | {"time": "2026-11-23T10:00:00", "detail": IDS})

    assert fields_refused(lambda text: parse_event(text, TAKEN_AT), text) == ["time"]


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
def test_a_malformed_id_is_refused_by_its_name(field, value):
    start = IDS | {field: value}

    assert fields_refused(start_by_api, start) == fields_refused(start_by_event, start) == [field]
    assert parse_ids(start["requestId"], start["sessionId"]) is None


def test_the_id_of_the_probe_is_refused():
    start = IDS | {"requestId": "0" * 24}

    assert fields_refused(start_by_api, start) == fields_refused(start_by_event, start) == ["requestId"]


def test_a_session_of_zeros_is_accepted():
    assert start_by_api(IDS | {"sessionId": "0" * 24})


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
        pytest.param(" ", id="a space alone"),
        pytest.param(" a", id="a space before it"),
        pytest.param("a\u3000", id="a Japanese space behind it"),
        pytest.param("a\u200b", id="a zero width space"),
        pytest.param("a\u202eb", id="a change of direction"),
        pytest.param("\ufeffa", id="a byte order mark"),
        pytest.param("a\U000e0041", id="an invisible letter"),
        pytest.param(7, id="a number"),
        pytest.param(["x"], id="a list"),
    ],
)
def test_a_correlation_id_that_is_not_printable_is_refused(value):
    start = IDS | {"correlationId": value}

    assert fields_refused(start_by_api, start) == fields_refused(start_by_event, start) == ["correlationId"]


def test_the_characters_refused_are_those_of_unicodes_categories():
    refused = {"Cc", "Cf"}
    wrong = [
        f"U+{code:04X}"
        for code in range(0x110000)
        if not 0xD800 <= code < 0xE000
        and bool(re.match(CORRELATION_ID_PATTERN, f"a{chr(code)}b"))
        == ((unicodedata.category(chr(code)) in refused and code not in {0x200C, 0x200D}) or code in {0xFFFE, 0xFFFF})
    ]
    at_the_end = [
        f"U+{code:04X}"
        for code in range(0x20, 0x10000)
        if unicodedata.category(chr(code)) in {"Zs", "Zl", "Zp"}
        and (re.match(CORRELATION_ID_PATTERN, f"a{chr(code)}") or re.match(CORRELATION_ID_PATTERN, f"{chr(code)}a"))
    ]

    assert (wrong, at_the_end) == ([], [])


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
        pytest.param("❤️", id="an emoji with a variation selector"),
    ],
)
def test_a_printable_correlation_id_is_kept(value):
    start = IDS | {"correlationId": value}

    assert start_by_api(start).correlation_id == start_by_event(start).correlation_id == value


def test_an_unknown_field_is_an_error_at_the_api_and_ignored_in_events():
    start = IDS | {"phoneNumber": "+15550001111"}

    assert fields_refused(start_by_api, start) == ["phoneNumber"]
    assert start_by_event(start).ids.request_id == REQUEST_ID


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b'"x"', b"7", b"\xff\xfe", b"{}", b"[" * 9_999], ids=repr)
def test_a_body_that_is_not_a_start_is_refused(body):
    assert fields_refused(start_by_api, body)


@pytest.mark.parametrize("detail", [None, [], "x", 7, {}, {"requestId": REQUEST_ID}, json.dumps(IDS)], ids=repr)
def test_a_detail_that_is_not_a_start_is_refused(detail):
    assert fields_refused(start_by_event, detail)


def test_a_refused_value_is_not_quoted():
    with pytest.raises(InvalidInput) as caught:
        start_by_event({"requestId": "+15550001111", "sessionId": 1})

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
