"""What the report shows of each verification: figures that follow from its item, and nothing personal."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

#: The attributes that are read. Neither result nor correlationId, which may hold somebody's data.
ATTRIBUTES = (
    "verificationId",
    "status",
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


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One verification. sent, settled: ISO 8601 in UTC. seconds: from the link to the outcome. checks, checks_due: made, and
    due between its start and its outcome. late: seconds between the time at which the last check before the outcome was due
    and the outcome. publishing: seconds from the outcome to its event. What is not known is None.
    """

    id: str
    entry: str
    sent: str
    outcome: str
    reason: str | None
    settled: str | None
    seconds: float | None
    checks: int | None
    checks_due: int | None
    late: float | None
    publishing: float | None
    takeovers: int


def rows(items: Iterable[dict[str, Any]], schedule: Schedule) -> list[dict[str, Any]]:
    """A ReportRow as a dictionary for each item (plain values), the newest link first."""
    return sorted((asdict(_row(item, schedule)) for item in items), key=lambda row: row["sent"], reverse=True)


def _row(item: dict[str, Any], schedule: Schedule) -> ReportRow:
    sent, deadline, started = (_moment(item[name]) for name in ("linkSentAt", "deadline", "startedAt"))
    settled = _moment(item["settledAt"]) if item.get("settledAt") else None
    published = _moment(item["publishedAt"]) if item.get("publishedAt") else None
    counted = item.get("checks") is not None and settled is not None
    due = [at for at in schedule.due(sent, deadline) if at > started.timestamp()]
    passed = [at for at in due if settled and at <= settled.timestamp()] if counted else []
    return ReportRow(
        id=item["verificationId"],
        entry=item["source"],
        sent=item["linkSentAt"],
        outcome=item.get("outcome") or "OPEN",
        reason=item.get("reason") or None,
        settled=item.get("settledAt"),
        seconds=_between(sent, settled),
        checks=int(item["checks"]) if counted else None,
        checks_due=len(passed) if counted else None,
        late=round(settled.timestamp() - passed[-1], 3) if settled and passed else None,
        publishing=_between(settled, published),
        takeovers=int(item["takeovers"]),
    )


def _moment(iso: str) -> datetime:
    return datetime.fromisoformat(iso).astimezone(UTC)


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 3) if start and end else None
