"""AWS on the loopback, as far as the handlers call it through a real boto3. As strict about requests to the table as DynamoDB is
(tests/definition/engine/dynamodb.py).
"""

import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.definition.engine.dynamodb import AwsError, InMemoryTable
from tests.unit.loopback import Received

#: The only machine and queues that there are.
_NAMES = {"stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:LinkWatch"}
_TABLE = "Verifications"
_QUEUES = {
    "SendMessage": "InstantLinkSentDeadLetters",
    "ChangeMessageVisibilityBatch": "InstantLinkSentQueue",
    "ChangeMessageVisibility": "Outcomes",  # of examples/webhook
}


@dataclass
class FakeAws:
    """executions: by name, each with its input, its status and its end. refused: the operations that are refused. unprocessed:
    how many calls of BatchGetItem leave their last key to the next call. visible_in: seconds, by receipt handle. decisions: the
    table of examples/consumer. secret: the value of the only one, None where it has none.
    """

    table: InMemoryTable = field(default_factory=lambda: InMemoryTable("verificationId", ["openVerifications"]))
    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    called: list[str] = field(default_factory=list)
    messages: list[dict[str, str]] = field(default_factory=list)
    visible_in: dict[str, int] = field(default_factory=dict)
    unprocessed: int = 0
    decisions: InMemoryTable = field(default_factory=lambda: InMemoryTable("verificationId"))
    secret: str | None = None

    def answer(self, request: Received) -> tuple[int, str]:
        operation, asked = request.headers["x-amz-target"].rpartition(".")[2], json.loads(request.body)
        self.called.append(operation)
        if operation in self.refused:
            return _error("AccessDeniedException")
        if any(asked.get(parameter, name) != name for parameter, name in _NAMES.items()):
            return _error("ResourceNotFoundException")
        if operation in _QUEUES and not asked["QueueUrl"].endswith(f"/{_QUEUES[operation]}"):
            return _error("QueueDoesNotExist")
        table = {_TABLE: self.table, "Decisions": self.decisions}[asked.get("TableName", _TABLE)]
        answers: dict[str, Callable[[dict[str, Any]], tuple[int, str]]] = {
            "PutItem": lambda it: self._write(table.put_item, it),
            "UpdateItem": lambda it: self._write(table.update_item, it),
            # A read that is not consistent may miss what was written a moment ago.
            "GetItem": lambda it: _said(table.get_item(it) if it.get("ConsistentRead") else {}),
            "Scan": lambda _: _said({"Items": [it for it in self.table.items.values() if "openVerifications" in it]}),
            "StartExecution": self._start,
            "DescribeExecution": lambda it: _said(self.executions[it["executionArn"].rpartition(":")[2]]),
            "StopExecution": lambda it: self._stop(it["executionArn"].rpartition(":")[2]),
            "ListExecutions": lambda it: _said({"executions": self._listed(it["statusFilter"])}),
            "SendMessage": self._send,
            "ChangeMessageVisibilityBatch": self._change_visibility,
            "ChangeMessageVisibility": lambda it: self._hide(it["ReceiptHandle"], it["VisibilityTimeout"]),
            "GetSecretValue": lambda _: self._secret_value(),
            "PutSecretValue": self._put_secret,
            "Query": self._query,
            "BatchGetItem": self._get_batch,
        }
        return answers[operation](asked)

    @staticmethod
    def _write(write: Callable[[dict[str, Any]], dict[str, Any]], request: dict[str, Any]) -> tuple[int, str]:
        try:
            return _said(write(request))
        except AwsError as error:
            return _error(error.code, **error.more)

    def _start(self, request: dict[str, Any]) -> tuple[int, str]:
        known = self.executions.get(request["name"])
        if known and (known["status"], known["input"]) != ("RUNNING", request["input"]):
            return _error("ExecutionAlreadyExists")
        self.executions[request["name"]] = {"status": "RUNNING", "input": request["input"]}
        return _said({"executionArn": request["name"], "startDate": time.time()})

    def _stop(self, name: str) -> tuple[int, str]:
        self.executions[name] |= {"status": "ABORTED", "stopDate": time.time()}
        return _said({"stopDate": time.time()})

    def _listed(self, status: str) -> list[dict[str, Any]]:
        return [{"startDate": 0, **it, "name": name} for name, it in self.executions.items() if it["status"] == status]

    def _send(self, request: dict[str, Any]) -> tuple[int, str]:
        self.messages.append(request)
        return _said({"MessageId": "1"})

    def _change_visibility(self, request: dict[str, Any]) -> tuple[int, str]:
        self.visible_in |= {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in request["Entries"]}
        return _said({"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]})

    def _hide(self, receipt: str, seconds: int) -> tuple[int, str]:
        self.visible_in[receipt] = seconds
        return _said({})

    def _secret_value(self) -> tuple[int, str]:
        return _said({"SecretString": self.secret}) if self.secret else _error("ResourceNotFoundException")

    def _put_secret(self, request: dict[str, Any]) -> tuple[int, str]:
        self.secret = request["SecretString"]
        return _said({})

    def _query(self, request: dict[str, Any]) -> tuple[int, str]:
        assert request["IndexName"] == request["KeyConditionExpression"].partition(" = :")[0] == "correlationId"
        wanted = request["ExpressionAttributeValues"][":correlationId"]
        found = [item for item in self.table.items.values() if item.get("correlationId") == wanted]

        def place(item: dict[str, Any]) -> tuple[str, str]:
            return item["linkSentAt"]["S"], item["verificationId"]["S"]

        found.sort(key=place, reverse=not request.get("ScanIndexForward", True))
        if follows := request.get("ExclusiveStartKey"):
            assert set(follows) == {"correlationId", "linkSentAt", "verificationId"}
            found = [item for item in found if place(item) < place(follows)]
        return _said({"Items": found[: request["Limit"]]})

    def _get_batch(self, request: dict[str, Any]) -> tuple[int, str]:
        [(table, asked)] = request["RequestItems"].items()
        if table != _TABLE:
            return _error("ResourceNotFoundException")
        keys, left = asked["Keys"], []
        if self.unprocessed:
            self.unprocessed -= 1
            keys, left = keys[:-1], keys[-1:]
        # In an order of its own, and nothing at all where the read is not consistent.
        found = [self.table.items.get(key["verificationId"]["S"]) for key in reversed(keys) if asked["ConsistentRead"]]
        unprocessed = {table: asked | {"Keys": left}} if left else {}
        return _said({"Responses": {table: [item for item in found if item]}, "UnprocessedKeys": unprocessed})


def _said(answer: dict[str, Any]) -> tuple[int, str]:
    return 200, json.dumps(answer)


def _error(code: str, **more: Any) -> tuple[int, str]:
    return 400, json.dumps({"__type": code, "message": "refused", **more})


@dataclass
class Context:
    """The context that Lambda passes to a handler."""

    remaining_millis: int = 50_000
    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id: str = "2f0c1c5e-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_millis


def print_logs() -> None:
    """Lets the handlers' logger write to the standard output of this test instead of that of its first import."""
    for handler in logging.getLogger("linkwatch").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.stream = sys.stdout  # setStream would flush the closed one


def logged_in(printed: str, level: str) -> list[dict[str, Any]]:
    """Returns the log lines of a level from what a handler has printed."""
    return [line for line in map(json.loads, printed.splitlines()) if line.get("level") == level]


def metrics_in(printed: str) -> dict[tuple[str, ...], Any]:
    """Returns the metrics from what a handler has printed (embedded metric format), by their names and dimensions."""
    found: dict[tuple[str, ...], Any] = {}
    for line in map(json.loads, printed.splitlines()):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            for metric in directive["Metrics"]:
                dimensions = sorted(f"{name}={line[name]}" for name in directive["Dimensions"][0])
                value = line[metric["Name"]]
                found[metric["Name"], *dimensions] = sum(value) if isinstance(value, list) else value
    return found
