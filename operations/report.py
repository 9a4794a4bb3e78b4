"""make report: one HTML file about the verifications of a period, with nothing personal in it.

vl-convert-python carries the library that draws the charts (Vega-Lite), so the page loads nothing from anywhere.
"""

import html
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from string import Template
from typing import Any

from operations.deployed.stack import DeployedStack, plain
from operations.environment import BadChoice

#: The attributes that are read. Neither result nor correlationId, which may contain somebody's data.
ATTRIBUTES = (
    *("verificationId", "source", "linkSentAt", "deadline", "startedAt", "settledAt", "publishedAt"),
    *("outcome", "reason", "checks", "takeovers"),
)


def write_report(stack: DeployedStack, chosen: Mapping[str, str]) -> str:
    """Writes the page about a period to OUT; returns what to print. Raises BadChoice, OSError, BotoCoreError, ClientError."""
    since, until = period(chosen, stack.clock.now())
    out, found = Path(chosen.get("OUT") or "report.html"), rows(stack, since, until)
    out.write_text(page(found, f"{stack.stack_name} from {_iso(since)} to {_iso(until)}"), "utf-8")
    return f"{len(found)} verifications: {out}"


def period(chosen: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """From SINCE (included) until UNTIL (ISO 8601, UTC where they name no zone), by default the last HOURS until now.

    Raises BadChoice.
    """
    try:
        until = _time(chosen["UNTIL"]) if chosen.get("UNTIL") else now
        hours = timedelta(hours=float(chosen.get("HOURS") or 24))
        since = _time(chosen["SINCE"]) if chosen.get("SINCE") else until - hours
    except (ValueError, OverflowError) as error:
        raise BadChoice(f"HOURS is a number, SINCE and UNTIL are times such as 2026-11-23T10:00:00Z: {error}") from None
    if since >= until:
        raise BadChoice(f"the report is from {_iso(since)} to {_iso(until)}, which contains nothing")
    return since, until


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _iso(time: datetime) -> str:
    """As times are stored in items."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rows(stack: DeployedStack, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """A row for each link that was sent in the period, the newest first. Reads the whole table."""
    pages = (
        stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=stack.outputs.TableName,
            ProjectionExpression=", ".join(f"#{name}" for name in ATTRIBUTES),
            ExpressionAttributeNames={f"#{name}": name for name in ATTRIBUTES},
            FilterExpression="#linkSentAt >= :since AND #linkSentAt < :until",
            ExpressionAttributeValues={":since": {"S": _iso(since)}, ":until": {"S": _iso(until)}},
        )
    )
    interval, lead = (int(stack.parameters[name]) for name in ("PollIntervalSeconds", "LastCheckLeadSeconds"))
    found = (row(plain(item), interval, lead) for page in pages for item in page["Items"])
    return sorted(found, key=lambda row: row["sent"], reverse=True)


def row(item: Mapping[str, Any], interval: int, lead: int) -> dict[str, Any]:
    """What the report shows of an item; None is unknown.

    seconds: from the link to the outcome. checks, checks_due: made, and due between its start and its outcome. late: seconds from
    the due time of the last check before the outcome to the outcome. publishing: seconds from the outcome to its event.
    """
    names = ("linkSentAt", "deadline", "startedAt", "settledAt", "publishedAt")
    times = {name: datetime.fromisoformat(item[name]).timestamp() for name in names if item.get(name)}
    sent, settled, published = times["linkSentAt"], times.get("settledAt"), times.get("publishedAt")
    last = times["deadline"] - lead
    every = [*range(int(sent) + interval, int(last), interval), last]
    due = [at for at in every if times["startedAt"] < at <= (settled or 0)]
    checks = item.get("checks") if settled else None  # a cancel counts none
    return {
        "id": item["verificationId"],
        "entry": item["source"],
        "sent": item["linkSentAt"],
        "outcome": item.get("outcome") or "OPEN",
        "reason": item.get("reason") or None,
        "seconds": _seconds(sent, settled),
        "checks": checks,
        "checks_due": None if checks is None else len(due),
        "late": None if checks is None or not due else _seconds(due[-1], settled),
        "publishing": _seconds(settled, published),
        "takeovers": item["takeovers"],
    }


def _seconds(start: float | None, end: float | None) -> float | None:
    return round(end - start, 3) if start and end else None


def page(rows: list[dict[str, Any]], title: str) -> str:
    """The whole page, as text."""
    return Template(Path(__file__).with_suffix(".html").read_text("utf-8")).substitute(
        title=html.escape(title),
        figures="".join(f"<div><b>{value}</b> {name}</div>" for name, value in figures(rows)),
        rows=json.dumps(rows).replace("<", "\\u003c"),  # within a script element
        library=_library() if rows else "",
    )


def _library() -> str:
    # Not at the top: the virtual environment that runs local/ does not have it.
    import vl_convert  # noqa: PLC0415

    script = vl_convert.javascript_bundle()  # pyright: ignore[reportCallIssue]  # its stub is wrong: the argument is optional
    return script.replace("</script", "<\\/script")


def figures(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, object]]:
    """The figures above the charts: names and values."""
    yield from Counter(row["outcome"] for row in rows).most_common()
    counted = [row for row in rows if row["checks"] is not None]
    yield f"checks made, of {sum(row['checks_due'] for row in counted)} due", sum(row["checks"] for row in counted)
    if seconds := [row["seconds"] for row in rows if row["outcome"] == "LINK_CLICKED"]:
        yield "seconds to the click (median)", round(median(seconds))
    if late := [row["late"] for row in counted if row["late"] is not None]:
        yield "seconds from the due time of a check to its outcome (at most)", max(late)
    yield "takeovers", sum(row["takeovers"] for row in rows)
