"""A cancel that was answered with 200 is final on the deployed stack, whatever AWS refuses and Signzy says after it."""

from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import Any

import pytest

from tests.integration import calls
from tests.integration.calls import hang, refuse, start_of
from tests.integration.conftest import Link, assert_finished, late_link, moment, send_link, start_all

CLICKED = {"answer": "clicked"}


def cancel(link: Link) -> Link:
    answer = link.stack.cancel(link.verification_id)
    assert (answer.status, answer.body["status"], answer.body["outcome"]) == (200, "SETTLED", "CANCELLED")
    return link


def assert_cancelled(link: Link) -> dict[str, Any]:
    """Returns the item as published: CANCELLED, with nothing of a check or a click, in no event either."""
    item = assert_finished(link, "CANCELLED")
    details = [event["detail"] for event in link.stack.events(link.verification_id)]
    for shown in [item, *details, link.stack.find(link.verification_id).body]:
        assert [shown[field] for field in ("result", "reason", "checks")] == [None, None, None]
    return item


@pytest.fixture(scope="module")
def cancelled(stack) -> dict[str, Future[Link]]:
    """Verifications that were cancelled, all at once."""

    def while_watched() -> Link:
        link = send_link(stack)
        link.start_by("event", correlationId="application-4711")
        link.await_state("Check Link")
        return cancel(link)

    def right_after_its_start() -> Link:
        link = send_link(stack, CLICKED)
        link.start_by("api")
        return cancel(link)

    def while_step_functions_refuses() -> Link:
        link = late_link(stack, 120)
        link.await_state("Wait For Next Check")
        refuse(stack, start_of(f"{link.verification_id}-cancel"), link.verification_id, 45)
        refuse(stack, calls.STOP, link.verification_id, 45)
        return cancel(link)

    def while_stopexecution_hangs() -> Link:
        link = late_link(stack, 120)
        link.await_state("Wait For Next Check")
        hang(stack, calls.STOP, link.verification_id, 60)
        return cancel(link)

    def after_a_click_that_is_not_recorded() -> Link:
        link = send_link(stack, CLICKED, sent_seconds_ago=120)
        refuse(stack, calls.RECORD, link.verification_id, 45)
        refuse(stack, calls.STOP, link.verification_id, 45)
        link.start_by("api", linkSentAt=moment(stack, 120))
        link.await_state("Record Outcome")
        return cancel(link)

    def by_an_execution_that_fails() -> Link:
        link = late_link(stack, 120)
        refuse(stack, calls.PUBLISH, link.verification_id, 20)
        cancel(link)
        stack.abort(f"{link.verification_id}-cancel")
        return link

    cancels: list[Callable[[], Link]] = [
        *(while_watched, right_after_its_start, while_step_functions_refuses, while_stopexecution_hangs),
        *(after_a_click_that_is_not_recorded, by_an_execution_that_fails),
    ]
    return start_all({act.__name__: act for act in cancels})


def test_a_verification_that_is_cancelled_right_after_its_start_is_published_once_and_never_checked(stack, cancelled):
    link = cancelled["right_after_its_start"].result()

    assert_cancelled(link)

    for name in (link.verification_id, f"{link.verification_id}-cancel"):
        link.await_end(name)
    assert len(stack.events(link.verification_id)) == 1
    assert link.checks_at() == []


def test_a_cancel_ends_the_checks(cancelled):
    link = cancelled["while_watched"].result()

    item = assert_cancelled(link)

    assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-cancel", 0)
    assert item["correlationId"] == "application-4711"
    assert link.await_end(link.verification_id)["status"] == "ABORTED"


def test_a_cancel_or_a_start_after_a_cancel_shows_it_and_changes_nothing(stack, cancelled):
    link = cancelled["while_watched"].result()
    item = assert_cancelled(link)

    again, started = stack.cancel(link.verification_id), link.start()

    assert (again.status, started.status) == (200, 200)
    assert again.body == started.body == stack.find(link.verification_id).body
    assert assert_cancelled(link) == item


def test_a_cancel_whose_stopexecution_hangs_is_answered_and_final(cancelled):
    assert_cancelled(cancelled["while_stopexecution_hangs"].result())


def test_a_cancel_whose_execution_failed_is_published_as_a_cancel(cancelled):
    link = cancelled["by_an_execution_that_fails"].result()

    item = assert_cancelled(link)

    assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-r1", 1)


def test_a_cancel_has_nothing_of_a_click_that_was_seen_and_not_recorded(cancelled):
    link = cancelled["after_a_click_that_is_not_recorded"].result()
    item = assert_cancelled(link)

    assert link.await_end(link.verification_id)["status"] == "SUCCEEDED"

    assert len(link.checks_at()) == 1
    assert assert_cancelled(link) == item


def test_a_cancel_whose_start_and_stop_are_refused_is_finished_by_the_sweep(cancelled):
    link = cancelled["while_step_functions_refuses"].result()

    item = assert_cancelled(link)

    execution = link.stack.execution(item["executionName"])
    assert 30 < (execution["startDate"] - datetime.fromisoformat(item["settledAt"])).total_seconds() < 150
