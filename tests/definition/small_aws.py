"""The AWS account of one history: a table, a bus, Lambda and Step Functions, each as much as the definition and recovery use,
with the faults that the history draws.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from linkwatch.model import Answer, CheckResult, Reason
from linkwatch.signzy import classify
from local.simulator.answers import ANSWERS
from tests.definition.dynamodb_expressions import Item, Refused
from tests.definition.execution import Execution
from tests.definition.history import End, Fault, History
from tests.definition.hosted_parts import TaskFailed
from tests.definition.second_engine import EXECUTION_ARN, program
from tests.definition.shipped import RESOURCES, substituted
from tests.definition.small_dynamodb import ConditionFailed, SmallDynamoDB
from tests.definition.virtual_time import VirtualTime

_INDEXES = RESOURCES["Verifications"]["Properties"]["GlobalSecondaryIndexes"]


@dataclass(frozen=True)
class VendorCheck:
    """A request that reached Signzy."""

    at: int
    by: str
    invoked_at: int
    answer: str


class Account:
    """One history's world. on_end: told of each execution that has ended."""

    def __init__(self, history: History, on_end: Callable[[Execution], None] = lambda _: None) -> None:
        self.history = history
        self.time = VirtualTime(history.link_sent_at + history.started_at)
        self.on_end = on_end
        numbers = {"PollIntervalSeconds": history.poll_seconds, "LastCheckLeadSeconds": history.lead_seconds}
        self.program = program(json.dumps(substituted(numbers)))
        self.table = SmallDynamoDB("verificationId", [index["KeySchema"][0]["AttributeName"] for index in _INDEXES])
        self.executions: dict[str, Execution] = {}
        self.events: list[tuple[int, dict[str, Any]]] = []
        self.vendor_checks: list[VendorCheck] = []
        self.versions: list[tuple[int, str, Item]] = []  # of the one item, and who wrote it
        self.bugs: list[str] = []
        self.timeline: list[str] = []
        self._counts: Counter[str] = Counter()
        self._jitters = 0

    def owner(self) -> str | None:
        return self.versions[-1][2]["executionName"]["S"] if self.versions else None

    def note(self, who: str, what: str) -> None:
        after = (self.time.now - self.history.link_sent_at) / 1000
        self.timeline.append(f"{after:9.3f} s  {who[-12:]:12}  {what}")

    # ── What the history draws ────────────────────────────────────────────────────────────────────────────────────────

    def fault_of(self, state: str) -> Fault | None:
        nth = self._counts[f"call {state}"]
        self._counts[f"call {state}"] += 1
        hits = [it for it in self.history.faults if it.state == state and it.first <= nth < it.first + it.times]
        return hits[0] if hits else None

    def ends_of(self, state: str) -> list[End]:
        nth = self._counts[f"enter {state}"]
        self._counts[f"enter {state}"] += 1
        return [end for end in self.history.ends if (end.state, end.nth) == (state, nth)]

    def next_jitter(self) -> float:
        self._jitters += 1
        return self.history.jitter[self._jitters % len(self.history.jitter)]

    # ── What the tasks call ───────────────────────────────────────────────────────────────────────────────────────────

    def action(self, by: Execution, resource: str, arguments: dict[str, Any], invoked_at: int) -> Callable[[], Any]:
        request = json.loads(json.dumps(arguments))
        match resource.rpartition(":::")[2]:
            case "dynamodb:updateItem":
                return lambda: self._update_item(by, request)
            case "lambda:invoke":
                return lambda: {"StatusCode": 200, "Payload": self._check_link(by, invoked_at)}
            case "events:putEvents":
                return lambda: self._put_events(by, request["Entries"])
            case "aws-sdk:sfn:stopExecution":
                return lambda: self._stop_execution(request["ExecutionArn"])
        raise AssertionError(f"nobody plays {resource}")

    def _update_item(self, by: Execution, request: dict[str, Any]) -> Any:
        try:
            output = self.table.update_item(request)
        except ConditionFailed:
            return TaskFailed("DynamoDB.ConditionalCheckFailedException")
        except Refused as refused:
            self.bugs.append(f"DynamoDB refuses: {refused}")
            return TaskFailed("DynamoDB.DynamoDbException", str(refused))
        self.wrote(by.name, self.table.items[request["Key"]["verificationId"]["S"]])
        return json.loads(json.dumps(output))

    def wrote(self, who: str, item: Item) -> None:
        self.versions.append((self.time.now, who, item))
        shown = [item[name]["S"] for name in ("executionName", "outcome", "publishedAt") if name in item]
        self.note(who, f"wrote {', '.join(shown)}")

    def _check_link(self, by: Execution, invoked_at: int) -> dict[str, Any]:
        if self.time.now >= self.history.deadline:
            return _as_json(CheckResult(Answer.UNAVAILABLE, Reason.PAST_DEADLINE))
        since_sent = self.time.now - self.history.link_sent_at
        name = [answer for since, answer in self.history.answers if since <= max(since_sent, 0)][-1]
        self.vendor_checks.append(VendorCheck(self.time.now, by.name, invoked_at, name))
        self.note(by.name, f"check {len(self.vendor_checks)}: {name}")
        if name in Reason.__members__:
            return _as_json(CheckResult(Answer.UNAVAILABLE, Reason[name]))
        return _as_json(classify(ANSWERS[name].status, ANSWERS[name].body))

    def _put_events(self, by: Execution, entries: list[dict[str, Any]]) -> dict[str, Any]:
        for entry in entries:
            if not all(entry.get(key) for key in ("EventBusName", "Source", "DetailType", "Detail")):
                self.bugs.append(f"EventBridge refuses: {entry}")
            self.events.append((self.time.now, entry["Detail"]))
            self.note(by.name, f"published {entry['Detail']['outcome']}")
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in entries]}

    def _stop_execution(self, arn: str) -> Any:
        execution = self.executions.get(arn.removeprefix(f"{EXECUTION_ARN}:"))
        if execution is None:
            return TaskFailed("Sfn.ExecutionDoesNotExistException")
        execution.finish("ABORTED")
        return {"StopDate": "2026-11-23T10:00:00Z"}


def _as_json(check: CheckResult) -> dict[str, Any]:
    return {"answer": check.answer, "reason": check.reason, "result": check.result}
