"""What docs/performance.md shows of a run: its tables, between two markers, and the picture beside it."""

from pathlib import Path
from typing import Any

from benchmarks.check_link import figures

_DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT, PICTURE = _DOCS / "performance.md", _DOCS / "pictures" / "performance.svg"
_BEGIN, _END = "<!-- make bench writes from here -->\n", "<!-- to here -->"
#: "At 1,769 MB, a function has the equivalent of one vCPU": https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MEGABYTES_OF_ONE_PROCESSOR = 1769
_MEMORY_SIZES = (128, 256, 512, 1024, 1769)


def write(run: dict[str, Any]) -> None:
    """Puts the run into the document and draws the picture."""
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text("utf-8"), run), "utf-8")
    PICTURE.write_text(picture(run), "utf-8")


def with_tables(document: str, run: dict[str, Any]) -> str:
    """The document with the run's tables in the place of those before."""
    before, rest = document.split(_BEGIN)
    return before + _BEGIN + tables(run) + _END + rest.split(_END, 1)[1]


def tables(run: dict[str, Any]) -> str:
    """The table of ratios and the table of memory sizes, in Markdown."""
    lines = [
        f"{run['machine']}; {run['date']}; {run['runs']} starts of each.\nRatios are of medians.",
        "",
        "| measure | min | median | max | yardstick | its median | ratio | target |",
        "|---|--:|--:|--:|---|--:|--:|--:|",
    ]
    for row in figures.rows(run):
        ours = " | ".join(f"{figure:,.0f}" for figure in (row.ours.minimum, row.ours.median, row.ours.maximum))
        target = f"≤ {row.target}" if row.target else ""
        lines.append(
            f"| {row.measure} | {ours} | {row.yardstick} | {row.theirs.median:,.0f} | {row.ratio:.2f} | {target} |"
        )
    bundle = f"{run['zipped_bytes'] / 2**20:.2f}"
    lines += [f"| CheckLink's bundle, zipped, MiB | | {bundle} | | | | | ≤ 2 |", "", *_memory_sizes(run)]
    return "\n".join(lines) + "\n"


def _memory_sizes(run: dict[str, Any]) -> list[str]:
    first, api = (run["starts"][name]["answer_cpu_ms"]["median"] for name in ("check_link", "api"))
    warm = run["warm"]["check_cpu"]["median"] / 1000
    lines = ["| MB | cold check, ms | warm check, ms | cold API function, ms |", "|--:|--:|--:|--:|"]
    for megabytes in _MEMORY_SIZES:
        share = megabytes / MEGABYTES_OF_ONE_PROCESSOR
        lines.append(f"| {megabytes:,} | {first / share:,.0f} | {warm / share:,.1f} | {api / share:,.0f} |")
    return lines


def picture(run: dict[str, Any]) -> str:
    """Process start to first answer, as bars (SVG)."""
    bars = [
        ("urllib3 and json only", "bare", "#9aa5b1"),
        ("CheckLink", "check_link", "#1f7a5c"),
        ("CheckLink without byte-code", "check_link_sources", "#8fc7b3"),
        ("the usual stack with byte-code", "usual", "#d9a05b"),
        ("the usual stack as sam build makes it", "usual_sources", "#b8672e"),
    ]
    widest = max(run["starts"][name]["answer_cpu_ms"]["median"] for _, name, _ in bars)
    shapes = []
    for place, (label, name, colour) in enumerate(bars):
        milliseconds, top = run["starts"][name]["answer_cpu_ms"]["median"], 62 + place * 34
        width = 380 * milliseconds / widest
        shapes.append(
            f'<text x="262" y="{top + 15}" text-anchor="end">{label}</text>'
            f'<rect x="272" y="{top}" width="{width:.0f}" height="22" rx="3" fill="{colour}"/>'
            f'<text x="{280 + width:.0f}" y="{top + 15}">{milliseconds:,.0f}</text>'
        )
    title = "Process start to first answer, milliseconds of CPU (median)"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 250" font-family="sans-serif" font-size="13" fill="#24292f">'
        f'<title>{title}</title><rect width="720" height="250" rx="8" fill="#ffffff"/>'
        f'<text x="24" y="32" font-size="15" font-weight="bold">{title}</text>{"".join(shapes)}</svg>\n'
    )
