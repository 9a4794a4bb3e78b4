"""What Signzy's answers mean: the simulator's, and answers that differ from Signzy's page in any way."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkwatch.model import Answer, CheckResult, Reason
from linkwatch.signzy_answer import classify
from simulator.answers import ANSWERS
from tests.unit.checks import IDS, checker, unavailable
from tests.unit.scripted_server import message, serving

BAD_ANSWER = unavailable(Reason.BAD_ANSWER)


DEEP = '{"a":' * 6000 + "1" + "}" * 6000


def classified(text: str | bytes, content_type: str = "application/json", status: int = 200) -> CheckResult:
    """text: with DEEP in the place of "DEEP"."""
    body = text if isinstance(text, bytes) else text.replace('"DEEP"', DEEP).encode()
    return classify(status, body, content_type, IDS.session_id)


# ── The simulator's answers ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_means_what_signzys_page_says(name):
    answer = ANSWERS[name]
    headers = "".join(f"{header}: {value}\r\n" for header, value in answer.headers.items())

    with serving(message(answer.body, f"{answer.status} Whatever", headers)) as asked:
        result = checker(asked.url).check(IDS, None)

    assert (result.answer, result.reason) == (answer.expect["answer"], answer.expect["reason"])
    if result.answer is Answer.CLICKED:
        assert result.result == answer.expect["result"]


def test_every_reason_that_an_answer_can_have_has_a_sample():
    without_answer = {Reason.TIMEOUT, Reason.NO_CONNECTION, Reason.CHECK_FAILED, Reason.PAST_DEADLINE}

    assert {answer.expect["reason"] for answer in ANSWERS.values()} == {None, *Reason} - without_answer


# ── Text ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("charset", "encoding", "carrier"),
    [
        ("; charset=ISO-8859-1", "latin-1", "Telefónica"),
        (';charset="windows-1252"', "cp1252", "Telefónica"),
        ("; profile=x; Charset=UTF-16", "utf-16", "Telefónica"),
        ("; charset=utf-16le; profile=x", "utf-16le", "Telefónica"),
        ("; charset=utf-8", "utf-8-sig", "Telefónica"),
        ("", "utf-16", "Telefónica"),
        ("", "utf-32le", "Telefónica"),
        ("; charset=", "utf-8", "Telefónica"),
        ("; charset=klingon", "utf-8", "Telefónica"),
        ("; charset=unicode_escape", "utf-8", "Telefónica"),
        ("; charset=hex", "utf-8", "Telefónica"),
        ("; charset=undefined", "utf-8", "Telefónica"),
        ("; charset=idna", "utf-8", "Telefónica"),
        (f"; charset={'x' * 60_000}", "utf-8", "Telefónica"),
        ("; charset=utf-8\x00", "utf-8", "Telefónica"),
        ("; charset=utf-8", "latin-1", None),
        ("; charset=us-ascii", "utf-8", None),
        ("; charset=klingon", "latin-1", None),
    ],
)
def test_a_carrier_is_read_by_the_answers_charset_and_null_where_that_does_not_fit(charset, encoding, carrier):
    text = '{"result":{"linkClicked":true,"carrier":"Telefónica","lineType":"Mobile"}}'

    result = classified(text.encode(encoding), f"application/json{charset}").result

    assert result
    assert (result["carrier"], result["lineType"]) == (carrier, "Mobile")


@pytest.mark.parametrize("charset", ["punycode", "idna", "utf-7", "hz"])
def test_a_long_body_is_read_fast_in_any_charset(charset):
    started_at = time.process_time()

    classified(b"abcd" * 60_000, f"application/json; charset={charset}")

    assert time.process_time() - started_at < 1


# ── Fields that are only handed on ──────────────────────────────────────────────────────────────────────────────────────

UNPRINTABLE = [r"\ud800", r"\udfff", r"a\nb", "a\x01b", r"\u007f", r"\u009f", r"\ufffd", r"\uffff", "x" * 257, ""]
PRINTABLE = ["Крикет Ⅷ 移动", "no\u00a0break", "👩\u200d💻", r"\ud83d\udef0", "x" * 256]
DIGITS = "12225083692"


@pytest.mark.parametrize(
    ("name", "fields", "value"),
    [
        *[("carrier", f'"carrier":"{text}"', None) for text in UNPRINTABLE],
        *[("carrier", f'"carrier":"{text}"', json.loads(f'"{text}"')) for text in PRINTABLE],
        ("carrier", '"carrier":"A","Carrier":"B"', None),
        ("carrier", '"carrier":"A","Carrier":"A"', "A"),
        ("transactionId", f'"transactionId":{DIGITS}', DIGITS),
        *[("transactionId", f'"transactionId":{it}', None) for it in ("1e999", "NaN", "1.5", "9" * 5000, "true")],
        ("phoneMatch", '"phoneMatch":1', None),
        ("phoneMatch", '"phoneMatch":true,"PhoneMatch":"TRUE"', "true"),
        ("phoneMatch", '"phoneMatch":"indeterminate","phoneMatch":false', None),
        ("ipAddressMatch", '"ipAddressMatch":true,"ipAddressMatch":false', None),
    ],
)
def test_a_field_that_is_only_handed_on_is_null_where_it_is_unusable_and_the_click_counts(name, fields, value):
    result = classified(f'{{"result":{{"linkClicked":true,"countryCode":"US",{fields}}}}}')

    assert result.answer is Answer.CLICKED
    assert result.result
    assert (result.result[name], result.result["countryCode"]) == (value, "US")


# ── Fields that decide ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        '{"result":{"linkClicked":true},"error":null}',
        *[f'{{"error":{empty},"result":{{"linkClicked":true}}}}' for empty in ('""', "0", "false", "{}", "[]")],
        '{"result":{"linkClicked":true},"error":null,"Error":null}',
        '{"result":{"linkClicked":true},"Result":{"linkClicked":true}}',
        '{"result":{"linkClicked":true},"note":1,"note":2}',
        '{"result":{"linkClicked":true,"unknown":"DEEP"},"unknown":"DEEP"}',
        '{"result":{"linkClicked":true,"sessionId":null}}',
        '{"result":{"linkClicked":true,"LinkClicked":"True"}}',
        '{"result":{"linkClicked":true,"sessionId":"646214d929c23b4d42c1fc39","SessionId":"646214D929C23B4D42C1FC39"}}',
    ],
)
def test_a_click_counts_with_what_does_not_contradict_it(body):
    assert classified(body).answer is Answer.CLICKED


@pytest.mark.parametrize(
    "body",
    [
        *[f'{{"result":{{"linkClicked":{value}}}}}' for value in ("1", "0", '"yes"', '""', "[true]", '{"true":true}')],
        *[f'{{"error":{it},"result":{{"linkClicked":true}}}}' for it in ('{"message":"New"}', '"New"', '["x"]', "1")],
        '{"result":{"linkClicked":true,"linkClicked":1}}',
        '{"result":{"linkClicked":true,"linkClicked":null}}',
        '{"result":{"linkClicked":true},"result":{"linkClicked":false}}',
        '{"result":{"linkClicked":true},"Result":{"message":"Please wait for sometime"}}',
        '{"result":{"linkClicked":true},"result":{"linkClicked":1}}',
        '{"result":{"linkClicked":true},"result":null}',
        '{"result":{"linkClicked":true},"error":null,"error":{"message":"Upstream Down"}}',
        '{"error":{"message":"Upstream Down"},"Error":{"message":"Invalid requestId or sessionId"}}',
        '{"error":{"message":"Please wait","message":"Invalid requestId or sessionId"}}',
        '{"result":{"message":"Please wait","Message":"Invalid requestId or sessionId"}}',
        '{"result":{"linkClicked":true,"sessionId":"646214d929c23b4d42c1fc39","SessionId":"a46214d929c23b4d42c1fc39"}}',
        '{"result":"DEEP","result":"DEEP"}',
        '{"result":{"sessionId":"DEEP"}}',
    ],
)
def test_a_contradiction_or_an_unknown_value_is_a_bad_answer(body):
    assert classified(body) == BAD_ANSWER


@pytest.mark.parametrize("session", ['"a46214d929c23b4d42c1fc39"', '""', "7", "true", '["646214d929c23b4d42c1fc39"]'])
@pytest.mark.parametrize("body", ['{{"sessionId":{0},"result":{{{1}}}}}', '{{"result":{{"SessionId":{0},{1}}}}}'])
@pytest.mark.parametrize("clicked", ["true", "false"])
def test_an_answer_about_another_session_is_a_bad_answer(session, body, clicked):
    assert classified(body.format(session, f'"linkClicked":{clicked}')) == BAD_ANSWER


@pytest.mark.parametrize(
    "body", ['{"error":{"message":"@"}}', '{"error":"@"}', '{"message":"@"}', '{"result":{"message":"@"}}']
)
def test_a_phrase_counts_wherever_the_message_is(body):
    assert classified(body.replace("@", "Upstream Down"), status=500) == unavailable(Reason.UPSTREAM_DOWN)


@pytest.mark.parametrize(
    ("phrase", "answer"),
    [
        ("Please wait for sometime", Answer.PENDING),
        ("Invalid requestId or sessionId", Answer.REJECTED),
        ('params.requestId should match pattern "x"', Answer.REJECTED),
    ],
)
def test_white_space_in_a_phrase_may_be_any(phrase, answer):
    body = {"result": {"message": phrase.replace(" ", "\t\r\n\u00a0\u2003 ")}}

    assert classified(json.dumps(body)).answer is answer


@pytest.mark.parametrize(
    ("status", "answer"), [(299, Answer.CLICKED), (300, Answer.UNAVAILABLE), (399, Answer.UNAVAILABLE)]
)
def test_the_body_of_a_redirect_decides_nothing(status, answer):
    assert classified('{"result":{"linkClicked":true}}', status=status).answer is answer


# ── Anything ────────────────────────────────────────────────────────────────────────────────────────────────────────────

TEXT = st.sampled_from(
    ["result", "error", "message", "linkClicked", "LinkClicked", "carrier", "é移👩", "\ud800", "\x00", ""]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)
CONTENT_TYPES = st.sampled_from(["", "; charset=latin-1", "; charset=utf-16", "; charset=hex", "; charset=\x00"])


@given(st.integers(100, 599), JSON.map(lambda value: json.dumps(value).encode()) | st.binary(), CONTENT_TYPES)
def test_anything_is_an_answer_that_aws_can_carry_and_only_true_is_a_click(status, body, content_type):
    result = classified(body, f"application/json{content_type}", status)

    assert (result.reason is None) == (result.answer in {Answer.CLICKED, Answer.PENDING})
    assert result.answer is not Answer.CLICKED or b"true" in body.lower()
    json.dumps(result.result, ensure_ascii=False).encode()
