"""Answers that differ from Signzy's page: in their text, in contradictions, in the session that they are about."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkwatch.model import Answer, CheckResult, Ids, Reason
from linkwatch.signzy_answer import classify

IDS = Ids("6462150e29c23b4d42352a63", "646214d929c23b4d42c1fc39")


def said(text: str | bytes, content_type: str = "application/json", status: int = 200) -> CheckResult:
    body = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return classify(status, body, content_type, IDS.session_id)


BAD_ANSWER = CheckResult(Answer.UNAVAILABLE, Reason.BAD_ANSWER)


# ── Text ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content_type", "encoding", "carrier"),
    [
        ("application/json; charset=ISO-8859-1", "latin-1", "Telefónica"),
        ('application/json;charset="windows-1252"', "cp1252", "Telefónica"),
        ("application/json; profile=x; Charset=UTF-16", "utf-16", "Telefónica"),
        ("application/json; charset=utf-16le", "utf-16le", "Telefónica"),
        ("application/json; charset=utf-8", "utf-8-sig", "Telefónica"),
        ("application/json", "utf-8", "Telefónica"),
        ("application/json", "utf-8-sig", "Telefónica"),
        ("application/json", "utf-16", "Telefónica"),
        ("application/json", "utf-32le", "Telefónica"),
        ("", "utf-8", "Telefónica"),
        ("application/json; charset=", "utf-8", "Telefónica"),
        ("application/json; charset=klingon", "utf-8", "Telefónica"),
        ("application/json; charset=unicode_escape", "utf-8", "Telefónica"),
        ("application/json; charset=hex", "utf-8", "Telefónica"),
        ("application/json; charset=undefined", "utf-8", "Telefónica"),
        ("application/json; charset=idna", "utf-8", "Telefónica"),
        (f"application/json; charset={'x' * 60_000}", "utf-8", "Telefónica"),
        ("application/json; charset=utf-8\x00", "utf-8", "Telefónica"),
        ("application/json", "latin-1", None),
        ("application/json; charset=utf-8", "latin-1", None),
        ("application/json; charset=us-ascii", "utf-8", None),
        ("application/json; charset=klingon", "latin-1", None),
    ],
)
def test_a_carrier_is_read_by_the_answers_charset_and_null_where_that_does_not_fit(content_type, encoding, carrier):
    text = '{"result":{"linkClicked":true,"carrier":"Telefónica","lineType":"Mobile"}}'

    result = said(text.encode(encoding), content_type)

    assert result.result is not None
    assert (result.result["carrier"], result.result["lineType"]) == (carrier, "Mobile")


def test_a_long_body_is_read_fast_in_any_charset():
    started_at = time.process_time()

    for charset in ("punycode", "idna", "utf-7", "unicode_escape", "hz", "iso2022_jp_3"):
        said(b"abcd-" * 50_000, f"application/json; charset={charset}")

    assert time.process_time() - started_at < 2


@pytest.mark.parametrize(
    "carrier",
    [
        r"\ud800",
        r"\udc00\ud800",
        r"a\u0000b",
        r"a\nb",
        "a\x01b",
        "a\nb",
        r"a\u007fb",
        r"a\u0085b",
        r"a\ufffdb",
        r"a\ufffeb",
        r"a\uffffb",
        "x" * 257,
        "",
    ],
)
def test_text_that_is_not_printable_or_too_long_is_null_and_the_click_counts(carrier):
    result = said(f'{{"result":{{"linkClicked":true,"carrier":"{carrier}","countryCode":"US"}}}}')

    assert result.answer is Answer.CLICKED
    assert result.result is not None
    assert (result.result["carrier"], result.result["countryCode"]) == (None, "US")


@pytest.mark.parametrize("carrier", ["Крикет Ⅷ 移动", "no\u00a0break", "👩\u200d💻", r"\ud83d\udef0", "x" * 256])
def test_letters_spaces_and_emoji_of_any_language_are_printable(carrier):
    result = said(f'{{"result":{{"linkClicked":true,"carrier":"{carrier}"}}}}')

    assert result.result is not None
    assert result.result["carrier"] == json.loads(f'"{carrier}"')


@pytest.mark.parametrize(
    ("number", "transaction"),
    [("12225083692", "12225083692"), ("1e999", None), ("NaN", None), ("1.5", None), ("9" * 5000, None), ("true", None)],
)
def test_a_number_in_another_field_decides_nothing(number, transaction):
    result = said(f'{{"result":{{"linkClicked":true,"transactionId":{number}}}}}')

    assert result.answer is Answer.CLICKED
    assert result.result is not None
    assert result.result["transactionId"] == transaction


# ── Contradictions ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        '{"result":{"linkClicked":false,"LinkClicked":true}}',
        '{"result":{"linkClicked":true,"LinkClicked":false}}',
        '{"result":{"linkClicked":false,"linkClicked":true}}',
        '{"result":{"linkClicked":true,"linkClicked":1}}',
        '{"result":{"linkClicked":true,"linkClicked":null}}',
        '{"result":{"linkClicked":true},"result":{"linkClicked":false}}',
        '{"result":{"linkClicked":true},"Result":{"message":"Please wait for sometime"}}',
        '{"result":{"linkClicked":true},"result":{"linkClicked":1}}',
        '{"result":{"linkClicked":true},"result":null}',
        '{"error":null,"error":{"message":"Upstream Down"},"result":{"linkClicked":true}}',
        '{"error":{"message":"Upstream Down"},"Error":{"message":"Invalid requestId or sessionId"}}',
        '{"error":{"message":"Please wait","message":"Invalid requestId or sessionId"}}',
        '{"result":{"message":"Please wait","Message":"Invalid requestId or sessionId"}}',
        '{"result":{"linkClicked":true,"sessionId":"646214d929c23b4d42c1fc39","SessionId":"a46214d929c23b4d42c1fc39"}}',
    ],
)
def test_two_values_of_a_field_that_decides_are_a_bad_answer(body):
    assert said(body) == BAD_ANSWER


DEEP = '{"a":' * 6000 + "1" + "}" * 6000


def test_an_unknown_field_may_be_nested_as_deep_as_it_likes():
    assert said(f'{{"result":{{"linkClicked":true,"unknown":{DEEP}}},"unknown":{DEEP}}}').answer is Answer.CLICKED


@pytest.mark.parametrize("body", [f'{{"result":{DEEP},"result":{DEEP}}}', f'{{"result":{{"sessionId":{DEEP}}}}}'])
def test_a_field_that_decides_says_nothing_if_it_is_nested_deep(body):
    assert said(body) == BAD_ANSWER


@pytest.mark.parametrize(
    "body",
    [
        '{"result":{"linkClicked":true,"linkClicked":true}}',
        '{"result":{"linkClicked":true,"LinkClicked":"True"}}',
        '{"result":{"linkClicked":true},"Result":{"linkClicked":true}}',
        '{"result":{"linkClicked":true},"note":1,"note":2}',
        '{"error":null,"Error":null,"result":{"linkClicked":true}}',
        '{"result":{"linkClicked":true,"sessionId":"646214d929c23b4d42c1fc39","SessionId":"646214D929C23B4D42C1FC39"}}',
    ],
)
def test_the_same_value_twice_is_one_value(body):
    assert said(body).answer is Answer.CLICKED


@pytest.mark.parametrize(
    ("twice", "field", "understood"),
    [
        ('"phoneMatch":true,"PhoneMatch":false', "phoneMatch", None),
        ('"phoneMatch":true,"PhoneMatch":"TRUE"', "phoneMatch", "true"),
        ('"phoneMatch":"indeterminate","phoneMatch":false', "phoneMatch", None),
        ('"carrier":"A","Carrier":"B"', "carrier", None),
        ('"carrier":"A","Carrier":"A"', "carrier", "A"),
        ('"ipAddressMatch":true,"ipAddressMatch":false', "ipAddressMatch", None),
    ],
)
def test_two_values_of_another_field_are_null_and_the_click_counts(twice, field, understood):
    result = said(f'{{"result":{{"linkClicked":true,{twice}}}}}')

    assert result.answer is Answer.CLICKED
    assert result.result is not None
    assert result.result[field] == understood


# ── Which session ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("said_of", ['"a46214d929c23b4d42c1fc39"', '""', "7", "true", '["646214d929c23b4d42c1fc39"]'])
@pytest.mark.parametrize("level", ['{{"sessionId":{0},"result":{1}}}', '{{"result":{{"SessionId":{0},{2}}}}}'])
@pytest.mark.parametrize("clicked", ["true", "false"])
def test_an_answer_about_another_session_is_a_bad_answer(said_of, level, clicked):
    statement = f'"linkClicked":{clicked}'

    assert said(level.format(said_of, f"{{{statement}}}", statement)) == BAD_ANSWER


@pytest.mark.parametrize(
    "body", ['{"result":{"linkClicked":true}}', '{"result":{"linkClicked":true,"sessionId":null}}']
)
def test_an_answer_that_names_no_session_is_usable(body):
    assert said(body).answer is Answer.CLICKED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["result", "error", "message", "linkClicked", "LinkClicked", "carrier"]) | st.text(), inner
        )
    ),
    max_leaves=20,
)
CONTENT_TYPES = st.just("application/json") | st.sampled_from(["latin-1", "utf-16", "hex", "\x00", "idna"]).map(
    "application/json; charset={}".format
)


@given(st.integers(100, 599), JSON.map(lambda value: json.dumps(value).encode()) | st.binary(), CONTENT_TYPES)
def test_whatever_comes_back_is_an_answer_that_aws_can_carry_and_only_a_true_link_clicked_is_a_click(
    status, body, content_type
):
    result = said(body, content_type, status)

    assert (result.reason is None) == (result.answer in {Answer.CLICKED, Answer.PENDING})
    assert result.answer is not Answer.CLICKED or b"true" in body.lower()
    json.dumps(result.result, ensure_ascii=False).encode()
