"""Measures one sweep, with the function's time-out and its own AWS clients, whose calls are answered before they are sent: after
AWS's latencies and within its quotas. What HTTP itself costs is not measured.
"""

import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import batched, islice
from threading import Lock
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

from benchmarks.capacity.quotas import CALL_SECONDS, REGIONS, Bucket, properties_of
from linkwatch import recovery
from linkwatch.executions import Executions
from linkwatch.recovery import Sweep
from linkwatch.table import Table

TIMEOUT_SECONDS: int = properties_of("RecoverUnfinished")["Timeout"]
#: What a sweep may find among so many open verifications: how many executions have failed, how many were never started.
CASES: dict[str, Callable[[int], tuple[int, int]]] = {
    "all are running": lambda _: (0, 0),
    "one in forty has failed": lambda n: (n // 40, 0),
    "none was started": lambda n: (0, n),
    "all have failed": lambda n: (n, 0),
}
#: DynamoDB ends a Scan's page at 1 MB of items; ours have some 280 bytes
#: (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html).
_ITEMS_A_PAGE = 1_000_000 // 280
_MACHINE_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:LinkWatch"
_EXECUTION_ARN = _MACHINE_ARN.replace(":stateMachine:", ":execution:")

Answer = tuple[int, dict[str, Any]]


class _Body(io.BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()


class Account:
    """An account with so many open verifications, all started a minute ago. The executions of some have failed, others were never
    started, and the rest is running. calls: by operation.
    """

    def __init__(self, region: str, is_open: int, failed: int = 0, never_started: int = 0) -> None:
        self.calls: Counter[str] = Counter()
        self._buckets = {name: Bucket(*quota) for name, quota in REGIONS[region].items() if name != "names"}
        self._began, self._lock, self._started_at = time.monotonic(), Lock(), time.time() - 60
        ids = [f"{number:024x}-{number:024x}" for number in range(is_open)]
        # Dictionaries for their order.
        self._ended, self._running = dict.fromkeys(ids[:failed]), dict.fromkeys(ids[failed + never_started :])
        self._pages = [[self._item(each) for each in page] for page in batched(ids, _ITEMS_A_PAGE, strict=False)]

    def answer(self, request: Any, **_: Any) -> Any:
        """A handler for botocore's event before-send."""
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        time.sleep(CALL_SECONDS[operation])
        with self._lock:
            self.calls[operation] += 1
            bucket = self._buckets.get(operation)
            if bucket and not bucket.take_now(time.monotonic() - self._began):
                status, body = 400, {"__type": "ThrottlingException"}
            else:
                status, body = getattr(self, f"_{operation}")(json.loads(request.body))
        return AWSResponse(request.url, status, HTTPHeaders(), _Body(json.dumps(body).encode()))

    def _StartExecution(self, request: dict[str, Any]) -> Answer:  # noqa: N802  AWS's name
        if request["name"] in self._ended:
            return 400, {"__type": "ExecutionAlreadyExists"}
        self._running[request["name"]] = None
        return 200, {"executionArn": f"{_EXECUTION_ARN}:{request['name']}", "startDate": time.time()}

    def _DescribeExecution(self, request: dict[str, Any]) -> Answer:  # noqa: N802
        name = request["executionArn"].removeprefix(f"{_EXECUTION_ARN}:")
        return 200, self._execution(name, "FAILED" if name in self._ended else "RUNNING")

    def _ListExecutions(self, request: dict[str, Any]) -> Answer:  # noqa: N802
        status, begin, size = request["statusFilter"], int(request.get("nextToken", 0)), request["maxResults"]
        listed = {"RUNNING": self._running, "FAILED": self._ended}.get(status, {})
        page = {"executions": [self._execution(name, status) for name in islice(listed, begin, begin + size)]}
        return 200, page | ({"nextToken": str(begin + size)} if begin + size < len(listed) else {})

    def _Scan(self, request: dict[str, Any]) -> Answer:  # noqa: N802
        following = int(request.get("ExclusiveStartKey", {}).get("verificationId", {}).get("S", 0)) + 1
        page = {"Items": self._pages[following - 1]}
        more = {"LastEvaluatedKey": {"verificationId": {"S": str(following)}}} if following < len(self._pages) else {}
        return 200, page | more

    def _UpdateItem(self, request: dict[str, Any]) -> Answer:  # noqa: N802
        return 200, {"Attributes": request["Key"]}

    def _item(self, verification_id: str) -> dict[str, dict[str, str]]:
        started_at = datetime.fromtimestamp(self._started_at, UTC).isoformat()
        texts = {"verificationId": verification_id, "executionName": verification_id, "startedAt": started_at}
        return {name: {"S": text} for name, text in (texts | {"openVerifications": "2099"}).items()} | {
            "takeovers": {"N": "0"}
        }

    def _execution(self, name: str, status: str) -> dict[str, Any]:
        known = {"executionArn": f"{_EXECUTION_ARN}:{name}", "stateMachineArn": _MACHINE_ARN, "name": name}
        ended = {} if status == "RUNNING" else {"stopDate": self._started_at + 1}
        return known | {"status": status, "startDate": self._started_at} | ended


def sweep(account: Account) -> tuple[Sweep, float]:
    """Runs one sweep of an account. Returns what it did and its duration in seconds."""
    session = boto3.Session("none", "none", region_name="us-east-1")
    config = Config(retries={"mode": "legacy", "total_max_attempts": 2})  # as in recover_unfinished.py
    step_functions, dynamodb = session.client("stepfunctions", config=config), session.client("dynamodb", config=config)
    for client in (step_functions, dynamodb):
        client.meta.events.register("before-send", account.answer)
    executions, table = Executions(step_functions, _MACHINE_ARN), Table(dynamodb, "Verifications")
    began = time.monotonic()
    swept = recovery.sweep(datetime.now(UTC), lambda: TIMEOUT_SECONDS - (time.monotonic() - began), executions, table)
    return swept, time.monotonic() - began
