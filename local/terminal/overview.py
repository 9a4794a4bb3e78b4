"""All verifications at once, each on the line of its window. A terminal gets a picture that moves until Ctrl-C; anything else a
line for each thing that happens, until nothing is open any more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from local.stack.stack import Stack
from local.terminal.live_view import SYMBOLS
from simulator.answers import ANSWERS

#: A settled verification stays in the picture this long, by the stack's clock, and for REAL_SECONDS at least.
_STAYS_SECONDS, _STAYS_REAL_SECONDS = 60, 20
_REFRESHES_A_SECOND = 4
_ID_WIDTH, _STATE_WIDTH, _NARROW_STATE_WIDTH = 14, 24, 12
_NARROW = 70
_LEGEND = {"PENDING": "not yet", "CLICKED": "clicked", "UNAVAILABLE": "no answer", "REJECTED": "refused"}


@dataclass(frozen=True)
class Line:
    """One verification as it stands. Seconds are since the link was sent; checks: when, and what was learnt."""

    verification_id: str
    takeover: str
    window_seconds: float
    seconds_gone: float
    checks: tuple[tuple[float, str], ...]
    outcome: str | None
    reason: str | None

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


def lines(stack: Stack) -> list[Line]:
    """What is open, and what was settled a moment ago; the one sent first comes first."""
    now_ms = stack.clock.now_ms()
    stays_ms = 1000 * max(_STAYS_SECONDS, _STAYS_REAL_SECONDS * stack.clock.speed)
    items = [item for item in stack.items() if not item.get("settledAt") or now_ms - _ms(item["settledAt"]) < stays_ms]
    return [_line(stack, item, now_ms) for item in sorted(items, key=lambda item: item["linkSentAt"])]


def _line(stack: Stack, item: dict[str, Any], now_ms: float) -> Line:
    sent_ms = _ms(item["linkSentAt"]) // 1000 * 1000
    ends_ms = min(now_ms, _ms(item["settledAt"])) if item.get("settledAt") else now_ms
    checks = ((request.at_ms - sent_ms, request.answer) for request in stack.signzy.requests(item["requestId"]))
    return Line(
        verification_id=item["verificationId"],
        takeover=item["executionName"][len(item["verificationId"]) + 1 :],
        window_seconds=(_ms(item["deadline"]) - sent_ms) / 1000,
        seconds_gone=(ends_ms - sent_ms) / 1000,
        checks=tuple((at_ms / 1000, _learnt(answer)) for at_ms, answer in checks),
        outcome=item.get("outcome"),
        reason=item.get("reason"),
    )


def _learnt(answer: str) -> str:
    """What CheckLink makes of an answer of the simulator's; its misbehaviours are no answers."""
    return ANSWERS[answer].expect["answer"] if answer in ANSWERS else "UNAVAILABLE"


def _ms(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp() * 1000


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
    cells = [("━" if at <= _column(line, line.seconds_gone, columns) else "─", "dim") for at in range(columns)]
    for second, answer in line.checks:
        cells[_column(line, second, columns)] = SYMBOLS[answer]
    style = {None: "", "LINK_CLICKED": "green", "EXPIRED": "yellow"}.get(line.outcome, "red")
    return Text.assemble(
        (line.short_id[:_ID_WIDTH].ljust(_ID_WIDTH), "bold"), *cells, "  ", (state[:state_width], style)
    )


def _column(line: Line, second: float, columns: int) -> int:
    return max(0, min(columns - 1, round(second / line.window_seconds * (columns - 1))))


def _legend(width: int) -> Text:
    parts = [part for answer, words in _LEGEND.items() for part in (SYMBOLS[answer], f" {words}   ")]
    return _cut(Text.assemble(*parts, ("━", "dim"), " time gone"), width)


def _cut(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    return text


# ── Following them ────────────────────────────────────────────────────────────────────────────────────────────────────


def follow_all(stack: Stack, console: Console) -> None:
    """Shows them, as the module says."""
    if console.is_terminal and not console.is_dumb_terminal:
        _show_moving(stack, console)
    else:
        _tell(stack, console)


def _show_moving(stack: Stack, console: Console) -> None:
    with Live(console=console, auto_refresh=False, screen=True) as live:
        while True:
            live.update(picture(lines(stack), console.width, console.height), refresh=True)
            stack.clock.sleep(stack.clock.speed / _REFRESHES_A_SECOND)


def _tell(stack: Stack, console: Console) -> None:
    told: set[tuple[str, str]] = set()
    while shown := lines(stack):
        for line in shown:
            news = (
                [(line.seconds_gone, f"settled: {line.state} after {len(line.checks)} checks")] if line.outcome else []
            )
            news = [(second, f"check {nth}: {answer}") for nth, (second, answer) in enumerate(line.checks, 1)] + news
            for second, what in news:
                if (line.verification_id, what) not in told:
                    told.add((line.verification_id, what))
                    console.print(
                        f"{line.short_id:{_ID_WIDTH}}{second:6.1f} s  {what}", highlight=False, soft_wrap=True
                    )
        if all(line.outcome for line in shown):
            return
        stack.clock.sleep(stack.clock.speed / _REFRESHES_A_SECOND)
    console.print("No verification is open")
