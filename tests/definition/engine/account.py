"""The AWS account of one scenario, in virtual time: its table and its executions, what it answers the functions and the state
machine, what goes wrong in it, and a record of what happened.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.definition.engine.definition import RESOURCES, STATE_MACHINE, arn_of, deployed
from tests.definition.engine.dynamodb import AwsError, InMemoryTable, Item, Refused
from tests.definition.engine.execution import Execution
from tests.definition.engine.functions import SignzyRequest, check_link
from tests.definition.engine.scenario import CLOSE, CRASH, HANG, ID, End, Fault, Scenario
from tests.definition.engine.virtual_time import Ended, Thread, VirtualTime

_NAMES = {name: deployed(value) for name, value in STATE_MACHINE["DefinitionSubstitutions"].items()}
_STATE_MACHINE_ARN, _EXECUTION_ARN = arn_of("LinkWatch"), arn_of("LinkWatch", kind="execution")
_QUEUE_URL = deployed({"Ref": "InstantLinkSentQueue"})
_INDEXES = {it["IndexName"]: it for it in RESOURCES["Verifications"]["Properties"]["GlobalSecondaryIndexes"]}
_INDEX_KEYS = {name: index["KeySchema"][0]["AttributeName"] for name, index in _INDEXES.items()}
_OPEN = "openVerifications"
_PROJECTED = {"verificationId", _INDEX_KEYS[_OPEN], *_INDEXES[_OPEN]["Projection"]["NonKeyAttributes"]}
_OUTAGES = {
    "dynamodb": "InternalServerError",
    "events": "EventBridge.InternalException",
    "lambda": "Lambda.ServiceException",
    "states": "ServiceUnavailable",
    "sqs": "ServiceUnavailable",
}


@dataclass(frozen=True)
class Version:
    """The item after a write. who: an execution's name, or what a function does."""

    at: int
    who: str
    item: Item


@dataclass(frozen=True)
class Point:
    """A place that the scenario reached, for the nth time, where something could have gone wrong. is_call: what it calls
    could fail; else an execution could have been ended there.
    """

    place: str
    nth: int
    is_call: bool


