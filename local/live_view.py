"""Shows verifications live, each on the line of its window. A terminal gets a moving picture, anything else a line for each thing
that happens.
"""

import json
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from local.stack import Stack

#: A settled verification stays in the picture this long, by the stack's clock, and for REAL_SECONDS at least.
_STAYS_SECONDS, _STAYS_REAL_SECONDS = 60, 20
_REFRESHES_A_SECOND = 2
_ID_WIDTH, _STATE_WIDTH = 14, 24
_SYMBOLS = {
    "PENDING": ("·", "yellow", "not yet"),
    "CLICKED": ("●", "green", "clicked"),
    "UNAVAILABLE": ("x", "red", "no answer"),
    "REJECTED": ("■", "red", "refused"),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One check. at_ms: when it was due, epoch milliseconds by the stack's clock."""

    at_ms: float
    answer: str
    reason: str | None


def checks_in(events: Iterable[dict[str, Any]]) -> list[Check]:
    """The checks that were made and have their answer, from the events of GetExecutionHistory, oldest first."""
    checks: list[Check] = []
    asked_ms: float | None = None
    for event in events:
        if entered := event.get("stateEnteredEventDetails"):
            if asked_ms is not None:  # the task failed, and the failure was caught
                checks.append(Check(asked_ms, "UNAVAILABLE", "CHECK_FAILED"))
            asked_ms = event["timestamp"].timestamp() * 1000 if entered["name"] == "Check Link" else None
        elif asked_ms is not None and (succeeded := event.get("taskSucceededEventDetails")):
            answer = json.loads(succeeded["output"])["Payload"]
            if answer["reason"] != "PAST_DEADLINE":  # no request was sent
                checks.append(Check(asked_ms, answer["answer"], answer["reason"]))
            asked_ms = None
    return checks


class Line:
    """One verification at one moment, from its item and its checks. Seconds are since the link was sent."""

    def __init__(self, item: dict[str, Any], checks: Iterable[Check], now_ms: float) -> None:
        sent_ms = _epoch_ms(item["linkSentAt"]) // 1000 * 1000  # schedule and deadline count from there
        settled_ms = _epoch_ms(item["settledAt"]) if item.get("settledAt") else now_ms
        self.verification_id: str = item["verificationId"]
        takeover = item["executionName"][len(self.verification_id) + 1 :]
        self.name = f"{self.verification_id[:6]} {takeover}".strip()
        self.window_seconds = (_epoch_ms(item["deadline"]) - sent_ms) / 1000
        self.seconds_gone = (min(now_ms, settled_ms) - sent_ms) / 1000
        self.checks = [((check.at_ms - sent_ms) / 1000, check.answer, check.reason or "") for check in checks]
        self.outcome: str | None = item.get("outcome")
        self.is_published = bool(item.get("publishedAt"))
        self._reason, self._settled_after = item.get("reason") or "", item.get("checks")

    @property
    def state(self) -> str:
        """In a word or two."""
        if self.outcome:
            return f"{self.outcome} {self._reason}".strip()
        return f"{max(self.window_seconds - self.seconds_gone, 0):.0f} s left"

    def news(self) -> list[tuple[float, str]]:
        """What has happened so far: second and text."""
        checks = enumerate(self.checks, 1)
        found = [
            (second, f"check {number:2}: {answer} {reason}".rstrip()) for number, (second, answer, reason) in checks
        ]
        after = "" if self._settled_after is None else f" after {self._settled_after} checks"
        return found + ([(self.seconds_gone, f"settled: {self.state}{after}")] if self.outcome else [])


class LiveVerifications:
    """The lines of a stack's verifications, or of one. The checks are those of the execution: of the simulator's requests, one
    may be the repetition of another in the same check.
    """

    def __init__(self, stack: Stack, verification_id: str | None = None) -> None:
        """verification_id: of the only one to show."""
        self.stack = stack
        self._verification_id = verification_id
        self._settled: dict[str, list[Check]] = {}

    def lines(self) -> list[Line]:
        """The one, or what is open, and then what was settled a moment ago; the one sent first comes first."""
        now_ms = self.stack.clock.now_ms()
        if self._verification_id:
            item = self.stack.item(self._verification_id)
            return [Line(item, self._checks(item), now_ms)] if item else []
        shown_since = now_ms - 1000 * max(_STAYS_SECONDS, _STAYS_REAL_SECONDS * self.stack.clock.speed)
        items = [i for i in self.stack.items() if not i.get("settledAt") or _epoch_ms(i["settledAt"]) > shown_since]
        items.sort(key=lambda item: (bool(item.get("settledAt")), item["linkSentAt"]))
        return [Line(item, self._checks(item), now_ms) for item in items]

    def _checks(self, item: dict[str, Any]) -> list[Check]:
        name = item["executionName"]
        if name in self._settled:
            return self._settled[name]
        checks = checks_in(self.stack.history(name)) if self.stack.execution(name) else []
        if item.get("settledAt"):
            self._settled[name] = checks
        return checks


def _epoch_ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


# ── The picture ───────────────────────────────────────────────────────────────────────────────────────────────────────


def picture(lines: list[Line], width: int) -> Group:
    """As wide as the terminal. Where it is too high, rich leaves out the end."""
    open_count = sum(line.outcome is None for line in lines)
    head = _one_line((f"{open_count} open, {len(lines) - open_count} settled a moment ago", "bold"))
    legend = [part for symbol, style, words in _SYMBOLS.values() for part in ((symbol, style), f" {words}   ")]
    rows = [row(line, width) for line in lines] or [Text("none yet: make send")]
    return Group(head, _one_line(*legend, ("━", "dim"), " time gone"), Text(), *rows)


def row(line: Line, width: int) -> Text:
    """One verification: its id and takeover, its window, its state."""
    columns = max(width - _ID_WIDTH - _STATE_WIDTH - 2, 8)

    def column(second: float) -> int:
        return max(0, min(columns - 1, round(second / line.window_seconds * (columns - 1))))

    cells = [("━" if at <= column(line.seconds_gone) else "─", "dim") for at in range(columns)]
    for second, answer, _ in line.checks:
        cells[column(second)] = _SYMBOLS[answer][:2]
    style = {None: "", "LINK_CLICKED": "green", "EXPIRED": "yellow"}.get(line.outcome, "red")
    name = line.name[:_ID_WIDTH].ljust(_ID_WIDTH)
    return _one_line((name, "bold"), *cells, "  ", (line.state[:_STATE_WIDTH], style))


def _one_line(*parts: str | tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


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
                live.update(picture(lines, console.width), refresh=True)
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
                console.print(f"{line.name:{_ID_WIDTH}}{second:6.1f} s  {text}", highlight=False, soft_wrap=True)
