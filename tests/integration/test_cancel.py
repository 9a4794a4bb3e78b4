"""A cancel that was answered with 200 is final on the deployed stack, whatever AWS refuses and Signzy says after it (G6)."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from operations.deployed.clock import await_that
from tests.integration import calls
from tests.integration.calls import lose_answers, refuse, start_of
from tests.integration.conftest import PATIENCE, Link, assert_finished_once, await_state, send_link

UNKNOWN = "0" * 24 + "-" + "1" * 24


def assert_cancelled(link: Link) -> dict:
    """Gives the item: CANCELLED, and nothing of a check or a click in it or in an event."""
    item = assert_finished_once(link, "CANCELLED")
    details = [event["detail"] for event in link.stack.events(link.verification_id)]
    for shown in [item, *details, link.stack.find(link.verification_id).body]:
        assert [shown[field] for field in ("result", "reason", "checks")] == [None, None, None]
    return item


def test_a_cancel_is_answered_when_it_is_stored_and_ends_the_checks(stack):
    link = send_link(stack)
    link.start(correlationId="application-4711")
    await_state(link, "Check Link")

    cancelled = stack.cancel(link.verification_id)

    shown = cancelled.body
    assert (cancelled.status, shown["status"], shown["outcome"]) == (200, "SETTLED", "CANCELLED")
    assert [shown[field] for field in ("result", "reason", "checks")] == [None, None, None]
    item = assert_cancelled(link)
    checks = len(link.checks_at())
    assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-cancel", 0)
    assert item["correlationId"] == "application-4711"
    assert stack.executions.find(link.verification_id)["status"] == "ABORTED"
    assert stack.executions.states_entered(f"{link.verification_id}-cancel")[-2:] == [
        "Publish Outcome",
        "Mark Published",
    ]
    time.sleep(25 / stack.clock.speed)
    assert len(link.checks_at()) == checks


def test_a_cancel_again_is_answered_alike_and_changes_nothing(stack):
    link = send_link(stack)
    link.start()
    stack.cancel(link.verification_id)
    item = assert_cancelled(link)

    again = stack.cancel(link.verification_id)

    assert (again.status, again.body) == (200, stack.find(link.verification_id).body)
    assert stack.item(link.verification_id) == item
    # At least one: the execution that was cancelled may have read the outcome and published it before it was stopped.
    details = [event["detail"] for event in stack.events(link.verification_id)]
    assert details
    assert details == details[:1] * len(details)


def test_a_start_after_a_cancel_shows_the_cancel_and_starts_nothing(stack):
    link = send_link(stack, {"answer": "clicked"})
    link.start()
    stack.cancel(link.verification_id)

    again = link.start()

    assert (again.status, again.body["outcome"]) == (200, "CANCELLED")
    assert_cancelled(link)


def test_what_has_another_outcome_cannot_be_cancelled(stack):
    link = send_link(stack, {"answer": "clicked"})
    link.start()
    item = link.settled()

    answer = stack.cancel(link.verification_id)

    assert (answer.status, answer.body["outcome"]) == (409, "LINK_CLICKED")
    assert stack.item(link.verification_id) == item
    assert stack.executions.find(f"{link.verification_id}-cancel") is None


def test_what_nobody_started_cannot_be_cancelled(stack):
    assert stack.cancel(UNKNOWN).status == 404
    assert stack.item(UNKNOWN) is None


def test_a_verification_that_is_cancelled_right_after_its_start_is_never_checked(stack):
    link = send_link(stack)
    link.start()

    assert stack.cancel(link.verification_id).status == 200

    assert_cancelled(link)
    assert link.checks_at() == []


@pytest.mark.parametrize("seconds", [9.0, 9.5, 10.0, 10.3])
def test_cancel_against_click_and_cancel_against_cancel_come_to_one_outcome(seconds, stack):
    link = send_link(stack, {"answer": "clicked"})
    started = link.start().body
    sent_ms = datetime.fromisoformat(started["linkSentAt"]).timestamp() * 1000
    stack.clock.sleep(max(0, seconds - (stack.clock.now_ms() - sent_ms) / 1000))

    with ThreadPoolExecutor(3) as pool:
        statuses = list(pool.map(lambda _: stack.cancel(link.verification_id).status, range(3)))

    assert set(statuses) in ({200}, {409})
    if statuses[0] == 200:
        assert_cancelled(link)
    else:
        assert_finished_once(link, "LINK_CLICKED")


# ── Side by side ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def cancelled(stack) -> dict[str, Link]:
    """Verifications that were cancelled while something went wrong; what comes of them comes side by side."""
    links = {}

    link = links["start and stop refused"] = send_link(stack)
    link.start()
    await_state(link, "Wait For Next Check")
    refuse(stack, start_of(f"{link.verification_id}-cancel"), link.verification_id, 30)
    refuse(stack, calls.STOP, link.verification_id, 30)
    assert stack.cancel(link.verification_id).status == 200

    link = links["a click after it"] = send_link(stack, {"fromSecond": 15, "answer": "clicked"})
    link.start()
    await_state(link, "Wait For Next Check")
    refuse(stack, calls.STOP, link.verification_id, 30)  # so that the click is really seen
    assert stack.cancel(link.verification_id).status == 200

    link = links["a click seen and not recorded"] = send_link(stack, {"answer": "clicked"})
    refuse(stack, calls.RECORD, link.verification_id, 60)
    refuse(stack, calls.STOP, link.verification_id, 60)
    link.start()
    await_state(link, "Record Outcome")
    assert stack.cancel(link.verification_id).status == 200

    link = links["its execution died"] = send_link(stack)
    link.start()
    refuse(stack, calls.PUBLISH, link.verification_id, 20)
    assert stack.cancel(link.verification_id).status == 200
    stack.executions.abort(f"{link.verification_id}-cancel")

    link = links["its answer was lost"] = send_link(stack)
    link.start()
    lose_answers(stack, calls.CANCEL, link.verification_id, 30, times=1)
    assert stack.cancel(link.verification_id).status == 200
    return links


def test_a_cancel_whose_start_and_stop_are_refused_is_finished_by_the_sweep(cancelled):
    link = cancelled["start and stop refused"]

    item = assert_cancelled(link)

    execution = link.stack.executions.find(item["executionName"])
    assert 30 < (execution["startDate"] - datetime.fromisoformat(item["settledAt"])).total_seconds() < 120


def test_a_click_after_a_cancel_is_not_stored(cancelled):
    link = cancelled["a click after it"]
    stack = link.stack
    item = assert_cancelled(link)

    asked = stack.signzy.requests
    await_that(lambda: "clicked" in {r.answer for r in asked(link.request_id)}, PATIENCE, "the click is seen")
    first = await_that(lambda: ended(stack, link.verification_id), PATIENCE, "the execution that saw it has ended")

    assert first["status"] == "SUCCEEDED"
    assert stack.item(link.verification_id) == item
    assert_cancelled(link)


def test_nothing_of_a_click_that_was_not_recorded_is_in_a_cancel(cancelled):
    link = cancelled["a click seen and not recorded"]
    stack = link.stack
    item = assert_cancelled(link)

    first = await_that(lambda: ended(stack, link.verification_id), PATIENCE, "the execution that saw it has ended")

    assert first["status"] == "SUCCEEDED"
    assert len(link.checks_at()) == 1
    assert stack.item(link.verification_id) == item
    assert_cancelled(link)


def test_a_cancel_whose_execution_dies_is_published_as_a_cancel(cancelled):
    item = assert_cancelled(cancelled["its execution died"])

    assert (item["executionName"][49:], item["takeovers"]) == ("-r1", 1)


def test_a_cancel_whose_answer_was_lost_is_finished_all_the_same(cancelled):
    assert_cancelled(cancelled["its answer was lost"])


def ended(stack, name: str) -> dict | None:
    execution = stack.executions.find(name)
    return execution if execution["status"] != "RUNNING" else None
