"""Prints what happens to verifications: a line for each check, and one for the outcome."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from local.stack import Stack


def answers_in(events: Iterable[dict[str, Any]]) -> list[tuple[float, str]]:
    """The checks of an execution, from the events of GetExecutionHistory, oldest first: when each was due (epoch seconds), and
    its answer with the reason.
    """
    checks: list[tuple[float, str]] = []
    due: float | None = None
    for event in events:
        if entered := event.get("stateEnteredEventDetails"):
            if due is not None:  # the task failed, and the failure was caught
                checks.append((due, "UNAVAILABLE CHECK_FAILED"))
            due = event["timestamp"].timestamp() if entered["name"] == "Check Link" else None
        elif due is not None and (succeeded := event.get("taskSucceededEventDetails")):
            answer = json.loads(succeeded["output"])["Payload"]
            if answer["reason"] != "PAST_DEADLINE":  # no request was sent
                checks.append((due, f"{answer['answer']} {answer['reason'] or ''}".rstrip()))
            due = None
    return checks


def watch_one(stack: Stack, verification_id: str) -> Iterator[int]:
    """Prints one verification until its outcome is published; yields the number of each check. Raises TimeoutError where it is
    not published a minute after its deadline (by the stack's clock; at least 15 real seconds).
    """
    printed = 0
    while item := stack.item(verification_id):
        already, printed = printed, _print_checks(stack, item, printed)
        yield from range(already + 1, printed + 1)
        if item.get("publishedAt"):
            return _print_outcome(item)
        if stack.clock.now_ms() / 1000 > _seconds(item["deadline"]) + max(60, 15 * stack.clock.speed):
            raise TimeoutError(f"{verification_id} has no published outcome, and its deadline is past")
        stack.clock.sleep(stack.clock.speed / 2)
    return None


def watch_all(stack: Stack) -> None:
    """Prints all open verifications, those that are started meanwhile too, until none is open."""
    printed: dict[str, int] = {}
    while True:
        items = [item for item in stack.items() if item["verificationId"] in printed or not item.get("publishedAt")]
        for item in items:
            name = item["verificationId"]
            printed[name] = _print_checks(stack, item, printed.get(name, 0))
            if item.get("publishedAt"):
                _print_outcome(item)
                del printed[name]
        if not printed:
            return
        stack.clock.sleep(stack.clock.speed / 2)


def _print_checks(stack: Stack, item: dict[str, Any], already: int) -> int:
    """Prints the checks that were not printed already; returns how many there are now. A takeover begins again with the first."""
    execution = item["executionName"]
    checks = answers_in(stack.history(execution)) if stack.execution(execution) else []
    for number, (due, answer) in enumerate(checks[already:], already + 1):
        _print_line(item, due, f"check {number:2}: {answer}")
    return len(checks)


def _print_outcome(item: dict[str, Any]) -> None:
    after = f" after {item['checks']} checks" if "checks" in item else ""
    outcome = f"{item['outcome']} {item.get('reason') or ''}".rstrip()
    _print_line(item, _seconds(item["settledAt"]), f"settled: {outcome}{after}")


def _print_line(item: dict[str, Any], at: float, what: str) -> None:
    takeover = item["executionName"].removeprefix(item["verificationId"]).removeprefix("-")
    second = at - int(_seconds(item["linkSentAt"]))  # schedule and deadline count from the whole second
    print(f"{item['verificationId'][:6] + ' ' + takeover:14}{second:6.1f} s  {what}")


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
