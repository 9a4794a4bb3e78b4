"""What the acceptance run judges by: a sound verification keeps every guarantee, each defect breaks its own."""

from dataclasses import replace

import pytest

from operations.acceptance import cost
from operations.acceptance.findings import Finding, by_guarantee
from operations.acceptance.guarantees import Seen, Window, breaches
from operations.acceptance.place import account_window
from simulator.client import VendorRequest

WINDOW = Window(60, 5, 2)
SENT = "2026-11-25T12:00:00.000Z"
SENT_MS = 1_795_608_000_000
CLICKED = {"carrier": "T-Mobile USA"}
#: A link that is clicked between the first two checks.
ITEM = {
    "linkSentAt": SENT,
    "startedAt": SENT,
    "deadline": "2026-11-25T12:01:00.000Z",
    "settledAt": "2026-11-25T12:00:10.100Z",
    "publishedAt": "2026-11-25T12:00:10.200Z",
    "outcome": "LINK_CLICKED",
    "reason": None,
    "result": CLICKED,
    "checks": 2,
    "takeovers": 0,
    "expiresAt": 1,
}


def check(second: float, answer: str) -> VendorRequest:
    return VendorRequest(1, round(SENT_MS + second * 1000), "/", answer)


def seen(item: dict | None = None, **changes: object) -> Seen:
    stored = ITEM | (item or {})
    event = {"detail": {key: stored[key] for key in ("outcome", "result")}}
    sound = Seen(stored, [event], [check(5, "pending"), check(10, "clicked")], WINDOW)
    return replace(sound, **changes)


def not_clicked(outcome: str, *checks: VendorRequest, **item: object) -> Seen:
    settled = {"settledAt": "2026-11-25T12:00:58.100Z", "publishedAt": "2026-11-25T12:00:58.200Z"}
    return seen({"outcome": outcome, "result": None, **settled, **item}, checks=list(checks))


def test_a_sound_verification_breaks_nothing():
    assert breaches(seen()) == []


@pytest.mark.parametrize(
    ("sound", "outcome"),
    [
        pytest.param(not_clicked("EXPIRED", check(58, "pending")), "EXPIRED", id="the last check says not clicked"),
        pytest.param(not_clicked("UNKNOWN", check(58, "close"), reason="NO_CONNECTION"), "UNKNOWN", id="no answer"),
        pytest.param(not_clicked("REJECTED", check(5, "unknown-ids"), reason="UNKNOWN_IDS"), "REJECTED", id="unknown"),
    ],
)
def test_other_outcomes_break_nothing_either(sound, outcome):
    assert breaches(replace(sound, expected={outcome})) == []


@pytest.mark.parametrize(
    ("guarantee", "unsound"),
    [
        pytest.param("G1", seen(events=[]), id="no event"),
        pytest.param("G1", seen({"publishedAt": "2026-11-25T12:01:31.000Z"}), id="31 s late"),
        pytest.param("G1", seen({"openVerifications": "x"}), id="published, and open"),
        pytest.param("G1", seen(events=[{"detail": {"outcome": "EXPIRED"}}]), id="an event that says something else"),
        pytest.param("G2", seen({"deadline": "2026-11-25T12:01:05.000Z"}), id="a deadline that moved"),
        pytest.param("G2", seen(checks=[check(10, "clicked"), check(61, "pending")]), id="a check past the deadline"),
        pytest.param("G3", seen(checks=[check(10, "not-clicked")]), id="a click that nobody saw"),
        pytest.param("G3", not_clicked("EXPIRED", check(58, "upstream-down")), id="expired by silence"),
        pytest.param("G3", not_clicked("EXPIRED", check(55, "pending")), id="expired without the last check"),
        pytest.param("G4", not_clicked("UNKNOWN", check(10, "clicked"), reason="TIMEOUT"), id="a click that was lost"),
        pytest.param("G4", seen(expected={"EXPIRED"}), id="another outcome than can be"),
        pytest.param("G5", seen(checks=[check(7, "pending"), check(7.1, "clicked")]), id="two that watch"),
        pytest.param("G5", seen({"takeovers": 1}), id="taken over without a death"),
        pytest.param("G6", seen(cancel_statuses=[200]), id="a click after a cancel"),
        pytest.param("G6", seen({"outcome": "CANCELLED"}, cancel_statuses=[200]), id="a click within a cancel"),
    ],
)
def test_a_defect_breaks_its_guarantee(guarantee, unsound):
    assert guarantee in {what.split(":")[0] for what in breaches(unsound)}


def test_a_guarantee_is_broken_by_one_case_of_many():
    findings = [
        Finding("G1", "a", "x", holds=True),
        Finding("G1", "b", "x", holds=True),
        Finding("G1", "b", "y", holds=False),
    ]

    row = by_guarantee(findings)[0]

    assert (row.guarantee, row.cases, row.broken, row.verdict) == ("G1", 2, 1, "BROKEN")


def test_what_was_not_tried_is_not_said_to_be_kept():
    assert {row.verdict for row in by_guarantee([])} == {"not tried"}


def test_a_run_in_an_account_costs_less_than_a_dollar():
    costs = cost.of_run(account_window(is_full=True), burst=100)

    assert 0.05 < sum(costs.values()) < 1
