"""Calls to AWS that fail, get lost or hang for a while, on the deployed stack: the outcome, and the API's answers."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

import pytest

from tests.integration import calls
from tests.integration.calls import CHECK, Call, hang, lose_answers, refuse
from tests.integration.conftest import Link, assert_finished, moment, send_link, start_all
from tests.integration.test_entry_points import assert_documented

CLICKED = {"answer": "clicked"}
CLICKED_AT_THE_SECOND_CHECK = [{"answer": "pending", "checks": [1]}, CLICKED]


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
#: A fault of the API's own calls, and the answer to the start.
STARTS = {
    "the table hangs": (Fault(calls.PUT, hang, times=calls.TRIES), 503),
    "the table refuses the item": (Fault(calls.PUT, refuse, times=calls.TRIES), 503),
    "the item's answer is lost": (Fault(calls.PUT, lose_answers, times=1), 202),
    "StartExecution hangs": (Fault(calls.START, hang, times=calls.TRIES), 202),
}


@pytest.fixture(scope="module", autouse=True)
def faulty(stack) -> dict[str, Future[Link]]:
    """A verification that meets each fault, all at once."""

    def meet(fault: Fault) -> Link:
        link = send_link(stack, *CLICKED_AT_THE_SECOND_CHECK, sent_seconds_ago=150)
        fault.act(stack, fault.call, link.verification_id, fault.seconds, times=fault.times)
        link.start_by("api", linkSentAt=moment(stack, 150))
        return link

    def start(fault: Fault, status: int) -> Link:
        link = send_link(stack, CLICKED)
        fault.act(stack, fault.call, link.verification_id, fault.seconds, times=fault.times)
        answer = link.start()  # by the function itself, so within its time-out, which is below API Gateway's
        assert answer.status == status
        assert_documented(answer, "post", "/verifications")
        return link

    def fail_every_check() -> Link:
        link = send_link(stack, sent_seconds_ago=180)
        refuse(stack, CHECK, link.verification_id, 240)
        link.start_by("api", linkSentAt=moment(stack, 180))
        return link

    def delay_the_last_check() -> Link:
        link = send_link(stack, sent_seconds_ago=180)
        # CheckLink is called two seconds before the deadline, and begins two seconds after it.
        stack.faults.refuse("invoke", None, ["-CheckLink-", link.request_id], 60, in_seconds=115, lateBySeconds=4)
        link.start_by("api", linkSentAt=moment(stack, 180))
        return link

    return start_all(
        {"fails": fail_every_check, "is late": delay_the_last_check}
        | {name: partial(start, *fault_and_status) for name, fault_and_status in STARTS.items()}
        | {name: partial(meet, fault) for name, fault in FAULTS.items()}
    )


@pytest.mark.parametrize("name", ["the table hangs", "the table refuses the item"])
def test_a_start_that_the_table_does_not_take_is_unavailable_and_safe_to_send_again(name, stack, faulty):
    link = faulty[name].result()
    assert stack.execution(link.verification_id) is None

    link.await_that(lambda: link.start().status in {200, 202}, "the table takes it")  # 200 where the late put was taken

    assert_finished(link, "LINK_CLICKED")


def test_a_start_whose_puts_answer_is_lost_is_accepted_and_watched_once(faulty):
    link = faulty["the item's answer is lost"].result()

    assert_finished(link, "LINK_CLICKED")

    assert len(link.checks_at()) == 1


def test_a_start_whose_startexecution_hangs_is_accepted_and_watched(faulty):
    assert_finished(faulty["StartExecution hangs"].result(), "LINK_CLICKED")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes_changes_no_outcome_and_needs_no_other_execution(name, faulty):
    link = faulty[name].result()

    item = assert_finished(link, "LINK_CLICKED")

    assert (item["executionName"], item["takeovers"]) == (link.verification_id, 0)
    assert len(link.checks_at()) == 2


def test_a_check_that_fails_to_the_end_results_in_unknown(faulty):
    link = faulty["fails"].result()

    assert_finished(link, "UNKNOWN", "CHECK_FAILED")

    assert link.checks_at() == []


def test_a_last_check_that_begins_after_the_deadline_is_not_made(faulty):
    link = faulty["is late"].result()

    item = assert_finished(link, "UNKNOWN", "PAST_DEADLINE")

    assert item["checks"] == len(link.checks_at())
