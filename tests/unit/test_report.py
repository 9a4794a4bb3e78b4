"""The rows of the report, and the period that they are from."""

from datetime import UTC, datetime
from typing import Any

import pytest

from operations.environment import BadChoice
from operations.report.rows import Schedule, rows
from operations.report.table import MOST_ROWS, Period, items

SCHEDULE = Schedule(poll_interval_seconds=10, last_check_lead_seconds=2)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
CLICKED = {
    "verificationId": "a" * 24 + "-" + "b" * 24,
    "outcome": "LINK_CLICKED",
    "reason": "",
    "linkSentAt": "2026-11-25T10:00:00.250Z",
    "deadline": "2026-11-25T10:05:00.000Z",
    "startedAt": "2026-11-25T10:00:00.250Z",
    "settledAt": "2026-11-25T10:00:30.400Z",
    "publishedAt": "2026-11-25T10:00:30.900Z",
    "checks": 3,
    "takeovers": 0,
    "source": "API",
}


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        pytest.param(
            {},
            {"checks": 3, "checks_due": 3, "late": 0.4, "seconds": 30.15, "publishing": 0.5, "reason": None},
            id="clicked, noticed by the check at 30 s",
        ),
        pytest.param(
            {"outcome": "EXPIRED", "settledAt": "2026-11-25T10:04:58.300Z", "checks": 30},
            {"checks_due": 30, "late": 0.3},
            id="expired, after a last check just before the deadline",
        ),
        pytest.param(
            {"startedAt": "2026-11-25T10:00:15.000Z", "checks": 2},
            {"checks": 2, "checks_due": 2},
            id="checks are due only after the start",
        ),
        pytest.param({"checks": 2}, {"checks": 2, "checks_due": 3}, id="a check was not made"),
        pytest.param(
            {"outcome": None, "settledAt": None, "publishedAt": None, "checks": None},
            {"outcome": "OPEN", **dict.fromkeys(("seconds", "checks", "checks_due", "late", "publishing"))},
            id="open",
        ),
        pytest.param(
            {"outcome": "CANCELLED", "checks": None},
            {"outcome": "CANCELLED", "checks": None, "checks_due": None, "late": None},
            id="cancelled, which counts no checks",
        ),
    ],
)
def test_a_row_says_how_late_an_outcome_was_and_which_checks_were_made(changes, shown):
    item = {name: value for name, value in {**CLICKED, **changes}.items() if value is not None}

    [row] = rows([item], SCHEDULE)

    assert {name: row[name] for name in shown} == shown


def test_the_newest_link_comes_first():
    older = {**CLICKED, "linkSentAt": "2026-11-25T09:59:59.000Z"}

    assert [row["sent"] for row in rows([older, CLICKED], SCHEDULE)] == [CLICKED["linkSentAt"], older["linkSentAt"]]


# ── The period ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("choices", "since", "until"),
    [
        pytest.param({}, datetime(2026, 11, 24, 12, tzinfo=UTC), NOW, id="the last day by default"),
        pytest.param({"HOURS": "0.5"}, datetime(2026, 11, 25, 11, 30, tzinfo=UTC), NOW, id="hours"),
        pytest.param({"SINCE": "2026-11-01"}, datetime(2026, 11, 1, tzinfo=UTC), NOW, id="since a day, UTC"),
        pytest.param(
            {"SINCE": "2026-11-01T10:00:00+02:00", "UNTIL": "2026-11-02T00:00:00Z"},
            datetime(2026, 11, 1, 8, tzinfo=UTC),
            datetime(2026, 11, 2, tzinfo=UTC),
            id="since and until, with zones",
        ),
    ],
)
def test_the_period_is_the_one_chosen(choices, since, until):
    assert Period.chosen(choices, NOW) == Period(since, until)


@pytest.mark.parametrize(
    "choices",
    [
        {"HOURS": "-1"},
        {"HOURS": "0"},
        {"HOURS": "a day"},
        {"HOURS": "²"},
        {"HOURS": "99999999999"},
        {"HOURS": "9" * 400},
        {"SINCE": "yesterday"},
        {"SINCE": "2027-01-01"},
        {"SINCE": "0001-01-01T00:00:00+10:00"},
        {"UNTIL": "0001-01-01"},
    ],
    ids=lambda choices: " ".join(f"{name}={value[:30]}" for name, value in choices.items()),
)
def test_an_impossible_period_is_refused_in_one_line(choices):
    with pytest.raises(BadChoice) as refused:
        Period.chosen(choices, NOW)

    name, value = next(iter(choices.items()))
    assert name in str(refused.value) or value in str(refused.value)
    assert "\n" not in str(refused.value)


# ── The table ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Scanned:
    """A client of DynamoDB with given pages, which records its calls."""

    def __init__(self, *pages: int) -> None:
        self._pages = pages

    def get_paginator(self, operation: str) -> "Scanned":
        assert operation == "scan"
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked = asked
        return [{"Items": [{"takeovers": {"N": "1"}}] * count, "ScannedCount": count} for count in self._pages]


def test_the_table_is_asked_for_nothing_personal():
    table = Scanned(2)

    found = list(items(table, "Verifications", Period(NOW, NOW)))

    assert found == [{"takeovers": 1}] * 2
    assert not {"result", "correlationId", "requestId"} & set(table.asked["ExpressionAttributeNames"].values())


def test_a_period_with_too_many_verifications_is_refused():
    with pytest.raises(BadChoice, match="choose a shorter one"):
        list(items(Scanned(MOST_ROWS, 1), "Verifications", Period(NOW, NOW)))
