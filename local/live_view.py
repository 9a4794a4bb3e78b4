"""Shows verifications live, each on the line of its window. A terminal gets a moving picture, anything else a line for each thing
that happens.
"""

import codecs
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from local.stack import Stack

#: A settled verification stays in the picture this long, by the stack's clock, and for REAL_SECONDS at least.
_STAYS_SECONDS, _STAYS_REAL_SECONDS = 60, 20
_REFRESHES_A_SECOND = 4
_ID_WIDTH, _STATE_WIDTH, _NARROW_STATE_WIDTH = 14, 24, 12
_NARROW = 70
_CHECK_LINK = "Check Link"
_SYMBOLS = {
    "PENDING": ("·", "yellow", "not yet"),
    "CLICKED": ("●", "green", "clicked"),
    "UNAVAILABLE": ("x", "red", "no answer"),
    "REJECTED": ("■", "red", "refused"),
}
#: What a terminal shows whose encoding lacks a character of the picture.
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


# ── What is known of them ─────────────────────────────────────────────────────────────────────────────────────────────


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
            if so_far.state == _CHECK_LINK and not answered:  # the task failed, and the failure was caught
                so_far.checks.append(CheckSeen(entered_ms, "UNAVAILABLE", "CHECK_FAILED"))
            so_far.state, entered_ms, answered = entered["name"], event["timestamp"].timestamp() * 1000, False
        elif so_far.state == _CHECK_LINK and (succeeded := event.get("taskSucceededEventDetails")):
            payload = json.loads(succeeded["output"])["Payload"]
            if payload["reason"] != "PAST_DEADLINE":  # no request was sent
                so_far.checks.append(CheckSeen(entered_ms, payload["answer"], payload["reason"]))
            answered = True
    return so_far


@dataclass(frozen=True)
class Line:
    """One verification. Seconds are since the link was sent; checks: second, answer and reason; settled_after: how many checks
    led to the outcome, by the item.
    """

    verification_id: str
    takeover: str
    window_seconds: float
    seconds_gone: float
    checks: tuple[tuple[float, str, str | None], ...] = ()
    outcome: str | None = None
    reason: str | None = None
    settled_after: int | None = None
    is_published: bool = False

    @property
    def short_id(self) -> str:
        """The beginning of its requestId, and which takeover watches it."""
        return f"{self.verification_id[:6]} {self.takeover}".strip()

    @property
    def state(self) -> str:
        """In a word or two."""
        if self.outcome:
            return f"{self.outcome} {self.reason or ''}".strip()
        return f"{max(self.window_seconds - self.seconds_gone, 0):.0f} s left"

    def news(self) -> list[tuple[float, str]]:
        """What has happened so far: second and text."""
        checks = enumerate(self.checks, 1)
        found = [
            (second, f"check {number:2}: {answer} {reason or ''}".rstrip())
            for number, (second, answer, reason) in checks
        ]
        after = "" if self.settled_after is None else f" after {self.settled_after} checks"
        return found + ([(self.seconds_gone, f"settled: {self.state}{after}")] if self.outcome else [])


class LiveVerifications:
    """The lines of a stack's verifications, or of one.

    The checks are those of the execution: of the simulator's requests, one may be the repetition of another in the same check. An
    execution's history is read again only when the simulator has got a request about its link, or a check had no answer yet.
    """

    def __init__(self, stack: Stack, verification_id: str | None = None) -> None:
        """verification_id: of the only one to show."""
        self.stack = stack
        self._verification_id = verification_id
        self._progress: dict[str, tuple[int, Progress]] = {}

    def lines(self) -> list[Line]:
        """The one, or what is open and what was settled a moment ago; the one sent first comes first."""
        now_ms = self.stack.clock.now_ms()
        if self._verification_id:
            item = self.stack.item(self._verification_id)
            return [self._line(item, now_ms)] if item else []
        stays_ms = 1000 * max(_STAYS_SECONDS, _STAYS_REAL_SECONDS * self.stack.clock.speed)
        items = [
            i for i in self.stack.items() if not i.get("settledAt") or now_ms - _epoch_ms(i["settledAt"]) < stays_ms
        ]
        return [self._line(item, now_ms) for item in sorted(items, key=lambda item: item["linkSentAt"])]

    def _line(self, item: dict[str, Any], now_ms: float) -> Line:
        sent_ms = _epoch_ms(item["linkSentAt"]) // 1000 * 1000  # schedule and deadline count from there
        ends_ms = min(now_ms, _epoch_ms(item["settledAt"])) if item.get("settledAt") else now_ms
        checks = self._progress_of(item).checks
        return Line(
            verification_id=item["verificationId"],
            takeover=item["executionName"][len(item["verificationId"]) + 1 :],
            window_seconds=(_epoch_ms(item["deadline"]) - sent_ms) / 1000,
            seconds_gone=(ends_ms - sent_ms) / 1000,
            checks=tuple(((check.at_ms - sent_ms) / 1000, check.answer, check.reason) for check in checks),
            outcome=item.get("outcome"),
            reason=item.get("reason") or None,
            settled_after=item.get("checks"),
            is_published=bool(item.get("publishedAt")),
        )

    def _progress_of(self, item: dict[str, Any]) -> Progress:
        name = item["executionName"]
        requests = len(self.stack.signzy.requests(item["requestId"])) if self.stack.has_simulator else -1
        read, progress = self._progress.get(name, (None, Progress()))
        if requests != read or requests < 0 or progress.state == _CHECK_LINK:
            started = self.stack.executions.find(name)
            progress = progress_of(self.stack.executions.history(name)) if started else Progress()
            self._progress[name] = requests, progress
        return progress


