"""What AWS may refuse for a while, on the deployed stack: what is stored, what is published, when (G1, G4).

The emulator refuses the calls itself (local/emulator.py); everything else is as deployed.
"""

from collections.abc import Callable
from datetime import datetime

import pytest

from tests.integration import calls
from tests.integration.calls import CHECK, Call, lose_answers, refuse
from tests.integration.conftest import Link, assert_finished_once, moment, send_link

CLICKED_AT_30_S = [{"untilSecond": 25, "answer": "pending"}, {"answer": "clicked"}]

#: name: what is refused or lost, for how long, and the latest settling; in seconds after the link was sent
FAULTS: dict[str, tuple[Call, Callable[..., None], float, float]] = {
    "the table refuses the read": (calls.READ, refuse, 20, 60),
    "the table throttles the outcome for two minutes": (calls.RECORD, refuse, 150, 300),
    "the outcome's answer is lost": (calls.RECORD, lose_answers, 35, 60),
    "the bus refuses events for two minutes": (calls.PUBLISH, refuse, 150, 60),
    "the bus takes the event and its answer is lost": (calls.PUBLISH, lose_answers, 35, 60),
    "the table throttles the mark": (calls.MARK, refuse, 60, 60),
    "the mark's answer is lost": (calls.MARK, lose_answers, 40, 60),
    "CheckLink raises": (CHECK, refuse, 35, 60),
    "CheckLink times out": (CHECK._replace(error="Sandbox.Timedout"), refuse, 35, 60),
    "CheckLink runs out of memory": (CHECK._replace(error="Runtime.ExitError"), refuse, 35, 60),
    "CheckLink is throttled": (CHECK._replace(error="Lambda.TooManyRequestsException"), refuse, 35, 60),
    "Lambda fails for reasons of its own": (CHECK._replace(error="Lambda.ServiceException"), refuse, 35, 60),
}


@pytest.fixture(scope="module")
def faulty(stack) -> dict[str, Link]:
    """One verification per fault, all under way side by side."""
    links = {}
    for name, (call, break_it, seconds, _) in FAULTS.items():
        links[name] = send_link(stack, *CLICKED_AT_30_S)
        break_it(stack, call, links[name].verification_id, seconds)
        assert links[name].start().status == 202
    return links


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes_changes_no_outcome(name, faulty):
    link, latest = faulty[name], FAULTS[name][-1]

    item = assert_finished_once(link, "LINK_CLICKED")

    settled_after = datetime.fromisoformat(item["settledAt"]) - datetime.fromisoformat(item["linkSentAt"])
    assert settled_after.total_seconds() < latest
    assert (item["executionName"], item["takeovers"]) == (link.verification_id, 0)  # it was sat out in place
    assert len(link.checks_at()) == len(set(map(round, link.checks_at())))


@pytest.fixture(scope="module")
def failing(stack) -> dict[str, Link]:
    """One verification per way in which CheckLink fails, until the window is over."""
    links = {}
    for error in ("ValueError", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.TooManyRequestsException"):
        links[error] = send_link(stack, sent_seconds_ago=250)
        refuse(stack, CHECK._replace(error=error), links[error].verification_id, 400)
        assert links[error].start(linkSentAt=moment(stack, 250)).status == 202
    return links


@pytest.mark.parametrize(
    "error", ["ValueError", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.TooManyRequestsException"]
)
def test_a_check_that_fails_to_the_end_is_unknown(error, failing):
    link = failing[error]

    assert_finished_once(link, "UNKNOWN", "CHECK_FAILED")

    assert link.checks_at() == []


def test_a_last_check_that_comes_too_late_is_unknown_whatever_an_earlier_one_said(stack):
    link = send_link(stack, sent_seconds_ago=270)
    # CheckLink is called two seconds before the deadline, and begins two seconds after it.
    stack.faults.refuse("invoke", None, ["-CheckLink-", link.request_id], 60, in_seconds=25, lateBySeconds=4)
    link.start(linkSentAt=moment(stack, 270))

    item = assert_finished_once(link, "UNKNOWN", "PAST_DEADLINE")

    assert item["checks"] == len(link.checks_at()) == 2
