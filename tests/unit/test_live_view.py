"""What make watch shows of many verifications, at several widths and in terminals that lack characters."""

import io
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from local.live_view import Line, LiveVerifications, picture, progress_of, register_plain_characters, row
from local.stack import Stack
from operations.deployed.clock import Clock


def line(**changed) -> Line:
    known = {
        "verification_id": "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39",
        "takeover": "",
        "window_seconds": 300,
        "seconds_gone": 150,
        "checks": ((10, "PENDING", None), (20, "UNAVAILABLE", "TIMEOUT")),
        "outcome": None,
        "reason": None,
    }
    return Line(**{**known, **changed})


def drawn(thing, width: int) -> list[str]:
    paper = io.StringIO()
    Console(file=paper, width=width, color_system=None).print(thing)
    return paper.getvalue().splitlines()


def test_a_check_is_drawn_where_it_was_made():
    text = row(
        line(checks=((0, "PENDING", None), (300, "CLICKED", None)), seconds_gone=300, outcome="LINK_CLICKED"), 120
    ).plain

    window = text[14 : text.index("  LINK")]
    assert window[0] == "·"
    assert window[-1] == "●"


def test_time_gone_is_drawn_thick():
    window = row(line(checks=(), seconds_gone=150), 100).plain

    assert abs(window.count("━") - window.count("─")) <= 2


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_longer_than_the_terminal(width):
    long = line(outcome="UNKNOWN", reason="CREDENTIALS_REFUSED", takeover="cancel")

    lines = drawn(picture([long] * 3, width, 30), width)

    assert max(map(len, lines)) <= width
    assert len(lines) == 3 + 4


def test_the_picture_is_understood_without_colours():
    lines = drawn(picture([line(), line(outcome="REJECTED", reason="UNKNOWN_IDS")], 120, 30), 120)

    assert any("150 s left" in text for text in lines)
    assert any("REJECTED UNKNOWN_IDS" in text for text in lines)
    assert "1 open, 1 settled" in lines[0]


def test_a_takeover_is_named():
    assert row(line(takeover="r1"), 100).plain.startswith("646215 r1     ")


def test_more_than_fit_are_counted_and_the_open_ones_come_first():
    settled, open_ = line(outcome="EXPIRED"), line()

    lines = drawn(picture([settled] * 10 + [open_] * 2, 100, 8), 100)

    assert sum("s left" in text for text in lines) == 2
    assert any("… and 8 more" in text for text in lines)


def test_an_empty_picture_says_how_to_start():
    assert any("make send" in text for text in drawn(picture([], 80, 24), 80))


# ── Data of the stack ─────────────────────────────────────────────────────────────────────────────────────────────────

SENT = datetime(2026, 11, 25, 10, tzinfo=UTC)
ITEM = {
    "verificationId": "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39",
    "requestId": "6462150e29c23b4d42352a63",
    "executionName": "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39",
    "linkSentAt": "2026-11-25T10:00:00.000Z",
    "deadline": "2026-11-25T10:05:00.000Z",
    "settledAt": "2026-11-25T10:00:20.400Z",
    "outcome": "LINK_CLICKED",
    "reason": "",
    "checks": 2,
}


def check_at(second: int, answer: str, reason: str | None = None) -> list[dict[str, Any]]:
    """The events of one check in an execution's history."""
    at = datetime.fromtimestamp(SENT.timestamp() + second, UTC)
    output = json.dumps({"Payload": {"answer": answer, "reason": reason}})
    return [
        {"timestamp": at, "stateEnteredEventDetails": {"name": "Check Link"}},
        {"timestamp": at, "taskSucceededEventDetails": {"output": output}},
        {"timestamp": at, "stateEnteredEventDetails": {"name": "Is It Settled?"}},
    ]


def stack_with(history: list[dict[str, Any]], requests: int) -> Stack:
    """A stack with the settled ITEM, whose simulator has received this many requests about it."""
    executions = SimpleNamespace(find=lambda _: {"status": "SUCCEEDED"}, history=lambda _: history)
    signzy = SimpleNamespace(requests=lambda _: [object()] * requests)
    now_ms = SENT.timestamp() * 1000 + 30_000
    clock = Clock(now_ms, datetime.now(UTC).timestamp() * 1000, 1)
    return cast(
        Stack,
        SimpleNamespace(items=lambda: [ITEM], has_simulator=True, executions=executions, signzy=signzy, clock=clock),
    )


def test_a_request_that_was_repeated_within_a_check_is_no_check_of_its_own():
    stack = stack_with([*check_at(10, "PENDING"), *check_at(20, "CLICKED")], requests=3)

    (line,) = LiveVerifications(stack).lines()

    assert line.news() == [
        (10, "check  1: PENDING"),
        (20, "check  2: CLICKED"),
        (20.4, "settled: LINK_CLICKED after 2 checks"),
    ]


def test_a_check_that_came_too_late_to_be_made_is_not_counted():
    events = [*check_at(290, "PENDING"), *check_at(298, "UNAVAILABLE", "PAST_DEADLINE")]

    assert [check.answer for check in progress_of(events).checks] == ["PENDING"]


def test_a_check_that_failed_is_counted():
    entered = [{**check_at(10, "")[0]}, {**check_at(20, "")[2]}]

    assert [check.reason for check in progress_of(entered).checks] == ["CHECK_FAILED"]


# ── Terminals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_a_terminal_that_lacks_characters_gets_plain_ones(encoding):
    register_plain_characters()
    raw = io.BytesIO()
    paper = io.TextIOWrapper(raw, encoding, errors="plain")
    answers = ("PENDING", "CLICKED", "UNAVAILABLE", "REJECTED")
    shown = picture([line(checks=tuple((20 * n, answer, None) for n, answer in enumerate(answers)))], 100, 30)

    Console(file=paper, width=100, color_system=None).print(shown)

    paper.flush()
    text = raw.getvalue().decode(encoding)
    assert "?" not in text
    assert len(text.splitlines()) == 5
