"""What stops half-way on the deployed stack is finished, and the deadline stays where it was (G1, G2, G5)."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from operations.deployed.clock import await_that
from tests.integration import calls
from tests.integration.calls import refuse
from tests.integration.conftest import PATIENCE, Link, assert_finished_once, await_state, moment, send_link

SLOW_CHECK = {"answer": "pending", "slowBySeconds": 4}

#: What keeps an execution in a state that is over in a moment: its calls are refused for a while, its successor's too.
REFUSED_IN = {
    "Read Verification": calls.READ,
    "Record Outcome": calls.RECORD,
    "Publish Outcome": calls.PUBLISH,
    "Mark Published": calls.MARK,
}


@pytest.fixture(scope="module")
def aborted(stack) -> dict[str, Link]:
    """Verifications whose first execution was aborted, one in each state that an abort can meet; all go on side by side."""
    links = {}
    for state, script in {"Wait For Next Check": {"answer": "pending"}, "Check Link": SLOW_CHECK}.items():
        links[state] = send_link(stack, script, sent_seconds_ago=200)
        links[state].start(linkSentAt=moment(stack, 200))
        await_state(links[state], state)
        stack.executions.abort(links[state].verification_id)
    for state, call in REFUSED_IN.items():
        links[state] = send_link(stack, {"answer": "clicked"})
        refuse(stack, call, links[state].verification_id, 60)
        links[state].start()
    for state in REFUSED_IN:
        await_state(links[state], state)
        stack.executions.abort(links[state].verification_id)
    return links


@pytest.mark.parametrize("state", ["Wait For Next Check", "Check Link"])
def test_an_execution_that_is_aborted_is_replaced_at_once_and_the_deadline_stays(state, aborted):
    link = aborted[state]

    item = assert_finished_once(link, "EXPIRED")

    assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-r1", 1)
    assert link.stack.executions.find(link.verification_id)["status"] == "ABORTED"
    assert link.checks_at()[-1] == pytest.approx(298, abs=2)


@pytest.mark.parametrize("state", REFUSED_IN)
def test_an_execution_that_is_aborted_at_a_call_to_aws_is_replaced(state, aborted):
    link = aborted[state]

    item = assert_finished_once(link, "LINK_CLICKED")

    assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-r1", 1)
    # What was recorded is not asked again; what was not recorded died with its execution.
    assert len(link.checks_at()) == (2 if state == "Record Outcome" else 1)


# ── Told twice, too late, or of another ───────────────────────────────────────────────────────────────────────────────


def status_event(name: str) -> str:
    """What Step Functions says when an execution was aborted."""
    return json.dumps(
        {
            "id": "told-by-hand",
            "detail-type": "Step Functions Execution Status Change",
            "detail": {"name": name, "status": "ABORTED"},
        }
    )


def test_status_events_that_come_twice_and_sweeps_at_once_make_one_takeover(stack):
    link = send_link(stack, SLOW_CHECK, sent_seconds_ago=200)
    link.start(linkSentAt=moment(stack, 200))
    await_state(link, "Wait For Next Check")
    stack.executions.abort(link.verification_id)

    told = [status_event(link.verification_id), '{"sweep": true}'] * 3
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda event: stack.functions.invoke("RecoverUnfinished", event), told))

    item = assert_finished_once(link, "EXPIRED")
    assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-r1", 1)
    assert stack.executions.find(f"{link.verification_id}-r2") is None


def test_a_status_event_about_an_execution_that_is_no_longer_the_named_one_changes_nothing(stack):
    link = send_link(stack, sent_seconds_ago=200)
    link.start(linkSentAt=moment(stack, 200))
    await_state(link, "Wait For Next Check")
    stack.executions.abort(link.verification_id)
    successor = f"{link.verification_id}-r1"
    await_that(lambda: stack.executions.find(successor), PATIENCE, "it is taken over")
    before = stack.item(link.verification_id)

    answer = stack.functions.invoke("RecoverUnfinished", status_event(link.verification_id))

    assert "FunctionError" not in answer
    assert stack.item(link.verification_id) == before
    assert stack.executions.find(successor)["status"] == "RUNNING"
    assert stack.executions.find(f"{link.verification_id}-r2") is None


def test_a_status_event_about_an_execution_that_runs_changes_nothing(stack):
    link = send_link(stack, sent_seconds_ago=200)
    link.start(linkSentAt=moment(stack, 200))
    await_state(link, "Wait For Next Check")
    before = stack.item(link.verification_id)

    stack.functions.invoke("RecoverUnfinished", status_event(link.verification_id))

    assert stack.item(link.verification_id) == before
    assert stack.executions.find(f"{link.verification_id}-r1") is None


def test_a_status_event_about_an_execution_that_is_none_of_ours_is_no_error(stack):
    answer = stack.functions.invoke("RecoverUnfinished", status_event("started-by-hand"))

    assert "FunctionError" not in answer
