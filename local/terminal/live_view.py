"""Shows a verification live: the state it is in, each check on the line of its window, the time left. A terminal gets a
picture that moves; anything else gets a line for each thing that happens.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from local.stack.stack import Stack
from local.terminal.execution_history import CheckSeen, Progress, progress_of

SYMBOLS = {"PENDING": ("·", "yellow"), "CLICKED": ("●", "green"), "UNAVAILABLE": ("x", "red"), "REJECTED": ("■", "red")}
_REFRESHES_A_SECOND = 8


def said(check: CheckSeen) -> str:
    """A check's answer in a word or two."""
    return f"{check.answer} {check.reason}" if check.reason else check.answer


class Watched:
    """One verification as it stands: read() reads it anew."""

    def __init__(self, stack: Stack, verification: dict[str, Any]) -> None:
        self.stack = stack
        self.verification = verification
        self.verification_id: str = verification["verificationId"]
        self.sent_ms = _ms(verification["linkSentAt"]) // 1000 * 1000  # where grid and deadline count from
        self.window_seconds = (_ms(verification["deadline"]) - self.sent_ms) / 1000
        self.item: dict[str, Any] = {}
        self.progress = Progress()

    def read(self) -> None:
        """Reads item and execution."""
        self.item = self.stack.item(self.verification_id) or {}
        name = self.item.get("executionName", self.verification_id)
        if self.stack.executions.find(name):
            self.progress = progress_of(self.stack.executions.history(name))

    @property
    def is_over(self) -> bool:
        """Whether the outcome is stored and published."""
        return bool(self.item.get("publishedAt"))

    def second_of(self, at_ms: float) -> float:
        """Seconds since the link was sent."""
        return (at_ms - self.sent_ms) / 1000

    @property
    def seconds_gone(self) -> float:
        """Seconds of the window that are over, by the stack's clock."""
        return min(self.second_of(self.stack.clock.now_ms()), self.window_seconds)


def _ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


# ── The picture ───────────────────────────────────────────────────────────────────────────────────────────────────────


def picture(watched: Watched, width: int) -> Panel:
    """The verification, as wide as the terminal."""
    facts = Table.grid(padding=(0, 2))
    facts.add_row("verification", watched.verification_id)
    facts.add_row("state", Text(watched.progress.state, style="bold"))
    facts.add_row("checks", _checks_text(watched.progress.checks))
    left = watched.window_seconds - watched.seconds_gone
    facts.add_row("time left", "none: it is settled" if watched.item.get("outcome") else f"{max(left, 0):.0f} s")
    return Panel(Group(facts, Text(), *_window_line(watched, width - 4)), title="linkwatch", title_align="left")


def _checks_text(checks: list[CheckSeen]) -> str:
    return f"{len(checks)}, the last one: {said(checks[-1])}" if checks else "none yet"


def _window_line(watched: Watched, width: int) -> list[Text]:
    cells: list[tuple[str, str]] = [("─", "dim")] * width
    for column in range(_column(watched, watched.seconds_gone, width) + 1):
        cells[column] = ("━", "dim")
    for check in watched.progress.checks:
        cells[_column(watched, watched.second_of(check.at_ms), width)] = SYMBOLS[check.answer]
    line = Text.assemble(*cells)
    ends = Text("0 s", style="dim")
    ends.append(f"{watched.window_seconds:.0f} s".rjust(width - 3))
    return [line, ends]


def _column(watched: Watched, second: float, width: int) -> int:
    share = second / watched.window_seconds
    return max(0, min(width - 1, round(share * (width - 1))))


# ── Following it ──────────────────────────────────────────────────────────────────────────────────────────────────────


def follow(watched: Watched, console: Console, on_check: Callable[[int], None]) -> None:
    """Shows the verification until it is over. on_check is told of each check, by its number. Raises TimeoutError when it is not
    over a minute past its deadline (by the stack's clock; at least 15 real seconds).
    """
    grace_seconds = max(60, 15 * watched.stack.clock.speed)
    give_up_ms = watched.sent_ms + (watched.window_seconds + grace_seconds) * 1000
    show = _show_moving if console.is_terminal and not console.is_dumb_terminal else _show_lines
    show(watched, console, on_check, max(give_up_ms, watched.stack.clock.now_ms() + grace_seconds * 1000))


def _steps(watched: Watched, give_up_ms: float) -> Iterator[None]:
    while not watched.is_over:
        if watched.stack.clock.now_ms() > give_up_ms:
            raise TimeoutError(f"{watched.verification_id} has no published outcome, and its deadline is past")
        watched.read()
        yield
        watched.stack.clock.sleep(watched.stack.clock.speed / _REFRESHES_A_SECOND)


def _show_moving(watched: Watched, console: Console, on_check: Callable[[int], None], give_up_ms: float) -> None:
    seen = 0
    with Live(picture(watched, console.width), console=console, auto_refresh=False) as live:
        for _ in _steps(watched, give_up_ms):
            live.update(picture(watched, console.width), refresh=True)
            while seen < len(watched.progress.checks):
                seen += 1
                on_check(seen)


def _show_lines(watched: Watched, console: Console, on_check: Callable[[int], None], give_up_ms: float) -> None:
    seen = 0
    for _ in _steps(watched, give_up_ms):
        for check in watched.progress.checks[seen:]:
            seen += 1
            console.print(f"{watched.second_of(check.at_ms):6.1f} s  check {seen:2}: {said(check)}", highlight=False)
            on_check(seen)


# ── What came of it ───────────────────────────────────────────────────────────────────────────────────────────────────


def show_outcome(console: Console, item: dict[str, Any], event: dict[str, Any]) -> None:
    """The outcome, the item as stored, the event as received."""
    reason = f", {item['reason']}" if item.get("reason") else ""
    console.print(f"\nOutcome: [bold]{escape(item['outcome'])}[/]{reason} after {item['checks']} checks\n")
    for title, content in (("The item as stored", item), ("The event as received from the bus", event)):
        console.print(f"[bold]{title}[/]")
        console.print_json(json.dumps(content, sort_keys=False))
