"""All verifications at once, each on the line of its window. A terminal gets a moving picture until Ctrl-C, anything else a line
for each thing that happens, until none is open.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from local.live_view import CHECK_LINK, SYMBOLS, Progress, after_checks, epoch_ms, progress_of, window_cells
from local.stack import Stack

#: A settled verification stays in the picture this long, by the stack's clock, and for REAL_SECONDS at least.
_STAYS_SECONDS, _STAYS_REAL_SECONDS = 60, 20
_REFRESHES_A_SECOND = 4
_ID_WIDTH, _STATE_WIDTH, _NARROW_STATE_WIDTH = 14, 24, 12
_NARROW = 70
_LEGEND = {"PENDING": "not yet", "CLICKED": "clicked", "UNAVAILABLE": "no answer", "REJECTED": "refused"}


@dataclass(frozen=True)
class Line:
    """One verification. Seconds are since the link was sent; checks: when, and the answer; settled: how it is announced."""

    verification_id: str
    takeover: str
    window_seconds: float
    seconds_gone: float
    checks: tuple[tuple[float, str], ...]
    outcome: str | None
    reason: str | None
    settled: str = ""

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


class Overview:
    """The lines of a stack's verifications.

    The checks are those of the execution: of the simulator's requests, one may be the repetition of another in the same check. An
    execution's history is read again only when the simulator has got a request about its link, or a check had no answer yet.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._progress: dict[str, tuple[int, Progress]] = {}

    def lines(self) -> list[Line]:
        """What is open, and what was settled a moment ago; the one sent first comes first."""
        now_ms = self._stack.clock.now_ms()
        stays_ms = 1000 * max(_STAYS_SECONDS, _STAYS_REAL_SECONDS * self._stack.clock.speed)
        items = [
            i for i in self._stack.items() if not i.get("settledAt") or now_ms - epoch_ms(i["settledAt"]) < stays_ms
        ]
        return [self._line(item, now_ms) for item in sorted(items, key=lambda item: item["linkSentAt"])]

    def _line(self, item: dict[str, Any], now_ms: float) -> Line:
        sent_ms = epoch_ms(item["linkSentAt"]) // 1000 * 1000
        ends_ms = min(now_ms, epoch_ms(item["settledAt"])) if item.get("settledAt") else now_ms
        outcome, reason = item.get("outcome"), item.get("reason") or None
        return Line(
            verification_id=item["verificationId"],
            takeover=item["executionName"][len(item["verificationId"]) + 1 :],
            window_seconds=(epoch_ms(item["deadline"]) - sent_ms) / 1000,
            seconds_gone=(ends_ms - sent_ms) / 1000,
            checks=tuple(((check.at_ms - sent_ms) / 1000, check.answer) for check in self._progress_of(item).checks),
            outcome=outcome,
            reason=reason,
            settled=f"settled: {outcome} {reason or ''}".rstrip() + after_checks(item) if outcome else "",
        )

    def _progress_of(self, item: dict[str, Any]) -> Progress:
        name, requests = item["executionName"], len(self._stack.signzy.requests(item["requestId"]))
        read, progress = self._progress.get(name, (-1, Progress()))
        if requests != read or progress.state == CHECK_LINK:
            started = self._stack.executions.find(name)
            progress = progress_of(self._stack.executions.history(name)) if started else Progress()
            self._progress[name] = requests, progress
        return progress


# ── The picture ───────────────────────────────────────────────────────────────────────────────────────────────────────


def picture(shown: Iterable[Line], width: int, height: int) -> Group:
    """As wide as the terminal, and no higher: what is open comes before what is settled."""
    shown = list(shown)
    open_count = sum(line.outcome is None for line in shown)
    head = Text(
        f"{open_count} open, {len(shown) - open_count} settled a moment ago   (Ctrl-C ends the picture)", style="bold"
    )
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
    cells = window_cells(line.window_seconds, line.seconds_gone, line.checks, columns)
    style = {None: "", "LINK_CLICKED": "green", "EXPIRED": "yellow"}.get(line.outcome, "red")
    return Text.assemble(
        (line.short_id[:_ID_WIDTH].ljust(_ID_WIDTH), "bold"), *cells, "  ", (state[:state_width], style)
    )


def _legend(width: int) -> Text:
    parts = [part for answer, words in _LEGEND.items() for part in (SYMBOLS[answer], f" {words}   ")]
    return _cut(Text.assemble(*parts, ("━", "dim"), " time gone"), width)


def _cut(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    return text


# ── Following them ────────────────────────────────────────────────────────────────────────────────────────────────────


def follow_all(stack: Stack, console: Console) -> None:
    """Shows them, as the module says."""
    overview = Overview(stack)
    if console.is_terminal and not console.is_dumb_terminal:
        _show_moving(stack, overview, console)
    else:
        _show_lines(stack, overview, console)


def _show_moving(stack: Stack, overview: Overview, console: Console) -> None:
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            live.update(picture(overview.lines(), console.width, console.height), refresh=True)
            stack.clock.sleep(stack.clock.speed / _REFRESHES_A_SECOND)


def _show_lines(stack: Stack, overview: Overview, console: Console) -> None:
    printed: set[tuple[str, str]] = set()
    while shown := overview.lines():
        for line in shown:
            happened = [(second, f"check {number}: {answer}") for number, (second, answer) in enumerate(line.checks, 1)]
            happened += [(line.seconds_gone, line.settled)] if line.settled else []
            for second, what in happened:
                if (line.verification_id, what) not in printed:
                    printed.add((line.verification_id, what))
                    console.print(
                        f"{line.short_id:{_ID_WIDTH}}{second:6.1f} s  {what}", highlight=False, soft_wrap=True
                    )
        if all(line.outcome for line in shown):
            return
        stack.clock.sleep(stack.clock.speed / _REFRESHES_A_SECOND)
    console.print("No verification is open")
