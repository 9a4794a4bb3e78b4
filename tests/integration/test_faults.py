"""Calls to AWS that fail, get lost or hang, on the deployed stack: the outcome, and the API's answers.

tests/definition plays every fault at every place; here each kind goes through the deployed functions and definition once.
"""

import json
from concurrent.futures import Future

import pytest

from tests.integration import calls
from tests.integration.calls import CHECK, TRIES, hang, lose_answers, refuse
from tests.integration.conftest import Link, assert_finished, first_answer, send_link, start_all
from tests.integration.test_entry_points import assert_documented

CLICKED = {"answer": "clicked"}
#: Longer than a test: the number of calls is what ends a fault.
LONG = 3600


@pytest.fixture(scope="module", autouse=True)
def faulty(stack) -> dict[str, Future[Link]]:
    """Verifications that meet faults, all at once."""

    def refused() -> Link:
        link = send_link(stack, CLICKED)
        for call in (calls.READ, calls.RECORD, calls.PUBLISH, calls.MARK):
            refuse(stack, call, link.verification_id, LONG, times=2)
        for error in ("Lambda.TooManyRequestsException", "ValueError"):  # retried within the check; costs the check
            refuse(stack, CHECK, link.verification_id, LONG, error=error, times=1)
        link.start_by("api")
        return link

    def unanswered() -> Link:
        link = send_link(stack, CLICKED)
        for call in (calls.RECORD, calls.PUBLISH, calls.MARK):
            lose_answers(stack, call, link.verification_id, LONG, times=1)
        refuse(stack, CHECK, link.verification_id, LONG, error="Sandbox.Timedout", times=1)
        link.start_by("event")
        return link

    def every_check() -> Link:
        link = send_link(stack, seconds_ago=180)
        refuse(stack, CHECK, link.verification_id, LONG)
        link.start_by("api")
        return link

    return start_all({act.__name__: act for act in (refused, unanswered, every_check)})


@pytest.mark.parametrize("name", ["refused", "unanswered"])
def test_faults_that_pass_cost_one_check_and_need_no_other_execution(name, faulty):
    link = faulty[name].result()

    item = assert_finished(link, "LINK_CLICKED")

    assert (item["executionName"], item["takeovers"]) == (link.verification_id, 0)
    assert item["checks"] > len(link.checks_at())


def test_an_event_whose_answer_is_lost_is_published_again_and_the_same(stack, faulty):
    link = faulty["unanswered"].result()
    assert_finished(link, "LINK_CLICKED")

    link.await_that(lambda: len(stack.events(link.verification_id)) == 2, "both events have arrived")


def test_a_check_that_fails_to_the_end_results_in_unknown(faulty):
    link = faulty["every_check"].result()

    assert_finished(link, "UNKNOWN", "CHECK_FAILED")

    assert link.checks_at() == []


def test_a_check_past_the_deadline_is_not_made(stack):
    link = send_link(stack, CLICKED)
    event = {**link.fields, "deadline": stack.clock.now().isoformat(timespec="milliseconds")}

    answer = stack.invoke("CheckLink", json.dumps(event))

    assert json.loads(answer["Payload"].read())["reason"] == "PAST_DEADLINE"
    assert stack.signzy.requests(link.request_id) == []


# ── Starts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_start_whose_table_hangs_is_unavailable_and_safe_to_send_again(stack):
    link = send_link(stack, CLICKED)
    hang(stack, calls.PUT, link.verification_id, LONG, times=TRIES)

    answer = stack.call_api("POST", "/verifications", link.fields)

    assert answer.status == 503  # by the function itself, so within its time-out, which is below API Gateway's
    assert_documented(answer, "post", "/verifications")
    assert stack.execution(link.verification_id) is None
    link.start_by("api")
    assert_finished(link, "LINK_CLICKED")


def test_a_start_whose_puts_answer_is_lost_is_accepted_and_watched_once(stack):
    link, answer = first_answer(stack, lambda link: lose_answers(stack, calls.PUT, link.verification_id, LONG, times=1))

    assert answer.status == 202
    assert_finished(link, "LINK_CLICKED")
