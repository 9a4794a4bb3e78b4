"""What must be true after every scenario, independently of the definition: guarantees G1 to G6 of docs/reliability.md."""

import json
import math
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from simulator.answers import ANSWERS
from tests.definition.engine.account import Account, Version
from tests.definition.engine.dynamodb import Item
from tests.definition.engine.execution import Execution

#: G1: an outcome is stored and published within the window and this, while AWS is healthy.
GRACE_MILLIS = 30_000
#: G1: after an outage, within ten minutes and until the sweep's next minute; and what a slow function needs.
AFTER_OUTAGE_MILLIS = (600 + 60 + 60) * 1000
_FIXED = {"requestId", "sessionId", "correlationId", "schemaVersion", "linkSentAt", "deadline", "startedAt", "source"}
_TEXTS = _FIXED - {"startedAt", "source"} | {"verificationId", "outcome", "reason", "settledAt"}
_SETTLED = {"outcome", "reason", "checks", "result", "settledAt", "publishedAt", "expiresAt", "startId"}
#: A write may take effect this long after its request was made: a task's time-out, or what a function waits for.
_LONGEST_CALL_MILLIS = 30_000


def broken(account: Account) -> list[str]:
    """Each guarantee that a scenario broke, with its number."""
    running = [f"{it.name} never ended" for it in account.executions.values() if it.status == "RUNNING"]
    found = [*account.bugs, *running, *_answers(account)]
    if account.versions and account.item:
        for guarantee in (_g1_outcome, _g1_event, _g1_time, _g2, _g3, _g4, _g5, _g6, _item):
            found += guarantee(account)
    return found


def _first(account: Account, attribute: str) -> Version | None:
    return next((version for version in account.versions if attribute in version.item), None)


def detail_of(item: Item) -> dict[str, Any]:
    """The event that carries an item, and what the API shows of it (docs/contracts.md): None where it is absent or empty."""
    texts = {name: item.get(name, {}).get("S") or None for name in _TEXTS}
    checks = int(item["checks"]["N"]) if "N" in item.get("checks", {}) else None
    return {**texts, "checks": checks, "result": json.loads(item.get("result", {}).get("S", "null"))}


