"""What AWS answers the functions' calls, in virtual time: DynamoDB, Step Functions and SQS, as much of each as they use."""

import json
from typing import Any

from tests.definition.engine.account import Account
from tests.definition.engine.aws_session import AwsError, Call
from tests.definition.engine.definition import RESOURCES, STATE_MACHINE, arn_of, deployed
from tests.definition.engine.dynamodb import ConditionFailed, Refused
from tests.definition.engine.execution import Execution
from tests.definition.engine.queue import Queue
from tests.definition.engine.scenario import CLOSE, CRASH, HANG, Fault
from tests.definition.engine.virtual_time import Ended, Thread

_INDEXES = RESOURCES["Verifications"]["Properties"]["GlobalSecondaryIndexes"]
_OPEN = next(index for index in _INDEXES if index["IndexName"] == "openVerifications")
_OPEN_KEY = _OPEN["KeySchema"][0]["AttributeName"]
_PROJECTED = {"verificationId", _OPEN_KEY, *_OPEN["Projection"]["NonKeyAttributes"]}
_TABLE_NAME = deployed(STATE_MACHINE["DefinitionSubstitutions"]["VerificationsTable"])
_STATE_MACHINE_ARN = arn_of("LinkWatch")


class AwsCalls:
    """Answers the calls of the functions of one scenario."""

    def __init__(self, account: Account, queue: Queue) -> None:
        self._account, self._queue = account, queue

    def fault_at(self, thread: Thread, call: Call) -> Fault | None:
        return self._account.fault_at(f"{thread.who}: {call.operation}")

    def answer(self, thread: Thread, call: Call, fault: Fault | None) -> dict[str, Any]:
        """One try of a call. Raises AwsError, TimeoutError, ConnectionError, Ended."""
        account = self._account
        place, patience = f"{thread.who}: {call.operation}", call.patience
        if fault:
            account.note_trouble(account.time.now + fault.before_millis + max(fault.after_millis, 0) + patience)
        fault = account.outage_of(call.service, place) or fault
        latency = account.scenario.call
        before = fault.before_millis if fault else latency // 2
        after = fault.after_millis if fault else latency - latency // 2
        answers: list[dict[str, Any] | AwsError] = []
        if not fault or fault.takes_effect:  # even when nobody waits for it any more
            account.time.at(account.time.now + before, lambda: answers.append(self._result(thread.who, call)))
        thread.wait(min(before + after, patience))
        error = fault.error if fault else None
        if error or not answers:
            account.note(thread.who, f"{call.operation}: {error or 'no answer'}")
        if error == CRASH:
            raise Ended
        if error == HANG or before + after > patience:
            thread.wait(max(patience - before - after, 0))
            raise TimeoutError
        if error == CLOSE:
            raise ConnectionError
        if error or not answers:
            raise AwsError(error or "InternalServerError")
        if isinstance(answers[0], AwsError):
            raise answers[0]
        return answers[0]

    def _result(self, who: str, call: Call) -> dict[str, Any] | AwsError:
        operations = {
            "GetItem": self._get_item,
            "PutItem": lambda it: self._write(who, self._account.table.put_item, it),
            "UpdateItem": lambda it: self._write(who, self._account.table.update_item, it),
            "Scan": self._scan,
            "StartExecution": lambda it: self._start(who, it),
            "DescribeExecution": self._describe,
            "StopExecution": self._stop,
            "ListExecutions": self._list,
            "ChangeMessageVisibilityBatch": self._queue.change_visibility,
        }
        try:
            return operations[call.operation](call.asked)
        except AwsError as error:
            return error
        except (Refused, KeyError) as refused:
            self._account.record.bugs.append(f"{who}: {call.operation} is refused: {refused!r}")
            return AwsError("ValidationException")

    # ── DynamoDB ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _get_item(self, asked: dict[str, Any]) -> dict[str, Any]:
        _expect(_TABLE_NAME, asked["TableName"])
        if asked.get("ConsistentRead"):
            return self._account.table.get_item(asked)
        item = self._account.item_at(self._account.time.now - self._account.scenario.index_lag)
        return {"Item": item} if item else {}

    def _write(self, who: str, write: Any, asked: dict[str, Any]) -> dict[str, Any]:
        _expect(_TABLE_NAME, asked["TableName"])
        try:
            answer = write(asked)
        except ConditionFailed as failed:
            more = {"Item": failed.item} if failed.item else {}
            raise AwsError("ConditionalCheckFailedException", **more) from None
        self._account.note_write(who)
        return answer

    def _scan(self, asked: dict[str, Any]) -> dict[str, Any]:
        _expect((_TABLE_NAME, _OPEN["IndexName"]), (asked["TableName"], asked["IndexName"]))
        item = self._account.item_at(self._account.time.now - self._account.scenario.index_lag)
        items = [item] if item and _OPEN_KEY in item else []
        return {"Items": [{name: it[name] for name in _PROJECTED & set(it)} for it in items]}

    # ── Step Functions ────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, who: str, asked: dict[str, Any]) -> dict[str, Any]:
        _expect(_STATE_MACHINE_ARN, asked["stateMachineArn"])
        account, name = self._account, asked["name"]
        known = account.executions.get(name)
        if known:
            is_same = known.status == "RUNNING" and known.input == json.loads(asked["input"])
            if not is_same or account.scenario.start_refuses_running:
                raise AwsError("ExecutionAlreadyExists")
        else:
            known = account.executions[name] = Execution(account, name, json.loads(asked["input"]), account.time.now)
            account.note(name, f"started by {who}")
            account.time.at(account.time.now + account.scenario.starts_after, known.start)
        return {"executionArn": f"{_EXECUTION_ARN}:{name}", "startDate": known.started_at / 1000}

    def _named(self, asked: dict[str, Any]) -> Execution | None:
        arn, _, name = asked["executionArn"].rpartition(":")
        _expect(_EXECUTION_ARN, arn)
        return self._account.executions.get(name)

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        execution = self._named(asked)
        moment = self._account.time.now - self._account.scenario.description_lag
        if not execution or execution.started_at > moment:
            raise AwsError("ExecutionDoesNotExist")
        return _described(execution, moment)

    def _stop(self, asked: dict[str, Any]) -> dict[str, Any]:
        execution = self._named(asked)
        if not execution:
            raise AwsError("ExecutionDoesNotExist")
        execution.finish("ABORTED")
        return {"stopDate": (execution.ended_at or 0) / 1000}

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        """As they were a moment ago, the latest first."""
        _expect(_STATE_MACHINE_ARN, asked["stateMachineArn"])
        moment = self._account.time.now - self._account.scenario.list_lag
        known = reversed(self._account.executions.values())
        listed = [_described(it, moment) for it in known if it.started_at <= moment]
        return {"executions": [it for it in listed if it["status"] == asked["statusFilter"]]}


_EXECUTION_ARN = arn_of("LinkWatch", kind="execution:")


def _described(execution: Execution, moment: int) -> dict[str, Any]:
    described = {"name": execution.name, "startDate": execution.started_at / 1000}
    if execution.ended_at is None or execution.ended_at > moment:
        return {**described, "status": "RUNNING"}
    return {**described, "status": execution.status, "stopDate": execution.ended_at / 1000}


def _expect(expected: object, given: object) -> None:
    if expected != given:
        raise Refused(f"{given}, not {expected}")
