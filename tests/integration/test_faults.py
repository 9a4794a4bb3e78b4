"""Calls to AWS that fail, get lost or hang for a while, on the deployed stack: the outcome, and the API's answers."""

import time
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.integration import calls
from tests.integration.calls import CHECK, Call, hang, lose_answers, refuse
from tests.integration.conftest import Link, assert_finished, late_link, moment, send_link

CLICKED_AT_THE_SECOND_CHECK = [{"answer": "pending", "checks": [1]}, {"answer": "clicked"}]
#: API Gateway waits no longer.
ANSWER_SECONDS = 29


class Fault(NamedTuple):
    call: Call
    act: Callable[..., None]
    seconds: float = 300
    times: int = 1000


FAULTS = {
    "the table refuses the read": Fault(calls.READ, refuse, 20),
    "the table refuses the outcome": Fault(calls.RECORD, refuse, 45),
    "the outcome's answer is lost": Fault(calls.RECORD, lose_answers, times=1),
    "the bus refuses the event": Fault(calls.PUBLISH, refuse, 45),
    "the event's answer is lost": Fault(calls.PUBLISH, lose_answers, times=1),
    "the table throttles the mark": Fault(calls.MARK, refuse, 45),
    "the mark's answer is lost": Fault(calls.MARK, lose_answers, times=1),
    "CheckLink raises": Fault(CHECK, refuse, times=1),
    "CheckLink times out": Fault(CHECK._replace(error="Sandbox.Timedout"), refuse, times=1),
    "Lambda throttles CheckLink": Fault(CHECK._replace(error="Lambda.TooManyRequestsException"), refuse, times=1),
}


@pytest.fixture(scope="module")
def faulty(stack) -> dict[str, Link]:
    links = {}
    for name, fault in FAULTS.items():
        link = links[name] = send_link(stack, *CLICKED_AT_THE_SECOND_CHECK, sent_seconds_ago=150)
        fault.act(stack, fault.call, link.verification_id, fault.seconds, times=fault.times)
        link.start_by("api", linkSentAt=moment(stack, 150))
    return links


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes_changes_no_outcome_and_needs_no_other_execution(name, faulty):
    link = faulty[name]

    item = assert_finished(link, "LINK_CLICKED")

    assert (item["executionName"], item["takeovers"]) == (link.verification_id, 0)
    assert len(link.checks_at()) == 2


def test_a_check_that_fails_to_the_end_results_in_unknown(stack):
    link = send_link(stack, sent_seconds_ago=270)
    refuse(stack, CHECK, link.verification_id, 120)
    link.start_by("api", linkSentAt=moment(stack, 270))

    assert_finished(link, "UNKNOWN", "CHECK_FAILED")

    assert link.checks_at() == []


def test_a_last_check_that_begins_after_the_deadline_is_not_made(stack):
    link = send_link(stack, sent_seconds_ago=270)
    # CheckLink is called two seconds before the deadline, and begins two seconds after it.
    stack.faults.refuse("invoke", None, ["-CheckLink-", link.request_id], 60, in_seconds=25, lateBySeconds=4)
    link.start_by("api", linkSentAt=moment(stack, 270))

    item = assert_finished(link, "UNKNOWN", "PAST_DEADLINE")

    assert item["checks"] == len(link.checks_at())


# ── Calls of the API that hang ────────────────────────────────────────────────────────────────────────────────────────


def test_a_start_is_unavailable_while_the_table_hangs(stack):
    link = send_link(stack)
    hang(stack, calls.PUT, link.verification_id, 60)
    began_ms = stack.clock.now_ms()

    answer = link.start()

    assert (answer.status, answer.body["error"]["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"
    assert stack.clock.now_ms() - began_ms < ANSWER_SECONDS * 1000


def test_a_start_whose_startexecution_hangs_is_accepted_and_watched(stack):
    link = send_link(stack, {"answer": "clicked"})
    hang(stack, calls.START, link.verification_id, 20)
    began_ms = stack.clock.now_ms()

    assert link.start().status == 202

    assert stack.clock.now_ms() - began_ms < ANSWER_SECONDS * 1000
    assert_finished(link, "LINK_CLICKED")


def test_a_cancel_whose_stopexecution_hangs_is_answered_and_final(stack):
    link = late_link(stack, 200)
    link.await_state("Check Link")
    hang(stack, calls.STOP, link.verification_id, 60)
    began_ms = stack.clock.now_ms()

    assert stack.cancel(link.verification_id).status == 200

    assert stack.clock.now_ms() - began_ms < ANSWER_SECONDS * 1000
    assert_finished(link, "CANCELLED")


def test_a_start_whose_puts_answer_is_lost_is_accepted_and_watched_once(stack):
    link = send_link(stack, {"answer": "clicked"})
    lose_answers(stack, calls.PUT, link.verification_id, 60, times=1)

    assert link.start().status == 202

    assert_finished(link, "LINK_CLICKED")
    assert len(link.checks_at()) == 1


def test_a_start_that_the_table_refuses_is_safe_to_send_again(stack):
    link = send_link(stack, {"answer": "clicked"})
    refuse(stack, calls.PUT, link.verification_id, 30)
    assert link.start().status == 503
    assert stack.executions.find(link.verification_id) is None

    time.sleep(30 / stack.clock.speed)

    assert link.start().status == 202
    assert_finished(link, "LINK_CLICKED")
