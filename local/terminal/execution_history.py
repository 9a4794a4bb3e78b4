"""What an execution has done so far, read from its history."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

CHECK_LINK = "Check Link"


@dataclass(frozen=True, slots=True)
class CheckSeen:
    """One check: when it was due, epoch milliseconds by the stack's clock, and what it learnt."""

    at_ms: float
    answer: str
    reason: str | None


@dataclass(slots=True)
class Progress:
    """state: the one it is in, or was in last; checks: those that have their answer."""

    state: str = "Starting"
    checks: list[CheckSeen] = field(default_factory=list)


def progress_of(events: Iterable[dict[str, Any]]) -> Progress:
    """Reads the events of GetExecutionHistory, oldest first."""
    so_far = Progress()
    entered_ms = 0.0
    answered = False
    for event in events:
        if entered := event.get("stateEnteredEventDetails"):
            if so_far.state == CHECK_LINK and not answered:  # the task failed, and the failure was caught
                so_far.checks.append(CheckSeen(entered_ms, "UNAVAILABLE", "CHECK_FAILED"))
            so_far.state, entered_ms, answered = entered["name"], event["timestamp"].timestamp() * 1000, False
        elif so_far.state == CHECK_LINK and (succeeded := event.get("taskSucceededEventDetails")):
            payload = json.loads(succeeded["output"])["Payload"]
            so_far.checks.append(CheckSeen(entered_ms, payload["answer"], payload["reason"]))
            answered = True
    return so_far
