"""The page: one HTML file with its rows, its charts (Vega-Lite, charts.json) and the library that draws them.

vl-convert-python carries the library (vega, vega-lite, vega-embed) as JavaScript, so the page loads nothing from anywhere.
"""

import html
import json
from collections import Counter
from pathlib import Path
from statistics import median
from string import Template
from typing import Any

_HERE = Path(__file__).parent


def page(rows: list[dict[str, Any]], stack: str, since: str, until: str) -> str:
    """The whole page, as text. since, until: ISO 8601, as shown in its head. Without rows it says so."""
    return Template((_HERE / "page.html").read_text("utf-8")).substitute(
        stack=html.escape(stack),
        since=html.escape(since),
        until=html.escape(until),
        figures="".join(f"<div><b>{value}</b> {html.escape(name)}</div>" for name, value in figures(rows)),
        rows=_embedded(rows),
        charts=_embedded(json.loads((_HERE / "charts.json").read_text("utf-8"))),
        library=_library() if rows else "",
    )


def _library() -> str:
    # Not at the top: the virtual environment that runs local/ does not have it.
    import vl_convert  # noqa: PLC0415

    script = vl_convert.javascript_bundle()  # pyright: ignore[reportCallIssue]  # its stub is wrong: the argument is optional
    return script.replace("</script", "<\\/script")


def figures(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The figures above the charts: names and values."""
    outcomes = Counter(row["outcome"] for row in rows)
    made = sum(row["checks"] or 0 for row in rows)
    due = sum(row["checks_due"] or 0 for row in rows)
    late = [row["late"] for row in rows if row["late"] is not None]
    seconds = [row["seconds"] for row in rows if row["outcome"] == "LINK_CLICKED"]
    return [
        ("verifications", str(len(rows))),
        *((outcome, str(count)) for outcome, count in outcomes.most_common()),
        ("checks made, of " + str(due) + " due", str(made)),
        *([("median time to the click", f"{median(seconds):.0f} s")] if seconds else []),
        *([("the latest outcome after its check was due", f"{max(late):.1f} s")] if late else []),
        ("takeovers", str(sum(row["takeovers"] for row in rows))),
    ]


def _embedded(value: Any) -> str:
    """JSON that is safe within a script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
