"""Which outcomes an execution may store, by what its checks came to: guarantee G3, independently of the definition."""

from typing import Any

from engine.account import Account
from engine.execution import Execution
from simulator.answers import ANSWERS


def said(account: Account, execution: Execution) -> list[str]:
    """What the last answer that Signzy gave an execution means, by answers.json."""
    names = [check.answer for check in account.record.vendor_checks if check.by == execution.name]
    return [ANSWERS[name].expect["answer"] for name in names[-1:] if name in ANSWERS]


def due_outcomes(account: Account, execution: Execution) -> list[tuple[str, str | None]]:
    """Outcome and reason that an execution may store: by its last check, and by whether that was the window's."""
    scenario = account.scenario
    if not execution.checks:
        _, at = scenario.starts[int(account.record.versions[0].item["startId"]["S"].removeprefix("start-"))]
        started_too_late = scenario.link_sent_at + at >= scenario.deadline
        return [("UNKNOWN", "STARTED_TOO_LATE" if started_too_late else "INTERRUPTED")]
    last = execution.checks[-1]
    answer = {"answer": "UNAVAILABLE", "reason": "CHECK_FAILED"} if isinstance(last, str) else last
    if answer["answer"] in {"CLICKED", "REJECTED"}:
        return [("LINK_CLICKED" if answer["answer"] == "CLICKED" else "REJECTED", answer["reason"])]
    if answer["reason"] == "PAST_DEADLINE":
        return [("UNKNOWN", "PAST_DEADLINE")]
    asked_at = [check.at for check in account.record.vendor_checks if check.by == execution.name][-1:]
    of_the_last = ("EXPIRED", None) if answer["answer"] == "PENDING" else ("UNKNOWN", answer["reason"])
    if answer["answer"] == "PENDING" and asked_at[0] < scenario.last_check_due - early_millis(account):
        return [("UNKNOWN", "PAST_DEADLINE")]
    # A check of an earlier point that came so late that it was made at the end says no more than is known either way.
    return [of_the_last, ("UNKNOWN", "PAST_DEADLINE")]


def is_past_deadline(check: dict[str, Any] | str) -> bool:
    return not isinstance(check, str) and check["reason"] == "PAST_DEADLINE"


def early_millis(account: Account) -> int:
    return max([0, *(-fault.after_millis for fault in account.scenario.faults)])
