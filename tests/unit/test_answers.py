"""The vendor's answers as data: the same that the simulator gives."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkwatch.model import Answer, Ids, Look, Reason
from linkwatch.signzy import Signzy, classify
from linkwatch.signzy_token import FixedToken
from local.simulator.answers import ANSWERS
from tests.unit.vendor import message, vendor

RESULT_FIELDS = {"transactionId", "carrier", "lineType", "countryCode", "phoneMatch", "ipAddressMatch"}
IDS = Ids("6462150e29c23b4d42352a63", "646214d929c23b4d42c1fc39")


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_means_what_the_vendors_page_says(name):
    answer = ANSWERS[name]
    headers = "".join(f"{header}: {value}\r\n" for header, value in answer.headers.items())

    with vendor(message(answer.body, f"{answer.status} Whatever", headers)) as asked:
        look = Signzy(asked.url, FixedToken("token-1"), poll_interval_seconds=10).look(IDS, None)

    assert (look.answer, look.reason) == (answer.expect["answer"], answer.expect["reason"])
    if look.answer is Answer.CLICKED:
        assert look.result == answer.expect["result"]
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
    look = classify(200, json.dumps({"result": {"linkClicked": True, "phoneMatch": said}}).encode())

    assert look.result is not None
    assert look.result["phoneMatch"] == understood


@pytest.mark.parametrize("said", [1, 0, "yes", "", None, [True], {"true": True}])
def test_only_true_is_a_click(said):
    look = classify(200, json.dumps({"result": {"linkClicked": said}}).encode())

    assert look == Look(Answer.UNAVAILABLE, Reason.BAD_ANSWER)


def test_a_field_too_long_to_be_one_is_left_out():
    look = classify(
        200, json.dumps({"result": {"linkClicked": True, "carrier": "x" * 257, "lineType": "Mobile"}}).encode()
    )

    assert look.result is not None
    assert (look.result["carrier"], look.result["lineType"]) == (None, "Mobile")


def test_an_error_beside_a_click_is_no_click():
    body = {"error": {"message": "Something new"}, "result": {"linkClicked": True}}

    assert classify(200, json.dumps(body).encode()) == Look(Answer.UNAVAILABLE, Reason.BAD_ANSWER)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["result", "error", "message", "linkClicked", "x"]) | st.text(), inner)
    ),
    max_leaves=20,
)


@given(st.integers(100, 599), JSON.map(lambda value: json.dumps(value).encode()) | st.binary())
def test_whatever_comes_back_is_an_answer_and_only_a_true_link_clicked_is_a_click(status, body):
    look = classify(status, body)

    assert (look.reason is None) == (look.answer in {Answer.CLICKED, Answer.PENDING})
    assert look.answer is not Answer.CLICKED or b"true" in body.lower()
