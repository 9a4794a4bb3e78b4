"""Shows a verification live: its state, each check on the line of its window, the time left. A terminal gets a moving picture,
anything else a line for each thing that happens.
"""

import codecs
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from local.stack import Stack

CHECK_LINK = "Check Link"
SYMBOLS = {"PENDING": ("·", "yellow"), "CLICKED": ("●", "green"), "UNAVAILABLE": ("x", "red"), "REJECTED": ("■", "red")}
_REFRESHES_A_SECOND = 8

#: What a terminal shows whose encoding lacks a character of the pictures.
_PLAIN = {"·": ".", "●": "o", "■": "#", "─": "-", "━": "=", "…": "."}


def show_plain_where_needed() -> None:
    """Replaces characters that the terminal's encoding lacks, instead of failing."""
    register_plain_characters()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="plain")  # pyright: ignore[reportAttributeAccessIssue]  # a TextIOWrapper has it


def register_plain_characters() -> None:
    """Makes "plain" an error handler of codecs."""
    codecs.register_error("plain", _plain)


def _plain(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(_PLAIN.get(each, "?") for each in error.object[error.start : error.end]), error.end


# ── What an execution has done ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class CheckSeen:
    """One check: when it was due, epoch milliseconds by the stack's clock, and its answer."""

    at_ms: float
    answer: str
    reason: str | None


@dataclass(slots=True)
class Progress:
    """state: the one it is in, or was in last; checks: those that were made and have their answer, as the item counts them."""

    state: str = "Starting"
    checks: list[CheckSeen] = field(default_factory=list)


def progress_of(events: Iterable[dict[str, Any]]) -> Progress:
    """Reads the events of GetExecutionHistory, oldest first."""
    so_far = Progress()
    entered_ms = 0.0
    answered = False
    for event in events:
        if entered := event.get("stateEnteredEventDetails"):
            if so_far.state == CHECK_LINK and not answered:  # the task failed, and the failure was caught
                so_far.checks.append(CheckSeen(entered_ms, "UNAVAILABLE", "CHECK_FAILED"))
            so_far.state, entered_ms, answered = entered["name"], event["timestamp"].timestamp() * 1000, False
        elif so_far.state == CHECK_LINK and (succeeded := event.get("taskSucceededEventDetails")):
            payload = json.loads(succeeded["output"])["Payload"]
            if payload["reason"] != "PAST_DEADLINE":  # no request was sent
                so_far.checks.append(CheckSeen(entered_ms, payload["answer"], payload["reason"]))
            answered = True
    return so_far


def described(check: CheckSeen) -> str:
    """A check's answer in a word or two."""
    return f"{check.answer} {check.reason}" if check.reason else check.answer


class LiveVerification:
    """One verification; read() brings it up to date."""

    def __init__(self, stack: Stack, verification: dict[str, Any]) -> None:
        self.stack = stack
        self.verification_id: str = verification["verificationId"]
        self.sent_ms = epoch_ms(verification["linkSentAt"]) // 1000 * 1000  # schedule and deadline count from there
        self.window_seconds = (epoch_ms(verification["deadline"]) - self.sent_ms) / 1000
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


def epoch_ms(text: str) -> float:
    """Epoch milliseconds of an item's time."""
    return datetime.fromisoformat(text).timestamp() * 1000


# ── The picture ───────────────────────────────────────────────────────────────────────────────────────────────────────


def picture(live: LiveVerification, width: int) -> Panel:
    """The verification, as wide as the terminal."""
    facts = Table.grid(padding=(0, 2))
    facts.add_row("verification", live.verification_id)
    facts.add_row("state", Text(live.progress.state, style="bold"))
    facts.add_row("checks", _checks_text(live.progress.checks))
    left = live.window_seconds - live.seconds_gone
    facts.add_row("time left", "none: it is settled" if live.item.get("outcome") else f"{max(left, 0):.0f} s")
    return Panel(Group(facts, Text(), *_window_line(live, width - 4)), title="linkwatch", title_align="left")


def _checks_text(checks: list[CheckSeen]) -> str:
    return f"{len(checks)}, the last one: {described(checks[-1])}" if checks else "none yet"


def _window_line(live: LiveVerification, width: int) -> list[Text]:
    checks = [(live.second_of(check.at_ms), check.answer) for check in live.progress.checks]
    line = Text.assemble(*window_cells(live.window_seconds, live.seconds_gone, checks, width))
    ends = Text("0 s", style="dim")
    ends.append(f"{live.window_seconds:.0f} s".rjust(width - 3))
    return [line, ends]


def window_cells(
    window_seconds: float, seconds_gone: float, checks: Iterable[tuple[float, str]], width: int
) -> list[tuple[str, str]]:
    """A window as so many characters with their styles: time gone is thick, each check has its symbol. checks: second, answer."""

    def column(second: float) -> int:
        return max(0, min(width - 1, round(second / window_seconds * (width - 1))))

    cells = [("━" if at <= column(seconds_gone) else "─", "dim") for at in range(width)]
    for second, answer in checks:
        cells[column(second)] = SYMBOLS[answer]
    return cells


# ── Following it ──────────────────────────────────────────────────────────────────────────────────────────────────────


def follow(live: LiveVerification, console: Console, on_check: Callable[[int], None]) -> None:
    """Shows the verification until it is over; calls on_check with the number of each check. Raises TimeoutError where it is not
    over a minute past its deadline (by the stack's clock; at least 15 real seconds).
    """
    grace_seconds = max(60, 15 * live.stack.clock.speed)
    give_up_ms = live.sent_ms + (live.window_seconds + grace_seconds) * 1000
    show = _show_moving if console.is_terminal and not console.is_dumb_terminal else _show_lines
    show(live, console, on_check, max(give_up_ms, live.stack.clock.now_ms() + grace_seconds * 1000))


def _steps(live: LiveVerification, give_up_ms: float) -> Iterator[None]:
    while not live.is_over:
        if live.stack.clock.now_ms() > give_up_ms:
            raise TimeoutError(f"{live.verification_id} has no published outcome, and its deadline is past")
        live.read()
        yield
        live.stack.clock.sleep(live.stack.clock.speed / _REFRESHES_A_SECOND)


def _show_moving(live: LiveVerification, console: Console, on_check: Callable[[int], None], give_up_ms: float) -> None:
    seen = 0
    with Live(picture(live, console.width), console=console, auto_refresh=False) as view:
        for _ in _steps(live, give_up_ms):
            view.update(picture(live, console.width), refresh=True)
            while seen < len(live.progress.checks):
                seen += 1
                on_check(seen)


def _show_lines(live: LiveVerification, console: Console, on_check: Callable[[int], None], give_up_ms: float) -> None:
    seen = 0
    for _ in _steps(live, give_up_ms):
        for check in live.progress.checks[seen:]:
            seen += 1
            second = live.second_of(check.at_ms)
            console.print(f"{second:6.1f} s  check {seen:2}: {described(check)}", highlight=False)
            on_check(seen)


def show_outcome(console: Console, item: dict[str, Any], event: dict[str, Any]) -> None:
    """The outcome, the item as stored, the event as received."""
    reason = f", {item['reason']}" if item.get("reason") else ""
    console.print(f"\nOutcome: [bold]{escape(item['outcome'])}[/]{reason}{after_checks(item)}\n")
    for title, content in (("The item as stored", item), ("The event as received from the bus", event)):
        console.print(f"[bold]{title}[/]")
        console.print_json(json.dumps(content, sort_keys=False))


def after_checks(item: dict[str, Any]) -> str:
    """How many checks led to the outcome, as the item says it; nothing where it does not (CANCELLED)."""
    checks = item.get("checks")
    return "" if checks is None else f" after {checks} check{'' if checks == 1 else 's'}"
