"""Verifications: start one, find one or those of a correlationId, cancel one.

The table is the one source of truth. What a caller is told is in the item before the caller is told, and the item names the
execution that has to finish it; recovery starts what could not be started here (recovery.py).
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from linkwatch.aws_errors import AwsUnavailable
from linkwatch.executions import Executions
from linkwatch.model import Start, deadline_of, iso_from
from linkwatch.table import Item, Table

#: As many verifications as one page shows.
PAGE_SIZE = 50
#: A verification as the API shows it.
Verification = dict[str, Any]

_SHOWN = (
    *("verificationId", "requestId", "sessionId", "correlationId", "status", "outcome", "reason"),
    *("linkSentAt", "deadline", "checks", "result", "settledAt", "publishedAt"),
)


@dataclass(frozen=True, slots=True)
class Started:
    """What came of a start. is_new: this very request made the verification. is_deferred: Step Functions did not take its
    execution; recovery starts it.
    """

    verification: Verification
    is_new: bool
    is_deferred: bool = False


def start(start: Start, window_seconds: int, executions: Executions, table: Table) -> Started:
    """Has a verification watched; both entry points come here. A verification that is known already is left as it stands.
    Raises AwsUnavailable where the table did not answer: nothing is known then, and starting again is safe.
    """
    item = _new_item(start, window_seconds)
    known = table.put(item)
    if known and known.get("startId") != start.start_id:
        return Started(shown(known), is_new=False)
    # Known by this very request's id: the answer to its first put was lost.
    try:
        executions.start(item["executionName"], item["verificationId"])
    except AwsUnavailable:
        return Started(shown(known or item), is_new=True, is_deferred=True)
    return Started(shown(known or item), is_new=True)


def _new_item(start: Start, window_seconds: int) -> Item:
    verification_id = start.ids.verification_id
    deadline = iso_from(deadline_of(start.link_sent_at, window_seconds))  # fixed here, once
    item = {
        "verificationId": verification_id,
        "requestId": start.ids.request_id,
        "sessionId": start.ids.session_id,
        "correlationId": start.correlation_id,
        "schemaVersion": "1.0",
        "status": "WATCHING",
        "linkSentAt": iso_from(start.link_sent_at),
        "deadline": deadline,
        "openVerifications": deadline,
        "executionName": verification_id,
        "takeovers": 0,
        "startId": start.start_id,
        "startedAt": iso_from(start.started_at),
        "source": start.source,
    }
    return {name: value for name, value in item.items() if value is not None}


def find(verification_id: str, table: Table) -> Verification | None:
    """A verification as it stands; None when there is none. Raises AwsUnavailable."""
    item = table.find(verification_id)
    return shown(item) if item else None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the verifications of a correlationId. last: the verificationId that the next page follows; None: there is none."""

    verifications: list[Verification]
    last: str | None


class PageGone(Exception):
    """The verification that a page should follow is not there, or not one of this correlationId."""


def find_correlated(correlation_id: str, after: str | None, table: Table) -> Page:
    """The verifications of a correlationId as they stand, newest link first. after: the last of the page before, or None.
    One that was started a moment ago may be missing. Raises PageGone, AwsUnavailable.
    """
    follows = table.find(after) if after else None
    # Its correlationId is held against the caller's, so that no page can be continued with somebody else's.
    if after and (follows is None or follows.get("correlationId") != correlation_id):
        raise PageGone
    found = table.correlated(
        correlation_id, PAGE_SIZE + 1, follows
    )  # one more than is shown tells whether there is more
    shown_ids = found[:PAGE_SIZE]
    items = table.find_each(shown_ids) if shown_ids else []
    return Page([shown(item) for item in items], shown_ids[-1] if len(found) > PAGE_SIZE else None)


def cancel(verification_id: str, now: datetime, executions: Executions, table: Table) -> Verification | None:
    """Settles a verification as CANCELLED, for good, unless it has an outcome; gives it as it stands then, None when there is
    none. Raises AwsUnavailable where the table did not answer.
    """
    cancelled: Item = {
        "executionName": f"{verification_id}-cancel",
        "status": "SETTLED",
        "outcome": "CANCELLED",
        "reason": None,
        "checks": None,
        "result": None,
        "settledAt": iso_from(now),
    }
    before, is_cancelled = table.settle(verification_id, cancelled)
    if before and is_cancelled:
        with suppress(AwsUnavailable):  # recovery starts it
            executions.start(cancelled["executionName"], verification_id)
        with suppress(AwsUnavailable):  # it goes on asking until the window ends, and can change nothing
            executions.stop(before["executionName"])
        return shown(before | cancelled)
    return shown(before) if before else None


def shown(item: Item) -> Verification:
    """An item as the API shows it, with every key there."""
    verification = {field: item.get(field) for field in _SHOWN}
    if verification["checks"] is not None:
        verification["checks"] = int(verification["checks"])
    return verification
