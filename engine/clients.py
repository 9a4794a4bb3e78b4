"""The clients that a function calls AWS with, in the shapes of boto3's: each call takes a while, and may be refused, lost, or
the function's last.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from engine.account import Account
from engine.definition import RESOURCES
from engine.dynamodb import ConditionFailed
from engine.dynamodb_expressions import Item
from engine.execution import Execution
from engine.record import ID
from engine.scenario import CRASH, Service
from engine.virtual_time import Ended, Thread

_INDEXES = RESOURCES["Verifications"]["Properties"]["GlobalSecondaryIndexes"]
_INDEX = next(index for index in _INDEXES if index["IndexName"] == "openVerifications")
_INDEX_KEY = _INDEX["KeySchema"][0]["AttributeName"]
_IN_INDEX = {"verificationId", _INDEX_KEY, *_INDEX["Projection"]["NonKeyAttributes"]}


class ExecutionAlreadyExists(ClientError):
    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "ExecutionAlreadyExists"}}, "StartExecution")


class Caller:
    """A function that runs, as AWS sees it."""

    def __init__(self, account: Account, who: str, thread: Thread) -> None:
        self.account, self.who = account, who
        self._thread = thread

    def call[T](self, service: Service, operation: str, act: Callable[[], T]) -> T:
        """Makes a call. Raises ClientError as boto3 does; Ended where the function dies."""
        fault = self.account.fault_at(f"{self.who}: {operation}", service)
        latency = self.account.scenario.call
        self._wait(fault.before_millis if fault else latency // 2)
        result = act() if not fault or fault.takes_effect else None
        self._wait(fault.after_millis if fault else latency - latency // 2)
        if fault and fault.error == CRASH:
            self.account.note(self.who, f"dies at {operation}")
            raise Ended
        if fault and (fault.error or not fault.takes_effect):
            self.account.note(self.who, f"{operation}: {fault.error}")
            raise ClientError({"Error": {"Code": fault.error or "Timeout"}}, operation)
        if isinstance(result, ClientError):
            raise result
        return result  # pyright: ignore[reportReturnType]  it is None only where a fault has raised

    def _wait(self, millis: int) -> None:
        self._thread.wait_until(self.account.time.now + millis)


class _Pages:
    """A paginator that has one page."""

    def __init__(self, page: Callable[..., dict[str, Any]]) -> None:
        self._page = page

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        yield self._page(**request)


class StepFunctions:
    """The executions of the one state machine."""

    exceptions = SimpleNamespace(ExecutionAlreadyExists=ExecutionAlreadyExists)

    def __init__(self, caller: Caller) -> None:
        self._caller, self._account = caller, caller.account

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:  # noqa: A002, ARG002, N803  boto3's
        started = self._caller.call("states", "StartExecution", lambda: self._start(name, json.loads(input)))
        if not started:
            raise ExecutionAlreadyExists
        return {}

    def _start(self, name: str, execution_input: dict[str, Any]) -> bool:
        account = self._account
        if known := account.executions.get(name):
            is_same = known.status == "RUNNING" and known.input == execution_input
            return is_same and not account.scenario.start_refuses_running
        execution = account.executions[name] = Execution(account, name, execution_input, account.time.now)
        account.note(name, f"started by {self._caller.who}")
        account.time.at(account.time.now + account.scenario.starts_after, execution.start)
        return True

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        return self._caller.call("states", "DescribeExecution", lambda: self._described(executionArn))

    def _described(self, arn: str) -> Any:
        execution = self._account.executions.get(arn.rpartition(":")[2])
        moment = self._account.time.now - self._account.scenario.description_lag
        if not execution or execution.started_at > moment:
            return ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")
        if execution.ended_at is None or execution.ended_at > moment:
            return {"status": "RUNNING"}
        return {"status": execution.status, "stopDate": _moment(execution.ended_at)}

    def stop_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        return self._caller.call("states", "StopExecution", lambda: self._stop(executionArn))

    def _stop(self, arn: str) -> Any:
        execution = self._account.executions.get(arn.rpartition(":")[2])
        if not execution:
            return ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "StopExecution")
        execution.finish("ABORTED")
        return {}

    def get_paginator(self, operation: str) -> _Pages:
        assert operation == "list_executions"
        return _Pages(self._list)

    def _list(self, *, stateMachineArn: str, statusFilter: str, PaginationConfig: object) -> dict[str, Any]:  # noqa: ARG002, N803
        return self._caller.call("states", "ListExecutions", lambda: self._listed(statusFilter))

    def _listed(self, status: str) -> dict[str, Any]:
        """As they were a moment ago, the latest first."""
        moment, listed = self._account.time.now - self._account.scenario.list_lag, []
        for name, execution in reversed(self._account.executions.items()):
            has_ended = execution.ended_at is not None and execution.ended_at <= moment
            if execution.started_at <= moment and status == (execution.status if has_ended else "RUNNING"):
                dates = {"startDate": execution.started_at, **({"stopDate": execution.ended_at} if has_ended else {})}
                listed.append({"name": name, **{key: _moment(millis or 0) for key, millis in dates.items()}})
        return {"executions": listed}


def _moment(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)


class DynamoDB:
    """The one table."""

    def __init__(self, caller: Caller) -> None:
        self._caller, self._account = caller, caller.account

    def get_item(self, **request: Any) -> dict[str, Any]:
        def read() -> dict[str, Any]:
            if request.get("ConsistentRead"):
                return self._account.table.get_item(request)
            item = self._account.item_at(self._account.time.now - self._account.scenario.index_lag)
            return {"Item": item} if item else {}

        return self._caller.call("dynamodb", "GetItem", read)

    def put_item(self, **request: Any) -> dict[str, Any]:
        return self._caller.call("dynamodb", "PutItem", lambda: self._write(self._account.table.put_item, request))

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._caller.call(
            "dynamodb", "UpdateItem", lambda: self._write(self._account.table.update_item, request)
        )

    def _write(self, write: Callable[[dict[str, Any]], dict[str, Any]], request: dict[str, Any]) -> Any:
        try:
            answer = write(request)
        except ConditionFailed as failed:
            response: Any = {"Error": {"Code": "ConditionalCheckFailedException"}}
            return ClientError(response | ({"Item": failed.item} if failed.item else {}), "Write")
        self._account.wrote(self._caller.who)
        return answer

    def get_paginator(self, operation: str) -> _Pages:
        assert operation == "scan"
        return _Pages(self._scan)

    def _scan(self, *, TableName: str, IndexName: str) -> dict[str, Any]:  # noqa: ARG002, N803
        assert IndexName == _INDEX["IndexName"]
        return self._caller.call("dynamodb", "Scan", self._open)

    def _open(self) -> dict[str, list[Item]]:
        item = self._account.item_at(self._account.time.now - self._account.scenario.index_lag)
        if not item or _INDEX_KEY not in item:
            return {"Items": []}
        assert item["verificationId"] == {"S": ID}
        return {"Items": [{name: value for name, value in item.items() if name in _IN_INDEX}]}
