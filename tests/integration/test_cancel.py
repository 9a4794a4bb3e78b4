"""A cancel that was answered with 200 is final on the deployed stack, whatever AWS refuses and Signzy says after it."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from tests.integration import calls
from tests.integration.calls import refuse, start_of
from tests.integration.conftest import Link, assert_finished, late_link, moment, send_link

UNKNOWN = "0" * 24 + "-" + "1" * 24


def assert_cancelled(link: Link) -> dict[str, Any]:
    """Returns the item as published: CANCELLED, with nothing of a check or a click, in no event either."""
    item = assert_finished(link, "CANCELLED")
    details = [event["detail"] for event in link.stack.events(link.verification_id)]
    for shown in [item, *details, link.stack.find(link.verification_id).body]:
        assert [shown[field] for field in ("result", "reason", "checks")] == [None, None, None]
    return item


def test_a_cancel_is_answered_when_it_is_stored_and_ends_the_checks(stack):
    link = send_link(stack)
    link.start_by("event", correlationId="application-4711")
    link.await_state("Check Link")

    answer = stack.cancel(link.verification_id)

    assert (answer.status, answer.body["status"], answer.body["outcome"]) == (200, "SETTLED", "CANCELLED")
    item = assert_cancelled(link)
    checks = len(link.checks_at())
    assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-cancel", 0)
    assert item["correlationId"] == "application-4711"
    assert link.await_end(link.verification_id)["status"] == "ABORTED"
    time.sleep(25 / stack.clock.speed)
    assert len(link.checks_at()) == checks


def test_a_verification_that_is_cancelled_right_after_its_start_is_published_once_and_never_checked(stack):
    link = send_link(stack, {"answer": "clicked"})
    link.start_by("api")

    assert stack.cancel(link.verification_id).status == 200

    assert_cancelled(link)
    for name in (link.verification_id, f"{link.verification_id}-cancel"):
        link.await_end(name)
    assert len(stack.events(link.verification_id)) == 1
    assert link.checks_at() == []


def test_a_cancel_or_a_start_after_a_cancel_shows_it_and_changes_nothing(stack):
    link = send_link(stack)
    link.start_by("api")
    stack.cancel(link.verification_id)
    item = assert_cancelled(link)

    cancelled, started = stack.cancel(link.verification_id), link.start()

    assert (cancelled.status, started.status) == (200, 200)
    assert cancelled.body == started.body == stack.find(link.verification_id).body
    assert assert_cancelled(link) == item


def test_a_verification_with_another_outcome_cannot_be_cancelled(stack):
    link = send_link(stack, {"answer": "clicked"})
    link.start_by("api")
    item = link.settled()

    answer = stack.cancel(link.verification_id)

    assert (answer.status, answer.body["outcome"]) == (409, "LINK_CLICKED")
    assert stack.item(link.verification_id) == item
    assert stack.executions.find(f"{link.verification_id}-cancel") is None


@pytest.mark.parametrize("seconds", [9.5, 10.0])
def test_cancels_and_a_click_at_the_same_time_have_one_outcome(seconds, stack):
    link = send_link(stack, {"answer": "clicked"})
    sent_ms = datetime.fromisoformat(link.start().body["linkSentAt"]).timestamp() * 1000
    stack.clock.sleep(max(0, seconds - (stack.clock.now_ms() - sent_ms) / 1000))

    with ThreadPoolExecutor(3) as pool:
        statuses = set(pool.map(lambda _: stack.cancel(link.verification_id).status, range(3)))

    assert statuses in ({200}, {409})
    if statuses == {200}:
        assert_cancelled(link)
    else:
        assert_finished(link, "LINK_CLICKED")


# ── Cancels that meet a fault, at the same time ───────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def cancelled(stack) -> dict[str, Link]:
    links = {}

    link = links["start and stop refused"] = late_link(stack, 200)
    link.await_state("Wait For Next Check")
    refuse(stack, start_of(f"{link.verification_id}-cancel"), link.verification_id, 30)
    refuse(stack, calls.STOP, link.verification_id, 30)
    assert stack.cancel(link.verification_id).status == 200

    link = links["a click seen and not recorded"] = send_link(stack, {"answer": "clicked"}, sent_seconds_ago=200)
    refuse(stack, calls.RECORD, link.verification_id, 45)
    refuse(stack, calls.STOP, link.verification_id, 45)
    link.start_by("api", linkSentAt=moment(stack, 200))
    link.await_state("Record Outcome")
    assert stack.cancel(link.verification_id).status == 200

    link = links["its execution failed"] = late_link(stack, 200)
    refuse(stack, calls.PUBLISH, link.verification_id, 20)
    assert stack.cancel(link.verification_id).status == 200
    stack.executions.abort(f"{link.verification_id}-cancel")
    return links


def test_a_cancel_whose_start_and_stop_are_refused_is_finished_by_the_sweep(cancelled):
    link = cancelled["start and stop refused"]

    item = assert_cancelled(link)

    execution = link.stack.executions.find(item["executionName"])
    assert 30 < (execution["startDate"] - datetime.fromisoformat(item["settledAt"])).total_seconds() < 120


def test_a_cancel_has_nothing_of_a_click_that_was_seen_and_not_recorded(cancelled):
    link = cancelled["a click seen and not recorded"]
    item = assert_cancelled(link)

    assert link.await_end(link.verification_id)["status"] == "SUCCEEDED"

    assert len(link.checks_at()) == 1
    assert assert_cancelled(link) == item


def test_a_cancel_whose_execution_failed_is_published_as_a_cancel(cancelled):
    item = assert_cancelled(cancelled["its execution failed"])

    assert (item["executionName"][49:], item["takeovers"]) == ("-r1", 1)
