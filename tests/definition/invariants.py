"""What has to hold after every history, said once more and independently of the definition: the promise of design.md."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.definition.dynamodb_expressions import Item
from tests.definition.execution import Execution
from tests.definition.history import History
from tests.definition.recovery import ID, World
from tests.definition.small_aws import Account

#: An outcome is stored and published within the window and this (design.md, promise 1).
GRACE_MILLIS = 30_000
_FIXED = {"requestId", "sessionId", "correlationId", "linkSentAt", "deadline", "startedAt", "source"}
_SETTLED = {"outcome", "reason", "checks", "result", "settledAt", "expiresAt"}


def broken(world: World) -> list[str]:
    """Each sentence of the promise that this history broke; what it should have been, where that helps."""
    account = world.account
    found = [*account.bugs, *_ends(world)]
    if ID in account.table.items:
        found += [*_stands(account), *_checks(account), *_counts(account), *_carries(account), *_allowed(account)]
    return found


def _ends(world: World) -> Iterator[str]:
    account = world.account
    item = account.table.items.get(ID, {})
    for execution in account.executions.values():
        if execution.status == "RUNNING":
            yield f"{execution.name} never ended"
        if execution.status == "FAILED" and execution.output["error"] != "LinkWatch.Unfinished":
            yield f"{execution.name} failed for a reason that nobody planned: {execution.output}"
    if not world.was_accepted:
        return
    takeovers = [name for name in account.executions if "-r" in name]
    # The one way to be forgotten that is known: the door could not note the start, the execution died before its claim, and no
    # event told of it. See docs/decisions.md, "The doors note each start in the table".
    no_trace = account.history.unavailable and not account.versions
    if "publishedAt" not in item and not no_trace and not (world.was_given_up and len(takeovers) == 5):
        yield "accepted, never published, and not given up after five takeovers"
    if account.history.is_well and len(account.events) != 1:
        yield f"{len(account.events)} events although nothing went wrong"
    published = [at for at, _, version in account.versions if "publishedAt" in version][:1]
    in_time = account.history.started_at <= account.history.window_seconds * 1000 and account.history.is_well
    if in_time and published and published[0] > account.history.deadline + GRACE_MILLIS:
        yield "published later than 30 s after the window although nothing went wrong"


def _stands(account: Account) -> Iterator[str]:
    """What is fixed once never moves."""
    for (_, _, before), (_, who, after) in pairwise(account.versions):
        for name in (_FIXED | _SETTLED | {"publishedAt"}) & set(before):
            if before[name] != after.get(name):
                yield f"{who} changed {name} from {before[name]} to {after.get(name)}"
    for _, who, item in account.versions:
        if who not in {"door", item["executionName"]["S"]}:
            yield f"{who} wrote what {item['executionName']['S']} owned"
        if ("publishedAt" in item) == ("openVerifications" in item):
            yield f"{who} left the item both published and open, or neither"
        if ("outcome" in item) != (item["status"] == {"S": "SETTLED"}):
            yield f"{who} left outcome and status at odds"
        if "publishedAt" in item and "outcome" not in item:
            yield f"{who} published no outcome"


def _checks(account: Account) -> Iterator[str]:
    history = account.history
    owners: list[tuple[int, str]] = []
    for at, _, item in account.versions:
        if not owners or owners[-1][1] != item["executionName"]["S"]:
            owners.append((at, item["executionName"]["S"]))
    for check in account.vendor_checks:
        if check.at >= history.deadline:
            yield f"{check.by} checked at or after the deadline"
        # A cancel stops the owner right after its claim; an owner falsely said to have stopped runs on.
        after = [name for at, name in owners if at <= check.invoked_at]
        fenced = bool(after) and after[-1] != check.by
        excused = history.false_alarms_at or any(it.input["cancel"] for it in account.executions.values())
        if fenced and not excused:
            yield f"{check.by} checked although {after[-1]} owned the verification"
    settled = [at for at, _, item in account.versions if "outcome" in item][:1]
    for claimed_at, owner in owners:
        if settled and claimed_at > settled[0] and account.executions[owner].checks:
            yield f"{owner} watched again what was settled"


def _counts(account: Account) -> Iterator[str]:
    """No more checks than the grid has points, no more transitions than the checks need."""
    history = account.history
    points = math.ceil((history.window_seconds - history.lead_seconds) / history.poll_seconds)
    was_cancelled = any(it.input["cancel"] for it in account.executions.values())
    around = 7 if was_cancelled else 6  # the stop of the old watch
    for execution in account.executions.values():
        if len(execution.checks) > points:
            yield f"{execution.name} checked {len(execution.checks)} times at {points} points"
        entered = [state for state in execution.entered_states if not state.endswith("(again)")]
        if len(entered) > 3 * len(execution.checks) + around:
            yield f"{execution.name} took {len(entered)} transitions for {len(execution.checks)} checks"


def _carries(account: Account) -> Iterator[str]:
    """At least one event, each equal to the item."""
    item = account.table.items[ID]
    if "publishedAt" in item and not account.events:
        yield "marked published without an event"
    for _, detail in account.events:
        if detail != (due := detail_of(account.table.items[ID])):
            yield f"published {detail}, stored {due}"


def detail_of(item: Item) -> dict[str, Any]:
    """The event that carries an item (design.md, Contracts)."""
    result = item["result"].get("M") if "result" in item else None
    return {
        **{key: item[key].get("S") for key in ("schemaVersion", "verificationId", "requestId", "sessionId")},
        **{key: item[key].get("S") for key in ("correlationId", "reason", "outcome")},
        **{key: item[key].get("S") for key in ("linkSentAt", "deadline", "settledAt")},
        "checks": int(item["checks"]["N"]),
        "result": {key: value.get("S", value.get("BOOL")) for key, value in result.items()} if result else None,
    }


def _allowed(account: Account) -> Iterator[str]:
    """The stored outcome is the one that follows from what its writer had seen."""
    settled = [(at, who, item) for at, who, item in account.versions if "outcome" in item][:1]
    for at, who, item in settled:
        due = due_outcome(account.executions[who], item)
        stored = (item["outcome"]["S"], item["reason"].get("S"), int(item["checks"]["N"]))
        if stored != due:
            yield f"{who} stored {stored}, saw {due}"
        last_check = account.history.deadline - account.history.lead_seconds * 1000
        if stored[0] in {"EXPIRED", "UNKNOWN"} and at < last_check - _early(account.history):
            yield f"{who} stored {stored[0]} before the window was over"


def due_outcome(execution: Execution, item: Item) -> tuple[str, str | None, int]:
    """Outcome, reason and count of checks, from what CheckLink answered the execution."""
    failed = {"answer": "UNAVAILABLE", "reason": "CHECK_FAILED"}
    answers = [failed if isinstance(it, str) else it for it in execution.checks]
    counted = [it for it in answers if it["reason"] != "PAST_DEADLINE"]
    if "cancelledBy" in item:
        return "CANCELLED", None, len(counted)
    if not counted:
        interrupted = execution.input["predecessor"] is not None
        reason = "INTERRUPTED" if interrupted else "PAST_DEADLINE" if answers else "STARTED_TOO_LATE"
        return "UNKNOWN", reason, 0
    last = counted[-1]
    outcome = {"CLICKED": "LINK_CLICKED", "PENDING": "EXPIRED", "UNAVAILABLE": "UNKNOWN", "REJECTED": "REJECTED"}
    return outcome[last["answer"]], last["reason"], len(counted)


def _early(history: History) -> int:
    return max([0, *(-fault.after_millis for fault in history.faults)])
