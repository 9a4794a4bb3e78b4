"""What make watch draws of many verifications: the pure parts, at several widths."""

import io

import pytest
from rich.console import Console

from local.terminal.overview import Line, picture, row


def line(**changed) -> Line:
    known = {
        "verification_id": "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39",
        "takeover": "",
        "window_seconds": 300,
        "seconds_gone": 150,
        "checks": ((10, "PENDING"), (20, "UNAVAILABLE")),
        "outcome": None,
        "reason": None,
    }
    return Line(**{**known, **changed})


def drawn(thing, width: int) -> list[str]:
    paper = io.StringIO()
    Console(file=paper, width=width, color_system=None).print(thing)
    return paper.getvalue().splitlines()


def test_a_check_stands_where_it_was_made():
    text = row(line(checks=((0, "PENDING"), (300, "CLICKED")), seconds_gone=300, outcome="LINK_CLICKED"), 120).plain

    window = text[14 : text.index("  LINK")]
    assert window[0] == "·"
    assert window[-1] == "●"


def test_time_that_is_gone_is_drawn_thick():
    window = row(line(checks=(), seconds_gone=150), 100).plain

    assert abs(window.count("━") - window.count("─")) <= 2


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_longer_than_the_terminal(width):
    long = line(outcome="UNKNOWN", reason="CREDENTIALS_REFUSED", takeover="cancel")

    lines = drawn(picture([long] * 3, width, 30), width)

    assert max(map(len, lines)) <= width
    assert len(lines) == 3 + 4


def test_what_is_said_does_not_need_colours():
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


def test_nothing_yet_says_what_to_do():
    assert any("make send" in text for text in drawn(picture([], 80, 24), 80))
