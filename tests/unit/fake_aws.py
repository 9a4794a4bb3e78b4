"""AWS, as far as the handlers call it through a real boto3. As strict about requests to the table as DynamoDB is
(tests/definition/engine/dynamodb.py).
"""

import json
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from botocore.awsrequest import AWSResponse

from tests.definition.engine.boto3_session import response
from tests.definition.engine.dynamodb import AwsError, InMemoryTable

#: No request to it leaves the process.
ENDPOINT_URL = "http://aws.test"
#: The only machine, table of verifications and queues that there are.
STATE_MACHINE_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:LinkWatch"
_TABLE = "Verifications"
_QUEUES = {
    "SendMessage": "InstantLinkSentDeadLetters",
    "ChangeMessageVisibilityBatch": "InstantLinkSentQueue",
    "ChangeMessageVisibility": "Outcomes",  # of examples/webhook
}


@dataclass
class FakeAws:
    """executions: by name, each with its input, its status, its start and its end. refused: the operations that are refused.
    refuses: is told of each call, and refuses it by returning True. page: the length of a page of a list. unprocessed: how many
    calls of BatchGetItem leave their last key to the next call. visible_in: seconds, by receipt handle. decisions: the table of
    examples/consumer. secret: the value of the only one, None where it has none; previous_secret: the one before.
    """

    table: InMemoryTable = field(default_factory=lambda: InMemoryTable("verificationId", ["openVerifications"]))
    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    refuses: Callable[[str, dict[str, Any]], bool] = lambda *_: False
    called: list[str] = field(default_factory=list)
    page: int = 1_000
    messages: list[dict[str, str]] = field(default_factory=list)
    visible_in: dict[str, int] = field(default_factory=dict)
    unprocessed: int = 0
    decisions: InMemoryTable = field(default_factory=lambda: InMemoryTable("verificationId"))
    secret: str | None = None
    previous_secret: str | None = None

    def answer(self, request: Any, **_: Any) -> AWSResponse | None:
        """Takes botocore's event before-send. None leaves a request to the network."""
        if not request.url.startswith(ENDPOINT_URL):
            return None
        operation, asked = request.headers["X-Amz-Target"].decode().rpartition(".")[2], json.loads(request.body)
        self.called.append(operation)
        try:
            status, answer = 200, self._result(operation, asked)
        except AwsError as error:
            status, answer = 400, {"__type": error.code, **error.more}
        return response(request.url, status, answer)

    def _result(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        if operation in self.refused or self.refuses(operation, asked):
            raise AwsError("AccessDeniedException")
        if asked.get("stateMachineArn", STATE_MACHINE_ARN) != STATE_MACHINE_ARN:
            raise AwsError("StateMachineDoesNotExist")
        if operation in _QUEUES and not asked["QueueUrl"].endswith(f"/{_QUEUES[operation]}"):
            raise AwsError("QueueDoesNotExist")
        table = {_TABLE: self.table, "Decisions": self.decisions}[asked.get("TableName", _TABLE)]
        results: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "PutItem": table.put_item,
            "UpdateItem": table.update_item,
            # A read that is not consistent may miss what was written a moment ago.
            "GetItem": lambda it: table.get_item(it) if it.get("ConsistentRead") else {},
            "BatchGetItem": self._get_batch,
            "Query": self._query,
            "Scan": self._scan,
            "StartExecution": self._start,
            "DescribeExecution": lambda it: self.executions[it["executionArn"].rpartition(":")[2]],
            "StopExecution": self._stop,
            "ListExecutions": self._list,
            "SendMessage": self._send,
            "ChangeMessageVisibilityBatch": self._change_visibility,
            "ChangeMessageVisibility": self._change_visibility,
            "GetSecretValue": self._secret_value,
        }
        return results[operation](asked)

    # ── DynamoDB ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _get_batch(self, request: dict[str, Any]) -> dict[str, Any]:
        """Items in an order of its own, and none where the read is not consistent."""
        asked = request["RequestItems"][_TABLE]
        keys, left = asked["Keys"], []
        if self.unprocessed:
            self.unprocessed -= 1
            keys, left = keys[:-1], keys[-1:]
        found = [self.table.items.get(key["verificationId"]["S"]) for key in reversed(keys) if asked["ConsistentRead"]]
        unprocessed = {_TABLE: asked | {"Keys": left}} if left else {}
        return {"Responses": {_TABLE: [item for item in found if item]}, "UnprocessedKeys": unprocessed}

    def _query(self, request: dict[str, Any]) -> dict[str, Any]:
        assert request["IndexName"] == request["KeyConditionExpression"].partition(" = :")[0] == "correlationId"
        wanted = request["ExpressionAttributeValues"][":correlationId"]
        found = [item for item in self.table.items.values() if item.get("correlationId") == wanted]

        def place(item: dict[str, Any]) -> tuple[str, str]:
            return item["linkSentAt"]["S"], item["verificationId"]["S"]

        found.sort(key=place, reverse=not request.get("ScanIndexForward", True))
        if follows := request.get("ExclusiveStartKey"):
            assert set(follows) == {"correlationId", "linkSentAt", "verificationId"}
            found = [item for item in found if place(item) < place(follows)]
        return {"Items": found[: request["Limit"]]}

    def _scan(self, request: dict[str, Any]) -> dict[str, Any]:
        at = int(request.get("ExclusiveStartKey", {"at": {"N": "0"}})["at"]["N"])
        found = [item for item in self.table.items.values() if "openVerifications" in item]
        end = at + self.page
        return {"Items": found[at:end], **({"LastEvaluatedKey": {"at": {"N": str(end)}}} if found[end:] else {})}

    # ── Step Functions ────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        known = self.executions.get(request["name"])
        if known and (known["status"], known["input"]) != ("RUNNING", request["input"]):
            raise AwsError("ExecutionAlreadyExists")
        self.executions[request["name"]] = {"status": "RUNNING", "input": request["input"], "startDate": time.time()}
        return {"executionArn": request["name"], "startDate": time.time()}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        self.executions[request["executionArn"].rpartition(":")[2]] |= {"status": "ABORTED", "stopDate": time.time()}
        return {"stopDate": time.time()}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        """The latest first."""
        at = int(request.get("nextToken", "0"))
        found = [it | {"name": name} for name, it in self.executions.items() if it["status"] == request["statusFilter"]]
        found.sort(key=lambda it: it["startDate"], reverse=True)
        end = at + self.page
        return {"executions": found[at:end], **({"nextToken": str(end)} if found[end:] else {})}

    # ── SQS and Secrets Manager ───────────────────────────────────────────────────────────────────────────────────────

    def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        self.messages.append(request)
        return {"MessageId": "1"}

    def _change_visibility(self, request: dict[str, Any]) -> dict[str, Any]:
        """Of one message, or of the entries of a batch."""
        entries = request.get("Entries", [request])
        self.visible_in |= {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in entries}
        return {"Successful": [{"Id": entry.get("Id", "")} for entry in entries]}

    def _secret_value(self, request: dict[str, Any]) -> dict[str, Any]:
        value = self.previous_secret if request.get("VersionStage") == "AWSPREVIOUS" else self.secret
        if value is None:
            raise AwsError("ResourceNotFoundException")
        return {"SecretString": value}


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


