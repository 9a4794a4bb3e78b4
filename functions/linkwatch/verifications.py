"""Verifications: start one, find one or those of a correlationId, cancel one.

The table is the one source of truth. Whatever a caller is told has been stored first. The item names the execution that has to
finish it, and recovery starts that execution where it could not be started here (recovery.py).
"""

import json
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
    """The result of a start. is_new: this very request made the verification. is_deferred: Step Functions did not take its
    execution, and recovery starts it. is_conflict: it was known before, under another correlationId, which stays.
    """

    verification: Verification
    is_new: bool
    is_deferred: bool = False
    is_conflict: bool = False


def start(start: Start, window_seconds: int, executions: Executions, table: Table) -> Started:
    """Starts a verification; leaves one that is known already as it is. Raises AwsUnavailable where the table did not answer:
    whether the verification is stored is unknown then, and starting it again is safe.
    """
    item = _new_item(start, window_seconds)
    known = table.put(item)
    if known and known.get("startId") != start.start_id:
        is_conflict = start.correlation_id not in (None, known.get("correlationId"))
        return Started(shown(known), is_new=False, is_conflict=is_conflict)
    # Where it is known by this request's own startId, the answer to the first put was lost.
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
        "startedBy": start.started_by,
        "source": start.source,
    }
    return {name: value for name, value in item.items() if value is not None}


def find(verification_id: str, table: Table) -> Verification | None:
    """A verification; None where there is no such verification. Raises AwsUnavailable."""
    item = table.find(verification_id)
    return shown(item) if item else None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the verifications of a correlationId. last: what the next page follows; None where there is no next page."""

    verifications: list[Verification]
    last: str | None


def find_correlated(correlation_id: str, after: str | None, table: Table) -> Page | None:
    """The verifications of a correlationId, newest link first. One that was started a moment ago may be missing. Raises
    AwsUnavailable.

    after: the last verificationId of the page before; None for the first page. None is returned where that verification has
    expired or has another correlationId.
    """
    follows = table.find(after) if after else None
    # Compared with the caller's, so that nobody continues a page of another correlationId.
    if after and (follows is None or follows.get("correlationId") != correlation_id):
        return None
    # One more than is shown tells whether there is a next page.
    found = table.correlated(correlation_id, PAGE_SIZE + 1, follows)
    shown_ids = found[:PAGE_SIZE]
    items = table.find_each(shown_ids) if shown_ids else []
    return Page([shown(item) for item in items], shown_ids[-1] if len(found) > PAGE_SIZE else None)


def cancel(
    verification_id: str, now: datetime, executions: Executions, table: Table, cancelled_by: str | None = None
) -> Verification | None:
    """Settles a verification as CANCELLED, for good, unless it has an outcome. Returns it as it is then; None where there is
    no such verification. Raises AwsUnavailable where the table did not answer.

    now: has a zone. cancelled_by: the caller's IAM ARN; None where unknown.
    """
    cancelled: Item = {
        "executionName": f"{verification_id}-cancel",
        "status": "SETTLED",
        "outcome": "CANCELLED",
        "reason": "",
        "result": "null",
        "settledAt": iso_from(now),
    }
    if cancelled_by:
        cancelled["cancelledBy"] = cancelled_by
    before, is_cancelled = table.settle(verification_id, cancelled)
    if before and is_cancelled:
        with suppress(AwsUnavailable):  # recovery starts it
            executions.start(cancelled["executionName"], verification_id)
        with suppress(AwsUnavailable):  # it goes on asking until the window ends, and can change nothing
            executions.stop(before["executionName"])
        return shown(before | cancelled)
    return shown(before) if before else None


def shown(item: Item) -> Verification:
    """An item as the API shows it, with every key: result is an object or None, reason a text or None, checks an int or None."""
    verification = {field: item.get(field) for field in _SHOWN}
    verification["result"] = json.loads(item.get("result", "null"))
    verification["reason"] = verification["reason"] or None
    if verification["checks"] is not None:
        verification["checks"] = int(verification["checks"])
    return verification
