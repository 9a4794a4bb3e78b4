"""The vendor's answers as data: the same that the simulator gives."""

import json

import pytest

from linkwatch.bounded_http import KeptConnection
from linkwatch.model import Answer, CheckResult, Ids, Reason
from linkwatch.signzy import Signzy
from linkwatch.signzy_answer import classify
from linkwatch.signzy_token import FixedToken
from simulator.answers import ANSWERS
from tests.unit.vendor import message, vendor

RESULT_FIELDS = {"transactionId", "carrier", "lineType", "countryCode", "phoneMatch", "ipAddressMatch"}
IDS = Ids("6462150e29c23b4d42352a63", "646214d929c23b4d42c1fc39")


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_means_what_the_vendors_page_says(name):
    answer = ANSWERS[name]
    headers = "".join(f"{header}: {value}\r\n" for header, value in answer.headers.items())

    with vendor(message(answer.body, f"{answer.status} Whatever", headers)) as asked:
        result = Signzy(KeptConnection(asked.url), FixedToken("token-1"), poll_interval_seconds=10).check(IDS, None)

    assert (result.answer, result.reason) == (answer.expect["answer"], answer.expect["reason"])
    if result.answer is Answer.CLICKED:
        assert result.result == answer.expect["result"]
        assert set(answer.expect["result"]) == RESULT_FIELDS


def test_every_reason_that_an_answer_can_have_is_among_them():
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


def test_a_field_too_long_to_be_one_is_left_out():
    result = classify(
        200, json.dumps({"result": {"linkClicked": True, "carrier": "x" * 257, "lineType": "Mobile"}}).encode()
    )

    assert result.result is not None
    assert (result.result["carrier"], result.result["lineType"]) == (None, "Mobile")


def test_an_error_beside_a_click_is_no_click():
    body = {"error": {"message": "Something new"}, "result": {"linkClicked": True}}

    assert classify(200, json.dumps(body).encode()) == CheckResult(Answer.UNAVAILABLE, Reason.BAD_ANSWER)