def _epoch_ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


# ── The picture ───────────────────────────────────────────────────────────────────────────────────────────────────────


def picture(shown: Iterable[Line], width: int, height: int) -> Group:
    """As wide as the terminal, and no higher: what is open comes before what is settled."""
    shown = list(shown)
    open_count = sum(line.outcome is None for line in shown)
    head = Text(f"{open_count} open, {len(shown) - open_count} settled a moment ago", style="bold")
    room = max(height - 4, 1)
    fitting = sorted(shown, key=lambda line: line.outcome is not None)[:room]
    rows = [row(line, width) for line in shown if line in fitting]
    more = [Text(f"… and {len(shown) - room} more", style="dim")] if len(shown) > room else []
    return Group(_cut(head, width), Text(), *(rows or [Text("none yet: make send")]), *more, Text(), _legend(width))


def row(line: Line, width: int) -> Text:
    """One verification: its id, its window, its state. A narrow terminal gets no reason."""
    state_width = _STATE_WIDTH if width >= _NARROW else _NARROW_STATE_WIDTH
    state = line.state if width >= _NARROW else line.outcome or line.state
    columns = max(width - _ID_WIDTH - state_width - 2, 8)
    cells = [("━" if at <= _column(line, line.seconds_gone, columns) else "─", "dim") for at in range(columns)]
    for second, answer, _ in line.checks:
        cells[_column(line, second, columns)] = _SYMBOLS[answer][:2]
    style = {None: "", "LINK_CLICKED": "green", "EXPIRED": "yellow"}.get(line.outcome, "red")
    return Text.assemble(
        (line.short_id[:_ID_WIDTH].ljust(_ID_WIDTH), "bold"), *cells, "  ", (state[:state_width], style)
    )


def _column(line: Line, second: float, columns: int) -> int:
    return max(0, min(columns - 1, round(second / line.window_seconds * (columns - 1))))


def _legend(width: int) -> Text:
    parts = [part for symbol, style, words in _SYMBOLS.values() for part in ((symbol, style), f" {words}   ")]
    return _cut(Text.assemble(*parts, ("━", "dim"), " time gone"), width)


def _cut(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    return text


# ── Showing it ────────────────────────────────────────────────────────────────────────────────────────────────────────


def show_all(stack: Stack, console: Console) -> None:
    """A terminal shows them until Ctrl-C, anything else until none is open."""
    is_moving = _is_terminal(console)
    _show(LiveVerifications(stack), console, lambda lines: is_moving or any(line.outcome is None for line in lines))
    console.print("No verification is open")


def follow(stack: Stack, verification_id: str, console: Console, on_check: Callable[[int], None]) -> None:
    """Shows one until its outcome is published; calls on_check with the number of each check. Raises TimeoutError where it is not
    published a minute after its deadline (by the stack's clock; at least 15 real seconds).
    """
    grace_seconds, seen = max(60, 15 * stack.clock.speed), 0

    def goes_on(lines: list[Line]) -> bool:
        nonlocal seen
        line = lines[0]
        while seen < len(line.checks):
            seen += 1
            on_check(seen)
        if not line.outcome and line.seconds_gone > line.window_seconds + grace_seconds:
            raise TimeoutError(f"{verification_id} has no published outcome, and its deadline is past")
        return not line.is_published

    _show(LiveVerifications(stack, verification_id), console, goes_on)


def _is_terminal(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal


def _show(verifications: LiveVerifications, console: Console, goes_on: Callable[[list[Line]], bool]) -> None:
    clock, printed = verifications.stack.clock, set[tuple[str, str]]()
    with Live(console=console, auto_refresh=False) if _is_terminal(console) else nullcontext() as live:
        while True:
            lines = verifications.lines()
            if live:
                live.update(picture(lines, console.width, console.height), refresh=True)
            else:
                _print_news(lines, printed, console)
            if not goes_on(lines):
                return
            clock.sleep(clock.speed / _REFRESHES_A_SECOND)


def _print_news(lines: list[Line], printed: set[tuple[str, str]], console: Console) -> None:
    for line in lines:
        for second, text in line.news():
            if (line.verification_id, text) not in printed:
                printed.add((line.verification_id, text))
                console.print(f"{line.short_id:{_ID_WIDTH}}{second:6.1f} s  {text}", highlight=False, soft_wrap=True)
