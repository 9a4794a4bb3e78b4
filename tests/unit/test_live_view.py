"""What make watch shows of verifications."""

import io
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from local.live_view import Line, LiveVerifications, checks_in, picture, row
from local.stack import Stack
from operations.deployed.clock import Clock

SENT = datetime(2026, 11, 25, 10, tzinfo=UTC)
ID = "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"
OPEN = {
    "verificationId": ID,
    "executionName": ID,
    "linkSentAt": "2026-11-25T10:00:00.300Z",
    "deadline": "2026-11-25T10:05:00.000Z",
}
CLICKED = OPEN | {
    "settledAt": "2026-11-25T10:00:20.400Z",
    "outcome": "LINK_CLICKED",
    "reason": "",
    "checks": 2,
}
REFUSED = CLICKED | {"outcome": "UNKNOWN", "reason": "CREDENTIALS_REFUSED"}


def check_at(second: int, answer: str, reason: str | None = None) -> list[dict[str, Any]]:
    """The events of one check in an execution's history."""
    at = SENT + timedelta(seconds=second)
    output = json.dumps({"Payload": {"answer": answer, "reason": reason}})
    return [
        {"timestamp": at, "stateEnteredEventDetails": {"name": "Check Link"}},
        {"timestamp": at, "taskSucceededEventDetails": {"output": output}},
        {"timestamp": at, "stateEnteredEventDetails": {"name": "Is It Settled?"}},
    ]


def line_at(second: float, item: dict[str, Any], *events: dict[str, Any]) -> Line:
    return Line(item, checks_in(events), (SENT.timestamp() + second) * 1000)


def drawn(lines: list[Line], width: int) -> list[str]:
    paper = io.StringIO()
    Console(file=paper, width=width, color_system=None).print(picture(lines, width))
    return paper.getvalue().splitlines()


def test_a_check_is_drawn_where_it_was_made():
    drawn_row = row(line_at(300, OPEN, *check_at(0, "PENDING"), *check_at(300, "CLICKED")), 120).plain

    window = drawn_row[14 : drawn_row.index("  0 s left")]
    assert (window[0], window[-1]) == ("·", "●")


def test_time_gone_is_drawn_thick():
    window = row(line_at(150, OPEN), 100).plain

    assert abs(window.count("━") - window.count("─")) <= 2


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_longer_than_the_terminal(width):
    lines = drawn([line_at(30, REFUSED)] * 3, width)

    assert max(map(len, lines)) <= width
    assert ["UNKNOWN" in text for text in lines] == [False] * 3 + [True] * 3


def test_the_picture_is_understood_without_colours():
    text = "\n".join(drawn([line_at(150, OPEN), line_at(150, REFUSED)], 120))

    assert "1 open, 1 settled" in text
    assert "150 s left" in text
    assert "UNKNOWN CREDENTIALS_REFU" in text


def test_a_takeover_is_named():
    assert row(line_at(0, OPEN | {"executionName": f"{ID}-r1"}), 100).plain.startswith("646215 r1     ")


def test_an_empty_picture_says_how_to_start():
    assert any("make send" in text for text in drawn([], 80))


def test_each_check_and_the_outcome_are_news():
    line = line_at(30, CLICKED, *check_at(10, "PENDING"), *check_at(20, "CLICKED"))

    assert line.news() == [
        (10, "check  1: PENDING"),
        (20, "check  2: CLICKED"),
        (20.4, "settled: LINK_CLICKED after 2 checks"),
    ]


def test_a_check_that_came_too_late_to_be_made_is_not_counted():
    events = [*check_at(290, "PENDING"), *check_at(298, "UNAVAILABLE", "PAST_DEADLINE")]

    assert [check.answer for check in checks_in(events)] == ["PENDING"]


def test_a_check_that_failed_is_counted():
    entered, _, following = check_at(10, "")

    assert [check.reason for check in checks_in([entered, following])] == ["CHECK_FAILED"]


def test_what_is_open_comes_first_and_what_was_settled_long_ago_is_not_shown():
    later = OPEN | {"linkSentAt": "2026-11-25T10:01:00.000Z"}
    stale = CLICKED | {"settledAt": "2026-11-25T09:00:00.000Z"}
    stack = SimpleNamespace(
        items=lambda: [stale, CLICKED, later, OPEN],
        execution=lambda _: None,
        clock=Clock(SENT.timestamp() * 1000 + 60_000, datetime.now(UTC).timestamp() * 1000, 1),
    )

    lines = LiveVerifications(cast(Stack, stack)).lines()

    assert [(line.outcome, round(line.seconds_gone)) for line in lines] == [
        (None, 60),
        (None, 0),
        ("LINK_CLICKED", 20),
    ]
