"""What the report shows of each verification: figures that follow from its item, and nothing personal."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

#: The attributes that are read. Neither result nor correlationId, which may hold somebody's data.
ATTRIBUTES = (
    "verificationId",
    "outcome",
    "reason",
    "linkSentAt",
    "deadline",
    "startedAt",
    "settledAt",
    "publishedAt",
    "checks",
    "takeovers",
    "source",
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When checks are due: the stack's parameters of these names, in seconds."""

    poll_interval_seconds: int
    last_check_lead_seconds: int

    def due(self, sent: datetime, deadline: datetime) -> Iterator[float]:
        """The times at which checks are due, epoch seconds: each interval after the link was sent, and the last one."""
        last = deadline.timestamp() - self.last_check_lead_seconds
        at = sent.replace(microsecond=0).timestamp() + self.poll_interval_seconds
        while at < last:
            yield at
            at += self.poll_interval_seconds
        yield last


def rows(items: Iterable[dict[str, Any]], schedule: Schedule) -> list[dict[str, Any]]:
    """A row for each item (plain values), the newest link first."""
    return sorted((_row(item, schedule) for item in items), key=lambda row: row["sent"], reverse=True)


def _row(item: dict[str, Any], schedule: Schedule) -> dict[str, Any]:
    """seconds: from the link to the outcome. checks, checks_due: made, and due between its start and its outcome. late: seconds
    between the time at which the last check before the outcome was due and the outcome. publishing: seconds from the outcome to
    its event. What is not known is None.
    """
    sent, deadline, started = (datetime.fromisoformat(item[name]) for name in ("linkSentAt", "deadline", "startedAt"))
    settled, published = (
        datetime.fromisoformat(item[name]) if item.get(name) else None for name in ("settledAt", "publishedAt")
    )
    checks = item.get("checks") if settled else None
    due = [at for at in schedule.due(sent, deadline) if settled and started.timestamp() < at <= settled.timestamp()]
    return {
        "id": item["verificationId"],
        "entry": item["source"],
        "sent": item["linkSentAt"],
        "outcome": item.get("outcome") or "OPEN",
        "reason": item.get("reason") or None,
        "seconds": _between(sent, settled),
        "checks": checks,
        "checks_due": None if checks is None else len(due),
        "late": round(settled.timestamp() - due[-1], 3) if settled and due and checks is not None else None,
        "publishing": _between(settled, published),
        "takeovers": item["takeovers"],
    }


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 3) if start and end else None
