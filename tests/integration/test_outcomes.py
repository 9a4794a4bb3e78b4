"""Each outcome through each entry point, and what checks, item, event and API then show. All verifications run at once."""

import json
import re
import time
from datetime import datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

import pytest

from operations.deployed.stack import as_published
from operations.report import rows
from tests.integration.conftest import Link, assert_finished, late_link, send_link
from tests.schemas import complaints

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CLICKED, PENDING = {"answer": "clicked"}, {"answer": "pending"}
PENDING_AT_FIRST, PENDING_BEFORE_THE_LAST = {**PENDING, "checks": [1]}, {**PENDING, "untilSecond": 294}
UNKNOWN_IDS, MALFORMED_IDS = {"answer": "unknown-ids"}, {"answer": "malformed-request-id"}


class Case(NamedTuple):
    """script: what the checks get. checks: how many there are, where that does not depend on when the start came."""

    script: list[dict[str, Any]]
    outcome: str
    reason: str | None = None
    checks: int | None = None
    seconds_ago: float = 240


CASES = {
    "a click": Case([PENDING_AT_FIRST, CLICKED], "LINK_CLICKED", checks=2),
    "a click between the last two checks": Case([PENDING_BEFORE_THE_LAST, CLICKED], "LINK_CLICKED"),
    "no click": Case([PENDING], "EXPIRED"),
    "an upstream that is down": Case([{"answer": "upstream-down"}], "UNKNOWN", "UPSTREAM_DOWN"),
    "one bad answer": Case(
        [PENDING_AT_FIRST, {"answer": "502-html", "checks": [2]}, CLICKED], "LINK_CLICKED", checks=3
    ),
    "a bad answer to the last check": Case([PENDING_BEFORE_THE_LAST, {"answer": "throttled"}], "UNKNOWN", "THROTTLED"),
    "no answer to the last check": Case([PENDING_BEFORE_THE_LAST, {"answer": "hang"}], "UNKNOWN", "TIMEOUT"),
    "a good answer to the last check only": Case([{"answer": "502-html", "untilSecond": 294}, PENDING], "EXPIRED"),
    "ids unknown at first": Case([{**UNKNOWN_IDS, "checks": [1]}, CLICKED], "LINK_CLICKED", checks=2),
    "ids unknown in the middle": Case(
        [PENDING_AT_FIRST, {**UNKNOWN_IDS, "checks": [2]}, CLICKED], "LINK_CLICKED", checks=3
    ),
    "ids unknown twice at the start": Case([UNKNOWN_IDS], "REJECTED", "UNKNOWN_IDS", checks=2),
    "ids unknown after a not clicked": Case([PENDING_AT_FIRST, UNKNOWN_IDS], "UNKNOWN", "UNKNOWN_IDS"),
    "ids malformed at first": Case([{**MALFORMED_IDS, "checks": [1]}, CLICKED], "LINK_CLICKED", checks=2),
    "ids malformed in the middle": Case(
        [PENDING_AT_FIRST, {**MALFORMED_IDS, "checks": [2, 3]}, CLICKED], "LINK_CLICKED", checks=4
    ),
    "ids malformed twice at the start": Case([MALFORMED_IDS], "REJECTED", "MALFORMED_IDS", checks=2),
    "ids malformed after a not clicked": Case([PENDING_AT_FIRST, MALFORMED_IDS], "UNKNOWN", "MALFORMED_IDS"),
    "a start past the deadline": Case([CLICKED], "UNKNOWN", "STARTED_TOO_LATE", checks=0, seconds_ago=360),
}
#: One for each outcome that a check can result in. The others are the same for both entry points from the item on.
BY_EVENT = [
    "a click",
    "no click",
    "an upstream that is down",
    "ids unknown twice at the start",
    "a start past the deadline",
]
STARTED = [(name, "api") for name in CASES] + [(name, "event") for name in BY_EVENT]


@pytest.fixture(scope="module", autouse=True)  # first, because it takes the longest
def whole_window(stack) -> Link:
    """A link that is never clicked, watched from the moment at which it was sent."""
    link = send_link(stack)
    link.start_by("api", correlationId="whole window")
    return link


