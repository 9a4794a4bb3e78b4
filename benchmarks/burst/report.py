"""What a burst came to, as tables and as docs/capacity.svg."""

import statistics
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.burst.simulation import Bucket, Seen, burst

_DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT, PICTURE = _DOCS / "capacity.md", _DOCS / "capacity.svg"
_BEGIN, _END = "<!-- make burst writes from here -->\n", "<!-- to here -->"
QUOTAS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("quotas.toml").read_text("utf-8"))
#: What the documents tell of.
LINKS, SECONDS = 10_000, 60
_COLOURS = {"large": "#1f7a5c", "other": "#b8672e"}


def bursts(links: int, seconds: float) -> dict[str, Seen]:
    """The same burst in each kind of region."""
    return {
        tier: burst(
            links,
            seconds,
            Bucket(quotas["start_execution_bucket"], quotas["start_execution_refill"]),
            Bucket(quotas["transition_bucket"], quotas["transition_refill"]),
        )
        for tier, quotas in QUOTAS.items()
    }


def rows(seen: dict[str, Seen]) -> list[list[str]]:
    """The table: a head, and a row for each measure."""
    measures = {
        "most transitions in a second": lambda s: f"{max(s.transitions_at.values()):,}",
        "most looks in a second": lambda s: f"{max(s.looks_at.values()):,}",
        "start late, s: median, 99 %, most": lambda s: _spread(s.start_lateness),
        "look late, s: median, 99 %, most": lambda s: _spread(s.look_lateness),
        "looks that came too late to be made": lambda s: f"{s.looks_lost:,} of {len(s.look_lateness):,}",
        "verifications without any look": lambda s: f"{s.blind:,}",
        "settled after the deadline, s: most": lambda s: f"{max(s.settled_after_deadline):.1f}",
    }
    head = ["", *(QUOTAS[tier]["regions"] for tier in seen)]
    return [head, *([measure, *(tell(s) for s in seen.values())] for measure, tell in measures.items())]


def _spread(values: Iterable[float]) -> str:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return f"{cuts[49]:.1f}, {cuts[98]:.1f}, {max(values):.1f}"


def tables(seen: dict[str, Seen]) -> str:
    """The table in Markdown."""
    head, *body = rows(seen)
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in body)]) + "\n"


def with_tables(document: str, seen: dict[str, Seen]) -> str:
    """The document with the table of these bursts."""
    before, rest = document.split(_BEGIN)
    return before + _BEGIN + tables(seen) + _END + rest.split(_END, 1)[1]


def picture(seen: dict[str, Seen]) -> str:
    """Transitions in each second (SVG)."""
    last = max(max(s.transitions_at) for s in seen.values())
    most = max(max(s.transitions_at.values()) for s in seen.values())
    shapes = []
    for place, (tier, s) in enumerate(seen.items()):
        points = " ".join(
            f"{60 + 760 * second / last:.1f},{300 - 230 * s.transitions_at[second] / most:.1f}"
            for second in range(last + 1)
        )
        words = f"{QUOTAS[tier]['regions']}: {QUOTAS[tier]['transition_refill']:,} a second"
        shapes.append(
            f'<polyline points="{points}" fill="none" stroke="{_COLOURS[tier]}" stroke-width="1.5"/>'
            f'<rect x="{60 + 400 * place}" y="38" width="14" height="4" fill="{_COLOURS[tier]}"/>'
            f'<text x="{80 + 400 * place}" y="44">{words}</text>'
        )
    for second in range(0, last + 1, 60):
        at = f"{60 + 760 * second / last:.1f}"
        shapes.append(f'<text x="{at}" y="318" text-anchor="middle" font-size="11" fill="#6e7781">{second} s</text>')
    for share in (0, 0.5, 1):
        up = 300 - 230 * share
        shapes.append(
            f'<line x1="60" y1="{up}" x2="820" y2="{up}" stroke="#d0d7de"/>'
            f'<text x="54" y="{up + 4}" text-anchor="end" font-size="11" fill="#6e7781">{most * share:,.0f}</text>'
        )
    title = "State transitions in each second after the first link"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 850 330" font-family="sans-serif" font-size="12" fill="#24292f">'
        f'<title>{title}</title><rect width="850" height="330" rx="8" fill="#ffffff"/>'
        f'<text x="60" y="24" font-size="15" font-weight="bold">{title}</text>{"".join(shapes)}</svg>\n'
    )


def write() -> None:
    """Writes docs/capacity.md's table and draws docs/capacity.svg."""
    seen = bursts(LINKS, SECONDS)
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text("utf-8"), seen), "utf-8")
    PICTURE.write_text(picture(seen), "utf-8")