class Account:
    """One scenario's AWS. Times are epoch milliseconds."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.time = VirtualTime(scenario.first_start)
        self.parameters = {
            "WindowSeconds": scenario.window_seconds,
            "PollIntervalSeconds": scenario.poll_seconds,
            "LastCheckLeadSeconds": scenario.lead_seconds,
        }
        self.table = InMemoryTable("verificationId", _INDEX_KEYS.values())
        self.executions: dict[str, Execution] = {}
        #: Start events in the queue: when each is visible again, by name. on_visible: is called with its name then.
        self.visible_at: dict[str, int] = {}
        self.on_visible: Callable[[str], None] = lambda _: None
        #: Is told of each execution that has ended.
        self.on_end: Callable[[Execution], None] = lambda _: None
        self.versions: list[Version] = []
        #: The entries of PutEvents.
        self.events: list[tuple[int, dict[str, Any]]] = []
        self.requests: list[SignzyRequest] = []
        #: What starts and cancels were answered with 200 or 202: when, who, the verification.
        self.answers: list[tuple[int, str, dict[str, Any]]] = []
        self.points: list[Point] = []
        self.bugs: list[str] = []
        self.timeline: list[str] = []
        #: When the last thing that went wrong was over.
        self.last_trouble = 0
        self._counts: Counter[object] = Counter()

    @property
    def item(self) -> Item | None:
        return self.table.items.get(ID)

    def note(self, who: str, what: str) -> None:
        after = (self.time.now - self.scenario.link_sent_at) / 1000
        self.timeline.append(f"{after:9.3f} s  {who.removeprefix(ID) or 'first':12}  {what}")

    def note_trouble(self, millis: int) -> None:
        """Something goes wrong for as long from now on."""
        self.last_trouble = max(self.last_trouble, self.time.now + millis)

    # ── What the scenario has go wrong ────────────────────────────────────────────────────────────────────────────────

    def fault_at(self, place: str) -> Fault | None:
        """What goes wrong with a call that is made now."""
        nth = self._reach(place, is_call=True)
        hits = [it for it in self.scenario.faults if it.place == place and it.first <= nth < it.first + it.times]
        return hits[0] if hits else None

    def ends_at(self, state: str) -> list[End]:
        """The ends of an execution that enters a state now."""
        nth = self._reach(state, is_call=False)
        return [end for end in self.scenario.ends if (end.state, end.nth) == (state, nth)]

    def _reach(self, place: str, *, is_call: bool) -> int:
        nth = self._counts[place, is_call]
        self._counts[place, is_call] += 1
        self.points.append(Point(place, nth, is_call))
        return nth

    def next_jitter(self) -> float:
        self._counts["jitter"] += 1
        return self.scenario.jitter[self._counts["jitter"] % len(self.scenario.jitter)]

    # ── What AWS answers ──────────────────────────────────────────────────────────────────────────────────────────────

    def answer(
        self,
        thread: Thread,
        service: str,
        operation: str,
        asked: dict[str, Any],
        fault: Fault | None,
        *,
        patience: int,
        latency: tuple[int, int],
    ) -> dict[str, Any]:
        """One try of a call. asked: the request. patience: how long the caller waits for the answer. latency: how long it takes
        until the effect, and from then to the answer. Raises AwsError, TimeoutError, ConnectionError, Ended.
        """
        called_at = self.time.now
        if fault:
            hangs = patience if fault.error == HANG else 0
            self.note_trouble(fault.before_millis + max(fault.after_millis, 0) + hangs)
        if self.scenario.is_out(service, called_at):
            fault = Fault(operation, error=_OUTAGES[service], takes_effect=False)
        before, after = (fault.before_millis, max(fault.after_millis, 0)) if fault else latency
        answers: list[dict[str, Any] | AwsError] = []
        if not fault or fault.takes_effect:  # even when nobody waits for it any more
            self.time.at(
                called_at + before, lambda: answers.append(self._result(thread.who, operation, asked, called_at))
            )
        thread.wait(min(before + after, patience))
        error = fault.error if fault else None
        if error or not answers:
            self.note(thread.who, f"{operation}: {error or 'no answer'}")
        if error == CRASH:
            raise Ended
        if error == HANG:
            thread.wait(max(patience - before - after, 0))
        if error == HANG or before + after > patience:
            raise TimeoutError
        if error == CLOSE:
            raise ConnectionError
        answer = AwsError(error) if error else answers[0] if answers else TimeoutError()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _result(self, who: str, operation: str, asked: dict[str, Any], called_at: int) -> dict[str, Any] | AwsError:
        operations = {
            "GetItem": self._get_item,
            "PutItem": lambda it: self._write(who, self.table.put_item, it),
            "UpdateItem": lambda it: self._write(who, self.table.update_item, it),
            "Scan": self._scan,
            "StartExecution": lambda it: self._start(who, it),
            "DescribeExecution": self._describe,
            "StopExecution": self._stop,
            "ListExecutions": self._list,
            "ChangeMessageVisibilityBatch": self._change_visibility,
            "Invoke": lambda it: self._invoke(who, it, called_at),
            "PutEvents": lambda it: self._put_events(who, it),
        }
        try:
            return operations[operation](asked)
        except AwsError as error:
            return error
        except (Refused, KeyError) as refused:
            self.bugs.append(f"{who}: AWS refuses {operation}: {refused!r}")
            return AwsError("ValidationException")

    # ── DynamoDB ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _get_item(self, asked: dict[str, Any]) -> dict[str, Any]:
        _expect(_NAMES["VerificationsTable"], asked["TableName"])
        if asked.get("ConsistentRead"):
            return self.table.get_item(asked)
        item = self._stale_item()
        return {"Item": item} if item else {}

    def _stale_item(self) -> Item | None:
        """The item as a read that is not consistent may return it."""
        seen = [version.item for version in self.versions if version.at <= self.time.now - self.scenario.index_lag]
        return seen[-1] if seen else None

    def _write(self, who: str, write: Any, asked: dict[str, Any]) -> dict[str, Any]:
        _expect(_NAMES["VerificationsTable"], asked["TableName"])
        answer = write(asked)
        item = self.table.items[ID]
        self.versions.append(Version(self.time.now, who, item))
        shown = [item[name]["S"] for name in ("executionName", "outcome", "publishedAt") if name in item]
        self.note(who, f"wrote {', '.join(shown)}")
        return answer

    def _scan(self, asked: dict[str, Any]) -> dict[str, Any]:
        _expect((_NAMES["VerificationsTable"], _OPEN), (asked["TableName"], asked["IndexName"]))
        item = self._stale_item()
        items = [item] if item and _INDEX_KEYS[_OPEN] in item else []
        return {"Items": [{name: it[name] for name in _PROJECTED & set(it)} for it in items]}

    # ── Step Functions ────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, who: str, asked: dict[str, Any]) -> dict[str, Any]:
        _expect(_STATE_MACHINE_ARN, asked["stateMachineArn"])
        name, given = asked["name"], json.loads(asked["input"])
        known = self.executions.get(name)
        if known:
            is_same = known.status == "RUNNING" and known.input == given
            if not is_same or self.scenario.start_refuses_running:
                raise AwsError("ExecutionAlreadyExists")
        else:
            known = self.executions[name] = Execution(self, name, given, self.time.now)
            self.note(name, f"started by {who}")
            self.time.at(self.time.now + self.scenario.starts_after, known.start)
        return {"executionArn": f"{_EXECUTION_ARN}:{name}", "startDate": known.started_at / 1000}

    def _named(self, asked: dict[str, Any], lag: int = 0) -> Execution:
        arn, _, name = asked["executionArn"].rpartition(":")
        _expect(_EXECUTION_ARN, arn)
        execution = self.executions.get(name)
        if not execution or execution.started_at > self.time.now - lag:
            raise AwsError("ExecutionDoesNotExist")
        return execution

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        lag = self.scenario.description_lag
        return self._described(self._named(asked, lag), lag)

    def _stop(self, asked: dict[str, Any]) -> dict[str, Any]:
        execution = self._named(asked)
        execution.finish("ABORTED")
        return {"stopDate": (execution.ended_at or 0) / 1000}

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The latest first."""
        _expect(_STATE_MACHINE_ARN, asked["stateMachineArn"])
        lag = self.scenario.list_lag
        known = reversed(self.executions.values())
        listed = [self._described(it, lag) for it in known if it.started_at <= self.time.now - lag]
        return {"executions": [it for it in listed if it["status"] == asked["statusFilter"]]}

    def _described(self, execution: Execution, lag: int) -> dict[str, Any]:
        """An execution as it was that many milliseconds ago."""
        described = {"name": execution.name, "startDate": execution.started_at / 1000}
        if execution.ended_at is None or execution.ended_at > self.time.now - lag:
            return {**described, "status": "RUNNING"}
        return {**described, "status": execution.status, "stopDate": execution.ended_at / 1000}

    # ── The queue, Lambda and the bus ──────────────────────────────────────────────────────────────────────────────────────

    def hide(self, message: str, seconds: int) -> None:
        """Hides an event in the queue for as long."""
        self.visible_at[message] = self.time.now + seconds * 1000
        self.time.at(self.visible_at[message], lambda: self.on_visible(message))

    def _change_visibility(self, asked: dict[str, Any]) -> dict[str, Any]:
        _expect(_QUEUE_URL, asked["QueueUrl"])
        for entry in asked["Entries"]:
            self.hide(entry["ReceiptHandle"], entry["VisibilityTimeout"])
        return {"Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]]}

    def _invoke(self, who: str, asked: dict[str, Any], called_at: int) -> dict[str, Any]:
        _expect(_NAMES["CheckLinkFunction"], asked["FunctionName"])
        answer = check_link(self, who, called_at, asked["Payload"])
        return {"StatusCode": 200, "Payload": json.loads(json.dumps(answer))}

    def _put_events(self, who: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Refuses what the state machine's role does not allow."""
        for entry in asked["Entries"]:
            given = (entry["EventBusName"], entry["Source"], entry["DetailType"])
            _expect((_NAMES["LinkBus"], "linkwatch", "VerificationSettled"), given)
            self.events.append((self.time.now, entry))
            self.note(who, f"published {entry['Detail']['outcome']}")
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in asked["Entries"]]}


def _expect(expected: object, given: object) -> None:
    if expected != given:
        raise Refused(f"{given}, not {expected}")
