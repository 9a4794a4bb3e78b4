"""What the report reads: the items of a period, from the table."""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from operations.deployed.stack import plain
from operations.environment import BadChoice
from operations.report.rows import ATTRIBUTES

#: More rows than this make a page that a phone cannot show.
MOST_ROWS = 20_000


@dataclass(frozen=True)
class Period:
    """The links that were sent from since (included) to until (not included); both in UTC."""

    since: datetime
    until: datetime

    @staticmethod
    def chosen(shell: Mapping[str, str], now: datetime) -> "Period":
        """From SINCE and UNTIL (ISO 8601, UTC where they name no zone), or the last HOURS. Raises BadChoice."""
        if shell.get("HOURS") and shell.get("SINCE"):
            raise BadChoice("the report takes HOURS or SINCE, not both")
        until = _time_in(shell, "UNTIL") or now
        hours = shell.get("HOURS") or "24"
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?|\.[0-9]+", hours) or float(hours) == 0:
            raise BadChoice(f"HOURS={hours} should be a number of hours above 0")
        try:
            since = _time_in(shell, "SINCE") or until - timedelta(hours=float(hours))
        except OverflowError:
            raise BadChoice(f"HOURS={hours} before {iso(until)} is before the year 1") from None
        if since >= until:
            raise BadChoice(f"SINCE={iso(since)} should be before UNTIL={iso(until)}")
        return Period(since, until)


def _time_in(shell: Mapping[str, str], name: str) -> datetime | None:
    text = shell.get(name)
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise BadChoice(f"{name}={text} should be an ISO 8601 time, such as 2026-11-23T10:00:00Z") from None


def iso(time: datetime) -> str:
    """As times are stored in items: UTC with milliseconds."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def items(dynamodb: Any, table_name: str, period: Period) -> Iterator[dict[str, Any]]:
    """The items of the period with plain values. Reads the whole table. Raises BadChoice where there are too many."""
    names = {f"#{number}": name for number, name in enumerate(ATTRIBUTES)}
    sent = next(alias for alias, name in names.items() if name == "linkSentAt")
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table_name,
        ProjectionExpression=", ".join(names),
        ExpressionAttributeNames=names,
        FilterExpression=f"{sent} >= :since AND {sent} < :until",
        ExpressionAttributeValues={":since": {"S": iso(period.since)}, ":until": {"S": iso(period.until)}},
    )
    found = read = 0
    for each in pages:
        found, read = found + len(each["Items"]), read + each["ScannedCount"]
        print(f"{read} items read, {found} of the period", file=sys.stderr)
        if found > MOST_ROWS:
            raise BadChoice(
                f"more than {MOST_ROWS} verifications in this period: choose a shorter one (HOURS, SINCE, UNTIL)"
            )
        yield from map(plain, each["Items"])