@pytest.fixture(scope="module")
def watched(stack) -> dict[tuple[str, str], Link]:
    links = {}
    for name, entry_point in STARTED:
        case = CASES[name]
        links[name, entry_point] = late_link(stack, case.seconds_ago, *case.script, entry_point=entry_point)
        time.sleep(0.1)  # the emulator starts a Lambda for each check that comes while another one is running
    return links


@pytest.mark.parametrize(("name", "entry_point"), STARTED)
def test_the_outcome_is_what_signzys_answers_say(name, entry_point, watched):
    link, case = watched[name, entry_point], CASES[name]

    item = assert_finished(link, case.outcome, case.reason)

    assert item["checks"] == len(link.checks_at())
    assert case.checks in (None, item["checks"])
    assert (item["source"], item["takeovers"]) == (entry_point.upper(), 0)


@pytest.mark.parametrize(("name", "entry_point"), STARTED)
def test_item_event_and_api_follow_the_contract_and_agree(name, entry_point, watched):
    link = watched[name, entry_point]
    item, event, shown = link.settled(), link.event(), link.stack.find(link.verification_id).body
    published = as_published(item)

    assert complaints("verification-settled", event) == []
    assert event["detail"] == {key: published.get(key) for key in event["detail"]}
    assert shown == {key: published.get(key) for key in shown}
    assert shown["status"] == "SETTLED"
    assert item["reason"] == (shown["reason"] or "")
    assert json.loads(item["result"]) == shown["result"]
    assert (shown["result"] is not None) == (shown["outcome"] == "LINK_CLICKED")
    assert all(TIME.fullmatch(item[key]) for key in ("linkSentAt", "deadline", "startedAt", "settledAt", "publishedAt"))
    assert "openVerifications" not in item
    published_at = datetime.fromisoformat(item["publishedAt"]).timestamp()
    assert item["expiresAt"] - published_at == pytest.approx(91 * 86400, abs=10)


@pytest.mark.parametrize(("name", "entry_point"), STARTED)
def test_a_verification_takes_three_transitions_a_check_and_five_around_them(name, entry_point, watched):
    link = watched[name, entry_point]
    checks = link.settled()["checks"]

    assert len(link.stack.states_entered(link.verification_id)) == 3 * checks + 5


def test_a_click_carries_what_signzy_says_about_the_line(watched):
    assert assert_finished(watched["a click", "api"], "LINK_CLICKED")["result"] == {
        "transactionId": "12225083692",
        "carrier": "T-Mobile USA",
        "lineType": "Mobile",
        "countryCode": "US",
        "phoneMatch": "true",
        "ipAddressMatch": True,
    }


def test_an_execution_is_given_and_returns_nothing_but_the_verification(watched):
    link = watched["a click", "api"]
    link.settled()

    execution = link.await_end(link.verification_id)

    assert json.loads(execution["input"]) == {"verificationId": link.verification_id}
    assert json.loads(execution["output"]) == {}


def test_the_report_has_a_row_for_each(stack, watched):
    for link in watched.values():
        link.settled()
    now = stack.clock.now()

    found = rows(stack, now - timedelta(days=30), now)

    outcomes = {row["id"]: row["outcome"] for row in found}
    assert outcomes.items() >= {(link.verification_id, CASES[name].outcome) for (name, _), link in watched.items()}


def test_checks_are_made_on_the_schedule_and_the_last_one_before_the_deadline(whole_window):
    assert_finished(whole_window, "EXPIRED")

    checks_at = whole_window.checks_at()

    due = [*range(10, 300, 10), 298]
    assert len(checks_at) == len(due)
    lateness = [checked_at - point for checked_at, point in zip(checks_at, due, strict=True)]
    # linkSentAt has milliseconds, the schedule has whole seconds.
    assert min(lateness) > -1, lateness
    assert median(lateness) < 1, lateness
    assert max(lateness) < 10, lateness
