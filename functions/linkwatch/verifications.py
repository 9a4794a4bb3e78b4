"""Verifications: start one, find one, cancel one, finish one whose execution has stopped half-way.

An execution goes by the verificationId; one that takes over by {verificationId}-r1 to -r5; one that cancels by
{verificationId}-cancel.
"""

from contextlib import suppress
from enum import Enum
from typing import Any

from linkwatch.executions import Execution, Executions
from linkwatch.model import AwsUnavailable, Start, deadline_of, iso_from
from linkwatch.table import Table

#: A verification as the API shows it.
Verification = dict[str, Any]

#: How often a verification is taken over, before it is left to an engineer.
MAX_TAKE_OVERS = 5

_SHOWN = (
    *("verificationId", "requestId", "sessionId", "correlationId", "status", "outcome", "reason"),
    *("linkSentAt", "deadline", "looks", "result", "settledAt", "publishedAt"),
)
_GIVEN_ONCE = (
    *("verificationId", "requestId", "sessionId", "correlationId"),
    *("linkSentAt", "deadline", "startedAt", "source"),
)


def shown(known: dict[str, Any]) -> Verification:
    """A verification as the API shows it, every key there, from what an item or an execution holds."""
    verification = {field: known.get(field) for field in _SHOWN}
    verification["status"] = "SETTLED" if verification["outcome"] else "WATCHING"
    verification["looks"] = int(verification["looks"] or 0)
    return verification


# ── Start and find ────────────────────────────────────────────────────────────────────────────────────────────────────


def start(start: Start, window_seconds: int, executions: Executions, table: Table) -> tuple[Verification, bool]:
    """Has a verification watched; both doors come here. Gives the verification as this start sees it, and whether it is new:
    when it is not, find() tells how it stands. Raises AwsUnavailable when it could not be started.
    """
    given = {
        "verificationId": start.ids.verification_id,
        "requestId": start.ids.request_id,
        "sessionId": start.ids.session_id,
        "correlationId": start.correlation_id,
        "linkSentAt": iso_from(start.link_sent_at),
        "deadline": iso_from(deadline_of(start.link_sent_at, window_seconds)),  # fixed here, once
        "startedAt": iso_from(start.started_at),
        "source": start.source,
    }
    is_new = executions.start(start.ids.verification_id, _input(given, asked_by=start.source_id))
    if is_new:
        _note(given, table)
    return shown(given), is_new


def _input(
    known: dict[str, Any], *, asked_by: str, attempt: int = 0, predecessor: str | None = None, cancel: bool = False
) -> dict[str, Any]:
    given = {field: known.get(field) for field in _GIVEN_ONCE}
    return {**given, "askedBy": asked_by, "attempt": attempt, "predecessor": predecessor, "cancel": cancel}


def _note(given: dict[str, Any], table: Table) -> None:
    """Puts into the table what the execution's own claim would: should the execution die before it has claimed anything, and
    the event that tells of it get lost, the sweep finds the verification here.
    """
    with suppress(AwsUnavailable):  # the execution runs, and claims it
        table.add(
            {
                **given,
                "executionName": given["verificationId"],
                "attempt": 0,
                "openVerifications": given["deadline"],
                "schemaVersion": "1.0",
                "status": "WATCHING",
            }
        )


def find(verification_id: str, executions: Executions, table: Table) -> Verification | None:
    """A verification as it stands: as stored, else as its execution knows it (when it has not reached the table yet, or its
    item has expired); None when there is none. Raises AwsUnavailable.
    """
    known = _known(verification_id, executions, table)
    return shown(known) if known else None


def _known(verification_id: str, executions: Executions, table: Table) -> dict[str, Any] | None:
    if item := table.find(verification_id):
        return item
    execution = executions.find(verification_id)
    return {**execution.input, **execution.output} if execution else None


# ── Cancel ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def cancel(verification_id: str, asked_by: str, executions: Executions, table: Table) -> Verification | None:
    """Asks for a verification to be cancelled unless it is settled already, and gives it as it stands; None when there is
    none. Who asks twice, asks once. Raises AwsUnavailable.
    """
    known = _known(verification_id, executions, table)
    if known and not known.get("outcome"):
        name = f"{verification_id}-cancel"
        attempt = int(known.get("attempt") or 0)
        if not executions.start(name, _input(known, asked_by=asked_by, attempt=attempt, cancel=True)):
            _resume_cancel(verification_id, name, asked_by, executions, table)
    return shown(known) if known else None


# ── Resumption ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Resumed(Enum):
    """What became of a verification that may have stopped half-way."""

    FINISHED = "finished already"
    WATCHED = "watched by an execution that runs"
    TAKEN_OVER = "taken over"
    GIVEN_UP = "taken over too often"


def resume(
    verification_id: str, stopped: Execution | None, asked_by: str, executions: Executions, table: Table
) -> Resumed:
    """Has a verification finished whose execution has stopped: the one given, or whichever owns the item. Called twice, or
    for nothing, it changes nothing: what it reads may be old by the time it acts, and the claim of the execution it starts
    decides. Raises AwsUnavailable.
    """
    item = table.find(verification_id)
    known = item or (stopped and {**stopped.input, "executionName": stopped.name})
    if not known or known.get("publishedAt"):
        return Resumed.FINISHED
    owner = known["executionName"]
    without_trace = stopped is not None and _is_cancel_without_trace(stopped, known)
    owner_has_stopped = stopped is not None and stopped.name == owner
    if not without_trace and not owner_has_stopped and _runs(owner, executions):
        return Resumed.WATCHED
    for attempt in range(int(known["attempt"]) + 1, MAX_TAKE_OVERS + 1):
        name = f"{verification_id}-r{attempt}"
        cancel = without_trace or "cancelledBy" in known
        given = _input(known, asked_by=asked_by, attempt=attempt, predecessor=owner, cancel=cancel)
        if executions.start(name, given):
            return Resumed.TAKEN_OVER
        if _runs(name, executions) or _has_moved_on(verification_id, owner, table):
            return Resumed.WATCHED
        # An execution of that name has stopped before it claimed anything: the next one.
    return Resumed.GIVEN_UP


def _is_cancel_without_trace(stopped: Execution, known: dict[str, Any]) -> bool:
    """Whether a cancel stopped before its claim: it has left nothing in the item, whose owner may be well."""
    return bool(stopped.input.get("cancel")) and not known.get("outcome") and not known.get("cancelledBy")


def _runs(name: str, executions: Executions) -> bool:
    execution = executions.find(name)
    return execution is not None and execution.is_running


def _has_moved_on(verification_id: str, owner: str, table: Table) -> bool:
    item = table.find(verification_id)
    return item is not None and (item["executionName"] != owner or bool(item.get("publishedAt")))


def _resume_cancel(verification_id: str, name: str, asked_by: str, executions: Executions, table: Table) -> None:
    cancelling = executions.find(name)
    if cancelling and not cancelling.is_running:
        resume(verification_id, cancelling, asked_by, executions, table)
