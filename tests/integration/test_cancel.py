"""A cancel that was answered with 200 is final on the deployed stack, whatever AWS refuses and Signzy says after it."""

from concurrent.futures import Future
from typing import Any

import pytest

from tests.integration import calls
from tests.integration.calls import TRIES, hang, refuse, start_of
from tests.integration.conftest import Link, assert_finished, late_link, send_link, start_all


def cancel(link: Link) -> Link:
    answer = link.cancel()
    assert (answer.status, answer.body["status"], answer.body["outcome"]) == (200, "SETTLED", "CANCELLED")
    return link


def assert_cancelled(link: Link) -> dict[str, Any]:
    """Returns the item as published: CANCELLED, with nothing of a check or a click, which events and API show as it is."""
    item = assert_finished(link, "CANCELLED")
    assert [item[field] for field in ("result", "reason", "checks")] == [None, None, None]
    assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-cancel", 0)
    return item


@pytest.fixture(scope="module")
def cancelled(stack) -> dict[str, Future[Link]]:
    """Verifications that were cancelled, all at once."""

    def while_watched() -> Link:
        link = send_link(stack)
        link.start_by("event", correlationId="application-4711")
        link.await_state("Check Link")
        return cancel(link)

    def while_step_functions_does_not_answer() -> Link:
        link = late_link(stack, 0)
        link.await_state("Wait For Next Check")
        refuse(stack, start_of(f"{link.verification_id}-cancel"), link.verification_id, 3600, times=TRIES)
        hang(stack, calls.STOP, link.verification_id, 3600, times=TRIES)
        return cancel(link)

    def after_a_click_that_is_not_recorded() -> Link:
        link = send_link(stack, {"answer": "clicked"})
        refuse(stack, calls.RECORD, link.verification_id, 120)
        refuse(stack, calls.STOP, link.verification_id, 3600, times=TRIES)
        link.start_by("api")
        link.await_state("Record Outcome")
        return cancel(link)

    acts = (while_watched, while_step_functions_does_not_answer, after_a_click_that_is_not_recorded)
    return start_all({act.__name__: act for act in acts})


def test_a_cancel_ends_the_checks(cancelled):
    link = cancelled["while_watched"].result()

    item = assert_cancelled(link)

    assert item["correlationId"] == "application-4711"
    assert link.await_end(link.verification_id)["status"] == "ABORTED"


def test_a_cancel_or_a_start_after_a_cancel_shows_it_and_changes_nothing(cancelled):
    link = cancelled["while_watched"].result()
    item = assert_cancelled(link)

    again, started = link.cancel(), link.start()

    assert (again.status, started.status) == (200, 200)
    assert again.body == started.body == link.shown()
    assert assert_cancelled(link) == item


def test_a_cancel_whose_start_is_refused_and_whose_stop_hangs_is_answered_and_finished_by_the_sweep(cancelled):
    assert_cancelled(cancelled["while_step_functions_does_not_answer"].result())


def test_a_cancel_has_nothing_of_a_click_that_was_seen_and_not_recorded(cancelled):
    link = cancelled["after_a_click_that_is_not_recorded"].result()
    item = assert_cancelled(link)

    assert link.await_end(link.verification_id)["status"] == "SUCCEEDED"

    assert link.checks_at()
    assert assert_cancelled(link) == item
