"""Whole windows on the deployed stack. All verifications run at once, and each test looks at one of them."""

import re
import time
from datetime import datetime
from statistics import median

import pytest

from tests.integration.conftest import Link, moment, send_link

CLICKED_RESULT = {
    "transactionId": "12225083692",
    "carrier": "T-Mobile USA",
    "lineType": "Mobile",
    "countryCode": "US",
    "phoneMatch": "true",
    "ipAddressMatch": True,
}
EVENT_KEYS = {
    *("schemaVersion", "verificationId", "requestId", "sessionId", "correlationId", "outcome", "reason"),
    *("linkSentAt", "deadline", "settledAt", "checks", "result"),
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

#: name: (when the link was sent, in seconds before the start; what its checks get)
SCENARIOS = {
    "clicked after 42 s": (0, [{"untilSecond": 42, "answer": "pending"}, {"answer": "clicked"}]),
    "clicked between the last two checks": (0, [{"untilSecond": 294, "answer": "pending"}, {"answer": "clicked"}]),
    "never clicked": (0, [{"answer": "pending"}]),
    "unknown ids": (0, [{"answer": "unknown-ids"}]),
    "upstream down to the end": (0, [{"answer": "upstream-down"}]),
    "a bad check in the middle": (
        0,
        [{"checks": [2], "answer": "502-html"}, {"untilSecond": 35, "answer": "pending"}, {"answer": "clicked"}],
    ),
    "bad only at the end": (0, [{"untilSecond": 285, "answer": "pending"}, {"answer": "throttled"}]),
    "bad until the end": (0, [{"untilSecond": 285, "answer": "502-html"}, {"answer": "pending"}]),
    "sent four minutes ago": (240, [{"answer": "pending"}]),
    "sent six minutes ago": (360, [{"answer": "clicked"}]),
}


@pytest.fixture(scope="module")
def watched(stack):
    """Each scenario, started one after the other and all watched at once."""
    links: dict[str, Link] = {}
    for name, (sent_seconds_ago, script) in SCENARIOS.items():
        link = send_link(stack, *script, sent_seconds_ago=sent_seconds_ago)
        fields = {"linkSentAt": moment(stack, sent_seconds_ago)} if sent_seconds_ago else {}
        assert link.start(correlationId=name, **fields).status == 202
        links[name] = link
        time.sleep(0.2)  # a trickle: the emulator starts a Lambda for each check that comes while another is under way
    return links


def outcome_of(link: Link) -> tuple[str, str | None]:
    item = link.settled()
    return item["outcome"], item["reason"]


def test_a_click_is_seen_at_the_next_check(watched):
    link = watched["clicked after 42 s"]

    assert outcome_of(link) == ("LINK_CLICKED", None)
    assert link.settled()["checks"] == 5
    assert link.settled()["result"] == CLICKED_RESULT


def test_a_click_in_the_last_check_still_counts(watched):
    link = watched["clicked between the last two checks"]

    assert outcome_of(link) == ("LINK_CLICKED", None)
    assert link.settled()["checks"] == 30


def test_a_link_that_is_never_clicked_expires(watched):
    assert outcome_of(watched["never clicked"]) == ("EXPIRED", None)


def test_the_checks_lie_on_the_schedule_and_the_last_one_before_the_deadline(watched):
    link = watched["never clicked"]
    link.settled()

    checks_at = link.checks_at()

    due = [*range(10, 300, 10), 298]
    assert len(checks_at) == len(due)
    lateness = [checked_at - point for checked_at, point in zip(checks_at, due, strict=True)]
    # linkSentAt has milliseconds, the schedule has none. One check may be late: under an accelerated clock a Lambda's start is
    # seconds long.
    assert min(lateness) > -1, lateness
    assert max(lateness) < 10, lateness
    assert median(lateness) < 1, lateness
    assert checks_at[-1] < 300


def test_ids_that_signzy_does_not_know_are_rejected_at_once(watched):
    link = watched["unknown ids"]

    assert outcome_of(link) == ("REJECTED", "UNKNOWN_IDS")
    assert link.settled()["checks"] == 1


def test_an_upstream_that_stays_down_is_unknown_not_expired(watched):
    assert outcome_of(watched["upstream down to the end"]) == ("UNKNOWN", "UPSTREAM_DOWN")


def test_one_bad_check_costs_one_check(watched):
    link = watched["a bad check in the middle"]

    assert outcome_of(link) == ("LINK_CLICKED", None)
    assert link.settled()["checks"] == 4


def test_what_the_last_check_could_not_see_is_unknown(watched):
    assert outcome_of(watched["bad only at the end"]) == ("UNKNOWN", "THROTTLED")


def test_what_the_last_check_saw_is_what_counts(watched):
    assert outcome_of(watched["bad until the end"]) == ("EXPIRED", None)


def test_a_late_start_keeps_the_deadline_of_the_link(watched):
    link = watched["sent four minutes ago"]

    assert outcome_of(link) == ("EXPIRED", None)
    assert 5 <= link.settled()["checks"] <= 6
    assert all(240 <= at < 300 for at in link.checks_at())


def test_a_start_past_the_deadline_gets_no_check_and_says_so(watched):
    link = watched["sent six minutes ago"]

    assert outcome_of(link) == ("UNKNOWN", "STARTED_TOO_LATE")
    assert link.checks_at() == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_item_and_the_event_are_the_contracts_and_agree(name, watched):
    link = watched[name]
    item, event = link.settled(), link.event()

    detail = event["detail"]
    assert (event["source"], event["detail-type"]) == ("linkwatch", "VerificationSettled")
    assert set(detail) == EVENT_KEYS
    assert detail == {key: item.get(key) for key in EVENT_KEYS}
    assert (detail["schemaVersion"], detail["correlationId"]) == ("1.0", name)
    assert (detail["result"] is not None) == (detail["outcome"] == "LINK_CLICKED")
    assert all(TIME.fullmatch(item[key]) for key in ("linkSentAt", "deadline", "startedAt", "settledAt", "publishedAt"))
    assert (item["executionName"], item["takeovers"], item["source"]) == (link.verification_id, 0, "API")
    assert "openVerifications" not in item
    published_at = datetime.fromisoformat(item["publishedAt"]).timestamp()
    assert item["expiresAt"] - published_at == pytest.approx(91 * 86400, abs=10)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_api_shows_what_is_stored(name, watched):
    link = watched[name]
    item = link.settled()

    shown = link.stack.find(link.verification_id)

    assert (shown.status, shown.body["status"]) == (200, "SETTLED")
    assert shown.body == {key: item.get(key) for key in shown.body}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_verification_takes_three_transitions_a_check_and_five_around_them(name, watched):
    link = watched[name]
    checks = link.settled()["checks"]

    assert len(link.stack.executions.states_entered(link.verification_id)) == 3 * checks + 5