class Function:
    """A function's handler, by the name of its module, and what its last call has printed: lines of JSON."""

    def __init__(self, name: str, capsys: Any) -> None:
        # It reads the environment when it is imported.
        self._handler, self._capsys = import_module(name).handler, capsys
        self.lines: list[dict[str, Any]] = []

    def __call__(self, event: dict[str, Any], context: Context | None = None) -> Any:
        for handler in logging.getLogger("linkwatch").handlers:
            if isinstance(handler, logging.StreamHandler):
                # Of this test, not of its first import; setStream would flush the closed one.
                handler.stream = sys.stdout
        try:
            return self._handler(event, context or Context())
        finally:
            self.lines = list(map(json.loads, self._capsys.readouterr().out.splitlines()))

    def logged(self, level: str) -> list[dict[str, Any]]:
        """Its log lines of a level."""
        return [line for line in self.lines if line.get("level") == level]

    @property
    def metrics(self) -> dict[str, Any]:
        """Its metrics (embedded metric format), by their names, each followed by its dimensions but for the service, which all
        have.
        """
        found: dict[str, Any] = {}
        for line in self.lines:
            for directive in line.get("_aws", {}).get("CloudWatchMetrics", ()):
                (dimensions,) = directive["Dimensions"]
                assert ("service" in dimensions, line["service"]) == (True, "linkwatch")
                others = [f"{name}={line[name]}" for name in sorted(set(dimensions) - {"service"})]
                for metric in directive["Metrics"]:
                    value = line[metric["Name"]]
                    found[" ".join([metric["Name"], *others])] = sum(value) if isinstance(value, list) else value
        return found