def _millis(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def _answers(account: Account) -> Iterator[str]:
    """Whatever a caller is told has been stored first."""
    for at, who, verification in account.answers:
        stored = [detail_of(version.item) for version in account.versions if version.at <= at]
        if not any(all(verification[name] == it[name] for name in set(it) & set(verification)) for it in stored):
            yield f"{who} was told what is not stored: {verification}"


# ── G1 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _g1_outcome(account: Account) -> Iterator[str]:
    for before, after in pairwise(account.versions):
        for name in (_FIXED | _SETTLED) & set(before.item):
            if before.item[name] != after.item.get(name):
                yield f"G1: {after.who} changed {name} from {before.item[name]} to {after.item.get(name)}"


def _g1_event(account: Account) -> Iterator[str]:
    """Each event equals the item, and none comes before it."""
    settled, published = _first(account, "outcome"), _first(account, "publishedAt")
    for at, entry in account.events:
        if settled is None or at < settled.at:
            yield "G1: an event came before its outcome was stored"
        elif entry["Detail"] != (expected := detail_of(settled.item)):
            yield f"G1: published {entry['Detail']}, stored {expected}"
    if published and not any(at <= published.at for at, _ in account.events):
        yield "G1: marked published before an event"
    if account.scenario.is_healthy and len(account.events) != 1:
        yield f"G1: {len(account.events)} events although nothing went wrong"


def _g1_time(account: Account) -> Iterator[str]:
    scenario, published = account.scenario, _first(account, "publishedAt")
    accepted_at = account.versions[0].at
    latest = max(scenario.deadline, accepted_at) + GRACE_MILLIS
    if not scenario.is_healthy:
        troubles = [account.last_trouble, *(scenario.link_sent_at + it.until for it in scenario.outages)]
        lags = scenario.index_lag + scenario.list_lag + scenario.description_lag
        latest = max(latest, max(troubles) + AFTER_OUTAGE_MILLIS + lags)
    if not published:
        yield "G1: accepted and never published"
    elif published.at > latest:
        yield f"G1: published {(published.at - latest) / 1000} s too late"


# ── G2 to G4 ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _g2(account: Account) -> Iterator[str]:
    for request in account.requests:
        if request.at >= account.scenario.deadline:
            yield f"G2: {request.by} sent a request at or after the deadline"


def _allowed_outcomes(account: Account, execution: Execution) -> list[tuple[str, str | None]]:
    """Outcome and reason that an execution may store: by its last checks, and by whether the last was the window's."""
    if not execution.checks:
        started_at = _millis(account.versions[0].item["startedAt"]["S"])
        return [("UNKNOWN", "STARTED_TOO_LATE" if started_at >= account.scenario.deadline else "INTERRUPTED")]
    last = execution.checks[-1]
    if last["answer"] == "CLICKED":
        return [("LINK_CLICKED", None)]
    answers = execution.answers
    if answers[-2:] == ["REJECTED"] * 2 and "PENDING" not in answers and not execution.is_takeover:
        return [("REJECTED", last["reason"])]
    if last["reason"] == "PAST_DEADLINE":
        return [("UNKNOWN", "PAST_DEADLINE")]
    by_the_last = ("UNKNOWN", last["reason"])
    if last["answer"] == "PENDING":
        by_the_last = ("EXPIRED", None)
        requested_at = [request.at for request in account.requests if request.by == execution.name][-1]
        if requested_at < account.scenario.last_check_due - _early_millis(account):
            return [("UNKNOWN", "PAST_DEADLINE")]
    # A check of an earlier point that was made as late as the last one may be taken for it or not.
    return [by_the_last, ("UNKNOWN", "PAST_DEADLINE")]


def _early_millis(account: Account) -> int:
    """How much too early the scenario's waits wake."""
    return max([0, *(-fault.after_millis for fault in account.scenario.faults)])


def _g3(account: Account) -> Iterator[str]:
    """The outcome follows from what the execution that stored it knew."""
    settled = _first(account, "outcome")
    if not settled or settled.who == "cancel":
        return
    execution, detail = account.executions[settled.who], detail_of(settled.item)
    stored = (detail["outcome"], detail["reason"])
    if stored not in (allowed := _allowed_outcomes(account, execution)):
        yield f"G3: {execution.name} stored {stored}, allowed was {allowed}"
    if stored[0] in {"EXPIRED", "UNKNOWN"} and settled.at < account.scenario.last_check_due - _early_millis(account):
        yield f"G3: {execution.name} stored {stored[0]} before the window was over"
    if stored[0] == "LINK_CLICKED":
        said = [request.answer for request in account.requests if request.by == execution.name][-1]
        if said not in ANSWERS or ANSWERS[said].expect["answer"] != "CLICKED":
            yield f"G3: {execution.name} stored LINK_CLICKED, and Signzy said {said}"
    if stored[0] == "REJECTED" and any("PENDING" in it.answers for it in account.executions.values()):
        yield f"G3: {execution.name} stored REJECTED although a check was answered PENDING"
    result = execution.checks[-1]["result"] if stored[0] == "LINK_CLICKED" else None
    counted = len([check for check in execution.checks if check["reason"] != "PAST_DEADLINE"])
    if (detail["result"], detail["checks"]) != (result, counted):
        yield f"G3: stored {detail}, the result of {counted} checks was {result}"


def _g4(account: Account) -> Iterator[str]:
    """A failed check costs one check: an execution makes one for each point of the schedule, and few transitions for each."""
    scenario, settled = account.scenario, _first(account, "outcome")
    points = math.ceil((scenario.window_seconds - scenario.lead_seconds) / scenario.poll_seconds)
    for execution in account.executions.values():
        if len(execution.checks) > points:
            yield f"G4: {execution.name} checked {len(execution.checks)} times at {points} points"
        # An answer of the table that is lost makes an execution read again, or find that nothing is to be done.
        around = 5 if scenario.is_healthy and not scenario.cancelled_at else 8
        if len(execution.entered_states) > 3 * len(execution.checks) + around:
            yield f"G4: {execution.name}: {len(execution.entered_states)} transitions, {len(execution.checks)} checks"
        answers = execution.answers
        if "CLICKED" in answers[:-1]:
            yield f"G4: {execution.name} went on checking after a click"
        twice = ("REJECTED", "REJECTED") in pairwise(answers[:-1])
        if twice and "PENDING" not in answers and not execution.is_takeover:
            yield f"G4: {execution.name} went on checking after two rejections"
        has_seen = "CLICKED" in answers and execution.status == "SUCCEEDED"
        if has_seen and settled and settled.who != "cancel" and settled.item["outcome"] != {"S": "LINK_CLICKED"}:
            yield f"G4: {execution.name} saw a click and ended, and {settled.item['outcome']} is stored"


# ── G5 and G6 ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _g5(account: Account) -> Iterator[str]:
    settled = _first(account, "outcome")
    names: list[str] = []
    for version in account.versions:
        name = version.item["executionName"]["S"]
        if names and name != names[-1] and not name.endswith("-cancel"):
            before = account.executions.get(names[-1])
            if not before or before.ended_at is None or before.ended_at > version.at:
                yield f"G5: {name} took over from {names[-1]}, which had not ended"
        if not names or name != names[-1]:
            names.append(name)
    if len(names) != len(set(names)):
        yield f"G5: a name was used again: {names}"
    for request in account.requests:
        versions = [version for version in account.versions if version.at <= request.invoked_at]
        named = versions[-1].item["executionName"]["S"] if versions else None
        if (not settled or request.invoked_at < settled.at) and request.by != named:
            yield f"G5: {request.by} checked although the item named {named}"
        if settled and account.executions[request.by].started_at > settled.at:
            yield f"G5: {request.by} checked what was settled before it started"


def _g6(account: Account) -> Iterator[str]:
    """A cancel that was answered with 200 is final, and carries nothing of a click."""
    outcome, settled = detail_of(account.item or {})["outcome"], _first(account, "outcome")
    for _, who, verification in account.answers:
        if who == "cancel" and (verification["outcome"] is None or verification["outcome"] != outcome):
            yield f"G6: a cancel was answered {verification['outcome']}; {outcome} is stored"
    if settled and settled.item["outcome"] == {"S": "CANCELLED"}:
        detail = detail_of(settled.item)
        if any(detail[name] is not None for name in ("reason", "checks", "result")):
            yield f"G6: a cancel carries more than itself: {detail}"
        if settled.item["executionName"]["S"].endswith("-cancel") != (settled.who == "cancel"):
            yield "G6: a cancel did not name its execution"


# ── The item ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _item(account: Account) -> Iterator[str]:
    for version in account.versions:
        item = version.item
        if other := {name for name, value in item.items() if not {"S", "N"} & set(value)}:
            yield f"{version.who} stored types other than S and N: {other}"
        if ("publishedAt" in item) == ("openVerifications" in item):
            yield f"{version.who} left the item both published and open, or neither"
        if ("publishedAt" in item) != ("expiresAt" in item):
            yield f"{version.who} let something unpublished expire, or the reverse"
        if ("outcome" in item) != (item["status"] == {"S": "SETTLED"}):
            yield f"{version.who} left outcome and status contradicting each other"
    scenario = account.scenario
    longest = 11 + scenario.call if not (scenario.faults or scenario.outages) else _LONGEST_CALL_MILLIS
    for attribute in ("settledAt", "publishedAt"):
        version = _first(account, attribute)
        if version and not 0 <= version.at - _millis(version.item[attribute]["S"]) <= longest:
            yield f"{version.who} wrote {attribute} {version.item[attribute]} at {version.at}"
