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
_SETTLED = {"outcome", "reason", "checks", "result", "settledAt", "publishedAt", "expiresAt", "startId"}
#: A write may take effect this long after its request was made: a task's time-out, or what a function waits for.
_LONGEST_CALL_MILLIS = 30_000


def broken(account: Account) -> list[str]:
    """Each guarantee that a scenario broke, with its number."""
    found = [*account.bugs, *_every_execution_ends(account), *_answers(account)]
    if account.versions and account.item:
        for guarantee in (_g1_outcome, _g1_event, _g1_time, _g2, _g3, _g4, _g5, _g6, _item):
            found += guarantee(account)
    return found


def _first(account: Account, attribute: str) -> Version | None:
    return next((version for version in account.versions if attribute in version.item), None)


def text(item: Item, attribute: str) -> str | None:
    """An attribute as the API and the event show it: None where it is absent or empty."""
    return item.get(attribute, {}).get("S") or None


def result_in(item: Item) -> dict[str, Any] | None:
    return json.loads(item.get("result", {}).get("S", "null"))


def checks_in(item: Item) -> int | None:
    return int(item["checks"]["N"]) if "N" in item.get("checks", {}) else None


def _millis(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def _every_execution_ends(account: Account) -> Iterator[str]:
    for execution in account.executions.values():
        if execution.status == "RUNNING":
            yield f"{execution.name} never ended"


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


def detail_of(item: Item) -> dict[str, Any]:
    """The event that carries an item (docs/contracts.md)."""
    names = ("schemaVersion", "verificationId", "requestId", "sessionId", "correlationId", "outcome", "reason")
    texts = {name: text(item, name) for name in (*names, "linkSentAt", "deadline", "settledAt")}
    return {**texts, "checks": checks_in(item), "result": result_in(item)}


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


def _answers_to(execution: Execution) -> list[str]:
    return [check["answer"] for check in execution.checks]


def _allowed_outcomes(account: Account, execution: Execution) -> list[tuple[str, str | None]]:
    """Outcome and reason that an execution may store: by its last checks, and by whether the last was the window's."""
    if not execution.checks:
        started_at = _millis(account.versions[0].item["startedAt"]["S"])
        return [("UNKNOWN", "STARTED_TOO_LATE" if started_at >= account.scenario.deadline else "INTERRUPTED")]
    last = execution.checks[-1]
    if last["answer"] == "CLICKED":
        return [("LINK_CLICKED", None)]
    answers = _answers_to(execution)
    if answers[-2:] == ["REJECTED"] * 2 and "PENDING" not in answers and not _is_takeover(execution):
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


def _is_takeover(execution: Execution) -> bool:
    return execution.name.rpartition("-")[2].startswith("r")


def _early_millis(account: Account) -> int:
    """How much too early the scenario's waits wake."""
    return max([0, *(-fault.after_millis for fault in account.scenario.faults)])


def _g3(account: Account) -> Iterator[str]:
    """The outcome follows from what the execution that stored it knew."""
    settled = _first(account, "outcome")
    if not settled or settled.who == "cancel":
        return
    execution = account.executions[settled.who]
    stored = (settled.item["outcome"]["S"], text(settled.item, "reason"))
    if stored not in (allowed := _allowed_outcomes(account, execution)):
        yield f"G3: {execution.name} stored {stored}, allowed was {allowed}"
    if stored[0] in {"EXPIRED", "UNKNOWN"} and settled.at < account.scenario.last_check_due - _early_millis(account):
        yield f"G3: {execution.name} stored {stored[0]} before the window was over"
    if stored[0] == "LINK_CLICKED":
        said = [request.answer for request in account.requests if request.by == execution.name][-1]
        if said not in ANSWERS or ANSWERS[said].expect["answer"] != "CLICKED":
            yield f"G3: {execution.name} stored LINK_CLICKED, and Signzy said {said}"
    if stored[0] == "REJECTED" and any("PENDING" in _answers_to(it) for it in account.executions.values()):
        yield f"G3: {execution.name} stored REJECTED although a check was answered PENDING"
    result = execution.checks[-1]["result"] if stored[0] == "LINK_CLICKED" else None
    if result_in(settled.item) != result:
        yield f"G3: {stored[0]} with the result {settled.item['result']}, the check's was {result}"
    counted = len([check for check in execution.checks if check["reason"] != "PAST_DEADLINE"])
    if settled.item["checks"] != {"N": str(counted)}:
        yield f"G3: {execution.name} stored {settled.item['checks']} checks and made {counted}"


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
        answers = _answers_to(execution)
        if "CLICKED" in answers[:-1]:
            yield f"G4: {execution.name} went on checking after a click"
        twice = ("REJECTED", "REJECTED") in pairwise(answers[:-1])
        if twice and "PENDING" not in answers and not _is_takeover(execution):
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
    item, settled = account.item or {}, _first(account, "outcome")
    for _, who, verification in account.answers:
        if who == "cancel" and verification["outcome"] is None:
            yield "G6: a cancel was answered without an outcome"
        if who == "cancel" and verification["outcome"] != text(item, "outcome"):
            yield f"G6: a cancel was answered {verification['outcome']}; {item.get('outcome')} is stored"
    if settled and text(settled.item, "outcome") == "CANCELLED":
        if (text(settled.item, "reason"), checks_in(settled.item), result_in(settled.item)) != (None, None, None):
            yield f"G6: a cancel carries more than itself: {settled.item}"
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
