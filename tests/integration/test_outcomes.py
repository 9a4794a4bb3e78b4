"""Each outcome, and what checks, item, event and API then show. All verifications run at once."""

import json
from concurrent.futures import Future
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from operations.report import rows
from tests.integration.conftest import LEAD_SECONDS, Link, assert_finished, late_link, start_all

PENDING, UNKNOWN_IDS = {"answer": "pending"}, {"answer": "unknown-ids"}
CLICKED_IN_THE_END = [{**PENDING, "checks": [1]}, {**UNKNOWN_IDS, "checks": [2, 3]}, {"answer": "clicked"}]
SENT_AGO = 180
#: What the checks get, the entry point, outcome and reason.
CASES: dict[str, tuple[list[dict[str, Any]], str, str, str | None]] = {
    "a click": ([{"answer": "clicked"}], "event", "LINK_CLICKED", None),
    "a click after ids that were rejected": (CLICKED_IN_THE_END, "api", "LINK_CLICKED", None),
    "no click": ([], "api", "EXPIRED", None),
    "a bad answer to the last check": (
        [{**PENDING, "untilSecond": 280}, {"answer": "throttled"}],
        "event",
        "UNKNOWN",
        "THROTTLED",
    ),
    "ids that are unknown twice": ([UNKNOWN_IDS], "event", "REJECTED", "UNKNOWN_IDS"),
}


@pytest.fixture(scope="module")
def watched(stack) -> dict[str, Future[Link]]:
    return start_all(
        {
            name: partial(late_link, stack, SENT_AGO, *script, entry_point=entry_point)
            for name, (script, entry_point, *_) in CASES.items()
        }
    )


@pytest.mark.parametrize("name", CASES)
def test_the_outcome_is_what_signzys_answers_say(name, watched):
    link, (_, entry_point, outcome, reason) = watched[name].result(), CASES[name]

    item = assert_finished(link, outcome, reason)

    assert (item["source"], item["takeovers"]) == (entry_point.upper(), 0)
    assert item["checks"] >= len(link.checks_at()) > 0


def test_a_click_carries_what_signzy_says_about_the_line(watched):
    item = assert_finished(watched["a click"].result(), "LINK_CLICKED")

    assert item["result"] == {
        "transactionId": "12225083692",
        "carrier": "T-Mobile USA",
        "lineType": "Mobile",
        "countryCode": "US",
        "phoneMatch": "true",
        "ipAddressMatch": True,
    }


def test_checks_are_made_on_the_schedule_and_the_last_one_before_the_deadline(stack, watched):
    link = watched["no click"].result()
    assert_finished(link, "EXPIRED")

    checks_at = link.checks_at()

    due = [*range(SENT_AGO + 10, 300, 10), int(stack.parameters["WindowSeconds"]) - LEAD_SECONDS]
    assert len(due) / 2 < len(checks_at) <= len(due)  # a busy machine may skip some, and makes none twice
    assert checks_at[0] > due[0] - 1  # linkSentAt has milliseconds, the schedule has whole seconds
    assert checks_at[-1] > due[-1] - 1


def test_an_execution_is_given_and_returns_nothing_but_the_verification(watched):
    link = watched["a click"].result()
    link.settled()

    execution = link.await_end(link.verification_id)

    assert json.loads(execution["input"]) == {"verificationId": link.verification_id}
    assert json.loads(execution["output"]) == {}


def test_the_report_has_a_row_for_each(stack, watched):
    links = {watched[name].result().verification_id: outcome for name, (*_, outcome, _) in CASES.items()}
    now = stack.clock.now()

    found = rows(stack, now - timedelta(days=30), now)

    assert {row["id"]: row["outcome"] for row in found}.items() >= links.items()
