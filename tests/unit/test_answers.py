"""Signzy's answers as data: the same that the simulator gives."""

import json

import pytest

from linkwatch.http_client import HttpClient
from linkwatch.model import Answer, CheckResult, Ids, Reason
from linkwatch.signzy import Signzy
from linkwatch.signzy_answer import classify
from linkwatch.signzy_token import KeptToken
from simulator.answers import ANSWERS
from tests.unit.scripted_server import message, serving

RESULT_FIELDS = {"transactionId", "carrier", "lineType", "countryCode", "phoneMatch", "ipAddressMatch"}
IDS = Ids("6462150e29c23b4d42352a63", "646214d929c23b4d42c1fc39")


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_means_what_signzys_page_says(name):
    answer = ANSWERS[name]
    headers = "".join(f"{header}: {value}\r\n" for header, value in answer.headers.items())

    with serving(message(answer.body, f"{answer.status} Whatever", headers)) as asked:
        result = Signzy(HttpClient(asked.url), KeptToken(lambda _: "token-1"), poll_interval_seconds=10).check(
            IDS, None
        )

    assert (result.answer, result.reason) == (answer.expect["answer"], answer.expect["reason"])
    if result.answer is Answer.CLICKED:
        assert result.result == answer.expect["result"]
        assert set(answer.expect["result"]) == RESULT_FIELDS


def test_every_reason_that_an_answer_can_have_has_a_sample():
    without_answer = {Reason.TIMEOUT, Reason.NO_CONNECTION, Reason.CHECK_FAILED, Reason.PAST_DEADLINE}

    assert {answer.expect["reason"] for answer in ANSWERS.values()} == {None, *Reason} - without_answer


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        ("indeterminate", "indeterminate"),
        ("Indeterminate", "indeterminate"),
        (True, "true"),
        ("False", "false"),
        ("maybe", None),
        (None, None),
        (1, None),
    ],
)
def test_the_phone_match_is_one_of_three_words_or_unknown(said, understood):
    result = classify(200, json.dumps({"result": {"linkClicked": True, "phoneMatch": said}}).encode())

    assert result.result is not None
    assert result.result["phoneMatch"] == understood


@pytest.mark.parametrize("said", [1, 0, "yes", "", None, [True], {"true": True}])
def test_only_true_is_a_click(said):
    result = classify(200, json.dumps({"result": {"linkClicked": said}}).encode())

    assert result == CheckResult(Answer.UNAVAILABLE, Reason.BAD_ANSWER)


def test_a_field_that_is_too_long_is_null():
    result = classify(
        200, json.dumps({"result": {"linkClicked": True, "carrier": "x" * 257, "lineType": "Mobile"}}).encode()
    )

    assert result.result is not None
    assert (result.result["carrier"], result.result["lineType"]) == (None, "Mobile")


@pytest.mark.parametrize("error", [{"message": "Something new"}, "Something new", ["x"], 1, True])
def test_a_click_with_an_error_is_not_a_click(error):
    body = {"error": error, "result": {"linkClicked": True}}

    assert classify(200, json.dumps(body).encode()) == CheckResult(Answer.UNAVAILABLE, Reason.BAD_ANSWER)


@pytest.mark.parametrize("error", [None, "", 0, False, {}, []])
def test_a_click_with_an_empty_error_is_a_click(error):
    body = {"error": error, "result": {"linkClicked": True}}

    assert classify(200, json.dumps(body).encode()).answer is Answer.CLICKED


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Upstream Down"}},
        {"error": "Upstream Down"},
        {"message": "Upstream Down"},
        {"result": {"message": "Upstream Down"}},
    ],
)
def test_a_phrase_counts_wherever_the_message_is(body):
    assert classify(500, json.dumps(body).encode()) == CheckResult(Answer.UNAVAILABLE, Reason.UPSTREAM_DOWN)


@pytest.mark.parametrize("space", ["  ", "\u00a0", "\n", "\t\r\n ", "\u2003"])
@pytest.mark.parametrize(
    ("phrase", "answer"),
    [
        ("Please wait for sometime", Answer.PENDING),
        ("Invalid requestId or sessionId", Answer.REJECTED),
        ('params.requestId should match pattern "x"', Answer.REJECTED),
    ],
)
def test_white_space_in_a_phrase_may_be_any(phrase, answer, space):
    body = {"result": {"message": phrase.replace(" ", space)}}

    assert classify(200, json.dumps(body).encode()).answer is answer


@pytest.mark.parametrize(
    ("status", "answer"), [(299, Answer.CLICKED), (300, Answer.UNAVAILABLE), (399, Answer.UNAVAILABLE)]
)
def test_the_body_of_a_redirect_decides_nothing(status, answer):
    assert classify(status, b'{"result":{"linkClicked":true}}').answer is answer
