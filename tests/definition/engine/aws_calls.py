"""What AWS answers the functions' calls, in virtual time: DynamoDB, Step Functions and SQS, as much of each as they use."""

import json
from datetime import UTC, datetime
from typing import Any

from linkwatch.model import iso_from
from tests.definition.engine.account import Account
from tests.definition.engine.aws_session import AwsError
from tests.definition.engine.definition import RESOURCES, STATE_MACHINE, arn_of, deployed
from tests.definition.engine.dynamodb import ConditionFailed, Item, Refused
from tests.definition.engine.execution import Execution
from tests.definition.engine.queue import Queue
from tests.definition.engine.record import ID
from tests.definition.engine.scenario import CLOSE, CRASH, HANG, MORNING, Fault, Service
from tests.definition.engine.virtual_time import Ended, Thread

_INDEXES = RESOURCES["Verifications"]["Properties"]["GlobalSecondaryIndexes"]
_OPEN = next(index for index in _INDEXES if index["IndexName"] == "openVerifications")
_OPEN_KEY = _OPEN["KeySchema"][0]["AttributeName"]
_PROJECTED = {"verificationId", _OPEN_KEY, *_OPEN["Projection"]["NonKeyAttributes"]}
_TABLE_NAME = deployed(STATE_MACHINE["DefinitionSubstitutions"]["VerificationsTable"])
_STATE_MACHINE_ARN = arn_of("LinkWatch")
#: More than a sweep describes one by one.
_OTHERS = 101
_OTHERS_STARTED_AT = MORNING // 1000 - 3_600
_OTHERS_ENDED = {"status": "ABORTED", "startDate": _OTHERS_STARTED_AT, "stopDate": _OTHERS_STARTED_AT}


class AwsCalls:
    """Answers the calls of the functions of one scenario."""

    def __init__(self, account: Account, queue: Queue) -> None:
        self._account, self._queue = account, queue

    def fault_at(self, thread: Thread, operation: str, asked: dict[str, Any]) -> Fault | None:
        """What strikes a call. Nothing goes wrong with calls about the others that recovery has given up on."""
        name = asked.get("name", asked.get("executionArn", ID).rpartition(":")[2])
        return self._account.fault_at(f"{thread.who}: {operation}") if name.startswith(ID) else None

    def answer(
        self,
        thread: Thread,
        service: Service,
        operation: str,
        fault: Fault | None,
        asked: dict[str, Any],
        patience: int,
    ) -> dict[str, Any]:
        """One try of a call. fault: what strikes it. patience: the client's read time-out in milliseconds. Raises AwsError,
        TimeoutError, ConnectionError, Ended.
        """
        account = self._account
        place = f"{thread.who}: {operation}"
        if fault:
            account.note_trouble(account.time.now + fault.before_millis + max(fault.after_millis, 0) + patience)
        fault = account.outage_of(service, place) or fault
        latency = account.scenario.call
        before = fault.before_millis if fault else latency // 2
        after = fault.after_millis if fault else latency - latency // 2
        answers: list[dict[str, Any] | AwsError] = []
        if not fault or fault.takes_effect:  # even when nobody waits for it any more
            account.time.at(
                account.time.now + before, lambda: answers.append(self._result(thread.who, operation, asked))
            )
        thread.wait(min(before + after, patience))
        error = fault.error if fault else None
        if error or not answers:
            account.note(thread.who, f"{operation}: {error or 'no answer'}")
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

    def _result(self, who: str, operation: str, asked: dict[str, Any]) -> dict[str, Any] | AwsError:
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
            return operations[operation](asked)
        except AwsError as error:
            return error
        except (Refused, KeyError) as refused:
            self._account.record.bugs.append(f"{who}: {operation} is refused: {refused!r}")
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
        return {"Items": [{name: it[name] for name in _PROJECTED & set(it)} for it in [*items, *self._others()]]}

    def _others(self) -> list[Item]:
        """Open verifications that recovery has given up on."""
        if not self._account.scenario.others_given_up:
            return []
        started_at = {"S": iso_from(datetime.fromtimestamp(_OTHERS_STARTED_AT, UTC))}
        ids = [f"{nth:024x}-{nth:024x}" for nth in range(_OTHERS)]
        return [
            {"verificationId": {"S": it}, "executionName": {"S": f"{it}-r10"}, "takeovers": {"N": "10"}}
            | {_OPEN_KEY: started_at, "startedAt": started_at}
            for it in ids
        ]

    # ── Step Functions ────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, who: str, asked: dict[str, Any]) -> dict[str, Any]:
        _expect(_STATE_MACHINE_ARN, asked["stateMachineArn"])
        account, name = self._account, asked["name"]
        if not name.startswith(ID):  # of the others that recovery has given up on
            raise AwsError("ExecutionAlreadyExists")
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
        if not asked["executionArn"].startswith(f"{_EXECUTION_ARN}:{ID}"):
            return _OTHERS_ENDED
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
        for item in self._others():
            listed.append({"name": item["executionName"]["S"], **_OTHERS_ENDED})
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
