"""Three verifications as they really ran, drawn on their windows: docs/time-lines.svg; and what make watch showed of them
meanwhile: docs/terminal.svg.
"""

import io
import json
import re
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from local.stack.lifecycle import StackConfig, running_stack
from local.stack.stack import Stack
from local.terminal import overview

ROOT = Path(__file__).parents[1]
#: What the last run saw, so that the picture can be drawn again without it.
RUN = Path(__file__).with_name("time_lines.json")
PICTURE, TERMINAL = ROOT / "docs" / "time-lines.svg", ROOT / "docs" / "terminal.svg"

_SPEED, _ABORT_AFTER_SECONDS, _PICTURE_AFTER_SECONDS, _PATIENCE_SECONDS = 6, 94, 150, 150
_SCRIPTS: dict[str, list[dict[str, Any]]] = {
    "Clicked": [{"untilSecond": 95, "answer": "pending"}, {"answer": "clicked"}],
    "Expired, with an outage in the middle": [{"fromSecond": 95, "untilSecond": 175, "answer": "upstream-down"}],
    "Aborted by mistake, taken over, clicked": [{"untilSecond": 215, "answer": "pending"}, {"answer": "clicked"}],
}


def watch() -> None:
    """Runs the three on a stack of their own, under an accelerated clock, and keeps what became of them. Takes a minute."""
    with running_stack(StackConfig(speed=_SPEED)) as stack:
        ids = {}
        for title, script in _SCRIPTS.items():
            request_id, session_id = secrets.token_hex(12), secrets.token_hex(12)
            stack.signzy.send_link(request_id, session_id, script=script)
            ids[title] = stack.start(request_id, session_id).body["verificationId"]
        stack.clock.sleep(_ABORT_AFTER_SECONDS)
        stack.executions.abort(list(ids.values())[-1])
        stack.clock.sleep(_PICTURE_AFTER_SECONDS - _ABORT_AFTER_SECONDS)
        TERMINAL.write_text(_terminal(stack), "utf-8")
        seen = [_seen(stack, title, verification_id) for title, verification_id in ids.items()]
    RUN.write_text(json.dumps(seen, indent=1) + "\n", "utf-8")


def _terminal(stack: Stack) -> str:
    """What make watch shows at this moment (SVG), without the fonts that rich would have fetched."""
    console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True)
    console.print(overview.picture(overview.lines(stack), 100, 30))
    return re.sub(r"@font-face \{.*?\}", "", console.export_svg(title="make watch"), flags=re.DOTALL)


def _seen(stack: Stack, title: str, verification_id: str) -> dict[str, Any]:
    """What became of a verification; times in seconds after the link was sent."""
    item = stack.await_published(verification_id, _PATIENCE_SECONDS)
    sent_at = datetime.fromisoformat(item["linkSentAt"]).timestamp()
    taken_over_by = stack.executions.find(item["executionName"]) if item["takeovers"] else None
    return {
        "title": title,
        "checks": [
            {"second": round(check.at_ms / 1000 - sent_at, 1), "answer": check.answer}
            for check in stack.signzy.requests(item["requestId"])
        ],
        "takenOverAt": round(stack_second(taken_over_by, sent_at), 1) if taken_over_by else None,
        "settledAt": round(datetime.fromisoformat(item["settledAt"]).timestamp() - sent_at, 1),
        "outcome": item["outcome"],
    }


def stack_second(execution: dict[str, Any], sent_at: float) -> float:
    """When an execution was started, in seconds after the link was sent."""
    return execution["startDate"].timestamp() - sent_at


# ── The picture ───────────────────────────────────────────────────────────────────────────────────────────────────────

_LEFT, _PIXELS_A_SECOND, _TOP, _ROW = 40, 2.2, 66, 96
_COLOURS = {"pending": "#9aa5b1", "clicked": "#1f7a5c", "upstream-down": "#c4472f"}
_LEGEND = [("pending", "not yet"), ("clicked", "clicked"), ("upstream-down", "Signzy is down")]


def _x(second: float) -> float:
    return round(_LEFT + second * _PIXELS_A_SECOND, 1)


def picture(seen: list[dict[str, Any]]) -> str:
    """The windows, one under the other (SVG)."""
    height = _TOP + _ROW * len(seen) + 10
    shapes = [_legend(), *(_row(verification, _TOP + _ROW * row) for row, verification in enumerate(seen))]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 {height}" font-family="sans-serif" font-size="13" '
        'fill="#24292f">'
        "<title>Verifications on their windows of 300 seconds, each check a dot</title>"
        f'<rect width="860" height="{height}" rx="8" fill="#ffffff"/>{"".join(shapes)}</svg>\n'
    )


def _legend() -> str:
    dots = "".join(
        f'<circle cx="{_LEFT + 4 + 105 * place}" cy="28" r="5" fill="{_COLOURS[answer]}"/>'
        f'<text x="{_LEFT + 16 + 105 * place}" y="32">{words}</text>'
        for place, (answer, words) in enumerate(_LEGEND)
    )
    words = "seconds after the link was sent; the bar is the deadline"
    return f'{dots}<text x="{_x(300)}" y="32" text-anchor="end" font-size="12">{words}</text>'


def _row(seen: dict[str, Any], top: int) -> str:
    line, words = top + 38, f"{seen['outcome']} at {seen['settledAt']:.0f} s"
    parts = [
        f'<text x="{_LEFT}" y="{top + 8}" font-weight="bold">{seen["title"]}</text>',
        f'<line x1="{_x(0)}" y1="{line}" x2="{_x(300)}" y2="{line}" stroke="#d0d7de" stroke-width="2"/>',
        *(
            f'<text x="{_x(second)}" y="{line + 26}" font-size="11" fill="#6e7781" text-anchor="middle">{second}</text>'
            for second in range(0, 301, 60)
        ),
        f'<line x1="{_x(300)}" y1="{line - 10}" x2="{_x(300)}" y2="{line + 10}" stroke="#24292f" stroke-width="2"/>',
    ]
    if seen["takenOverAt"] is not None:
        at = _x(seen["takenOverAt"])
        parts.append(
            f'<path d="M{at} {line + 10} V{line - 26} h68 v16 h-68" fill="#fff3d1" stroke="#9a6700"/>'
            f'<text x="{at + 5}" y="{line - 14}" font-size="11">taken over</text>'
        )
    parts += [
        f'<circle cx="{_x(check["second"])}" cy="{line}" r="5" fill="{_COLOURS[check["answer"]]}"/>'
        for check in seen["checks"]
    ]
    settled_at = _x(seen["settledAt"])
    beside = f'x="{settled_at + 12}"' if settled_at < _x(240) else f'x="{_x(300) + 8}"'
    parts.append(f'<text {beside} y="{line - 12 if settled_at < _x(240) else line + 4}" font-size="12">{words}</text>')
    return "".join(parts)


def write() -> None:
    """Draws the run that is kept."""
    PICTURE.write_text(picture(json.loads(RUN.read_text("utf-8"))), "utf-8")
