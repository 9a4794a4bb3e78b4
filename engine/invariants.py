"""What has to hold after every scenario, said once more and independently of the definition: guarantees G1 to G6 of
docs/reliability.md, each under its number.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from engine.account import Account
from engine.due_outcome import due_outcomes, early_millis, is_past_deadline, said
from engine.dynamodb_expressions import Item
from engine.record import Version

#: G1: an outcome is stored and published within the window and this, while AWS is healthy.
GRACE_MILLIS = 30_000
#: G1: after an outage, within ten minutes and until the sweep's next minute; and what a slow function needs.
AFTER_OUTAGE_MILLIS = (600 + 60 + 60) * 1000
_FIXED = {"requestId", "sessionId", "correlationId", "schemaVersion", "linkSentAt", "deadline", "startedAt", "source"}
_SETTLED = {"outcome", "reason", "checks", "result", "settledAt", "publishedAt", "expiresAt", "startId"}
_NULL = {"NULL": True}


def broken(account: Account) -> list[str]:
    """Each guarantee that a scenario broke, with its number."""
    found = [*account.record.bugs, *_every_execution_ends(account), *_answers(account)]
    if account.item:
        for guarantee in (_g1_outcome, _g1_event, _g1_time, _g2, _g3, _g4, _g5, _g6, _item):
            found += guarantee(account)
    return found


def _first(account: Account, attribute: str) -> Version | None:
    return next((version for version in account.record.versions if attribute in version.item), None)


def _every_execution_ends(account: Account) -> Iterator[str]:
    for execution in account.executions.values():
        if execution.status == "RUNNING":
            yield f"{execution.name} never ended"
        if execution.status == "FAILED":
            yield f"{execution.name} failed: {execution.output}"
        if execution.output not in (None, {}):
            yield f"{execution.name} has an output: {execution.output}"


def _answers(account: Account) -> Iterator[str]:
    """What a caller is told is in the item before the caller is told."""
    for at, who, verification in account.record.answers:
        seen = [version for version in account.record.versions if version.at <= at]
        if not seen or not any(_is_shown(verification, version.item) for version in seen):
            yield f"{who} was answered what the table does not say: {verification}"


def _is_shown(verification: dict[str, Any], item: Item) -> bool:
    texts = set(verification) - {"checks", "result"}
    return all(verification[name] == item.get(name, {}).get("S") for name in texts)


# ── G1 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _g1_outcome(account: Account) -> Iterator[str]:
    for before, after in pairwise(account.record.versions):
        for name in (_FIXED | _SETTLED) & set(before.item):
            if before.item[name] != after.item.get(name):
                yield f"G1: {after.who} changed {name} from {before.item[name]} to {after.item.get(name)}"


def _g1_event(account: Account) -> Iterator[str]:
    """Each event equals the item, and none comes before it."""
    settled, published = _first(account, "outcome"), _first(account, "publishedAt")
    for at, detail in account.record.events:
        if settled is None or at < settled.at:
            yield "G1: an event came before its outcome was stored"
        elif detail != (due := detail_of(settled.item)):
            yield f"G1: published {detail}, stored {due}"
    if published and not any(at <= published.at for at, _ in account.record.events):
        yield "G1: marked published before an event"
    if account.scenario.is_healthy and not account.scenario.cancelled_at and len(account.record.events) != 1:
        yield f"G1: {len(account.record.events)} events although nothing went wrong"


def detail_of(item: Item) -> dict[str, Any]:
    """The event that carries an item (docs/contracts.md)."""
    result = item["result"].get("M")
    texts = ("schemaVersion", "verificationId", "requestId", "sessionId", "correlationId", "outcome", "reason")
    return {
        **{name: item[name].get("S") for name in (*texts, "linkSentAt", "deadline", "settledAt")},
        "checks": int(item["checks"]["N"]) if "N" in item["checks"] else None,
        "result": {name: value.get("S", value.get("BOOL")) for name, value in result.items()} if result else None,
    }


def _g1_time(account: Account) -> Iterator[str]:
    scenario, published = account.scenario, _first(account, "publishedAt")
    accepted_at = account.record.versions[0].at
    latest = max(scenario.deadline, accepted_at) + GRACE_MILLIS
    if not scenario.is_healthy:
        troubles = [account.record.last_trouble, *(scenario.link_sent_at + it.until for it in scenario.outages)]
        lags = scenario.index_lag + scenario.list_lag + scenario.description_lag
        latest = max(latest, max(troubles) + AFTER_OUTAGE_MILLIS + lags)
    if not published:
        limit = int((account.item or {}).get("takeoverLimit", {"N": "10"})["N"])
        takeovers = int((account.item or {})["takeovers"]["N"])
        if not account.record.was_exhausted or takeovers < limit or len(scenario.ends) <= limit:
            yield "G1: accepted, never published, and not taken over as often as allowed"
    elif published.at > latest and not scenario.rearmed_at:
        yield f"G1: published {(published.at - latest) / 1000} s too late"


# ── G2 to G4 ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _g2(account: Account) -> Iterator[str]:
    for check in account.record.vendor_checks:
        if check.at >= account.scenario.deadline:
            yield f"G2: {check.by} sent a request at or after the deadline"


def _g3(account: Account) -> Iterator[str]:
    """The outcome follows from what the execution that stored it had seen."""
    settled = _first(account, "outcome")
    if not settled or settled.who == "cancel":
        return
    execution = account.executions[settled.who]
    stored = (settled.item["outcome"]["S"], settled.item["reason"].get("S"))
    if stored not in (due := due_outcomes(account, execution)):
        yield f"G3: {execution.name} stored {stored}, due was {due}"
    if stored[0] in {"EXPIRED", "UNKNOWN"} and settled.at < account.scenario.last_check_due - early_millis(account):
        yield f"G3: {execution.name} stored {stored[0]} before the window was over"
    if stored[0] == "LINK_CLICKED" and "CLICKED" not in said(account, execution):
        yield f"G3: {execution.name} stored LINK_CLICKED, and Signzy said {said(account, execution)}"
    if ("M" in settled.item["result"]) != (stored[0] == "LINK_CLICKED"):
        yield f"G3: {stored[0]} with the result {settled.item['result']}"
    counted = len([check for check in execution.checks if not is_past_deadline(check)])
    if settled.item["checks"] != {"N": str(counted)}:
        yield f"G3: {execution.name} stored {settled.item['checks']} checks and made {counted}"


def _g4(account: Account) -> Iterator[str]:
    """A failed check costs one check: an execution makes one for each point of the schedule, and few transitions for each."""
    scenario = account.scenario
    points = math.ceil((scenario.window_seconds - scenario.lead_seconds) / scenario.poll_seconds)
    for execution in account.executions.values():
        if len(execution.checks) > points:
            yield f"G4: {execution.name} checked {len(execution.checks)} times at {points} points"
        entered = [state for state in execution.entered_states if not state.endswith("(again)")]
        # An answer of the table that is lost makes an execution read again, or find that nothing is to be done.
        around = 5 if scenario.is_healthy and not scenario.cancelled_at else 8
        if len(entered) > 3 * len(execution.checks) + around:
            yield f"G4: {execution.name} took {len(entered)} transitions for {len(execution.checks)} checks"
    settled = _first(account, "outcome")
    for execution in account.executions.values():
        saw = [check for check in execution.checks if not isinstance(check, str) and check["answer"] == "CLICKED"]
        if saw and execution.status == "SUCCEEDED" and settled and settled.who == "cancel":
            continue  # the cancel came first
        if saw and execution.status == "SUCCEEDED" and settled and settled.item["outcome"] != {"S": "LINK_CLICKED"}:
            yield f"G4: {execution.name} saw a click and ended, and {settled.item['outcome']} is stored"


# ── G5 and G6 ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _g5(account: Account) -> Iterator[str]:
    settled = _first(account, "outcome")
    names: list[str] = []
    for version in account.record.versions:
        name = version.item["executionName"]["S"]
        if names and name != names[-1] and not name.endswith("-cancel"):
            before = account.executions.get(names[-1])
            if not before or before.ended_at is None or before.ended_at > version.at:
                yield f"G5: {name} took over from {names[-1]}, which had not ended"
        if not names or name != names[-1]:
            names.append(name)
    if len(names) != len(set(names)):
        yield f"G5: a name came back: {names}"
    for check in account.record.vendor_checks:
        versions = [version for version in account.record.versions if version.at <= check.invoked_at]
        named = versions[-1].item["executionName"]["S"] if versions else None
        if (not settled or check.invoked_at < settled.at) and check.by != named:
            yield f"G5: {check.by} checked although the item named {named}"
        if settled and account.executions[check.by].started_at > settled.at:
            yield f"G5: {check.by} checked what was settled before it started"


def _g6(account: Account) -> Iterator[str]:
    """A cancel that was answered with 200 is final, and carries nothing of a click."""
    item, settled = account.item or {}, _first(account, "outcome")
    for _, who, verification in account.record.answers:
        if who == "cancel" and verification["outcome"] is None:
            yield "G6: a cancel was answered without an outcome"
        if who == "cancel" and {"S": verification["outcome"]} != item.get("outcome"):
            yield f"G6: a cancel was answered {verification['outcome']}; {item.get('outcome')} is stored"
    if settled and settled.item["outcome"] == {"S": "CANCELLED"}:
        if any(settled.item[name] != _NULL for name in ("reason", "checks", "result")):
            yield f"G6: a cancel carries more than itself: {settled.item}"
        if settled.item["executionName"]["S"].endswith("-cancel") != (settled.who == "cancel"):
            yield "G6: a cancel did not name its execution"


# ── The item ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _item(account: Account) -> Iterator[str]:
    takeovers = [int(version.item["takeovers"]["N"]) for version in account.record.versions]
    if takeovers != sorted(takeovers):
        yield f"takeovers went back: {takeovers}"
    for version in account.record.versions:
        item = version.item
        if ("publishedAt" in item) == ("openVerifications" in item):
            yield f"{version.who} left the item both published and open, or neither"
        if ("publishedAt" in item) != ("expiresAt" in item):
            yield f"{version.who} let something unpublished expire, or the reverse"
        if ("outcome" in item) != (item["status"] == {"S": "SETTLED"}):
            yield f"{version.who} left outcome and status at odds"
        if "publishedAt" in item and "outcome" not in item:
            yield f"{version.who} published no outcome"
