"""make bench WHAT=capacity: what AWS's default quotas allow, and how far one sweep gets. Prints the tables of docs/capacity.md.

A sweep runs with the function's time-out and its own AWS clients, whose calls are answered before they are sent: after assumed
latencies and within AWS's quotas. What HTTP itself costs is not measured.
"""

import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched, islice
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from cfnlint.decode.cfn_yaml import loads as load_yaml

from linkwatch import recovery
from linkwatch.executions import Executions
from linkwatch.table import Table

_TEMPLATE: dict[str, Any] = load_yaml((Path(__file__).parents[1] / "template.yaml").read_text("utf-8"))
TIMEOUT_SECONDS: int = _TEMPLATE["Resources"]["RecoverUnfinished"]["Properties"]["Timeout"]
INTERVAL_SECONDS = int(_TEMPLATE["Parameters"]["PollIntervalSeconds"]["Default"])
#: The transitions of one check, and of a verification that expires with the default schedule: 3 × 30 + 5.
TRANSITIONS_OF_A_CHECK, TRANSITIONS_OF_AN_EXPIRY = 3, 95
#: Of the large regions (us-east-1, us-west-2, eu-west-1) and of others, as of 2026-11. A new account may have less. Transitions a
#: second, and of each call how many at once and a second (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
TRANSITIONS = {"large": 5000, "other": 800}
CALLS = {
    "large": {"StartExecution": (1300, 300), "ListExecutions": (200, 5)},
    "other": {"StartExecution": (800, 150), "ListExecutions": (100, 2)},
}
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_CONCURRENCY = 1000
#: How long a call takes. AWS does not publish it: these are assumed, on the slow side. ListExecutions gives 1,000, Scan 1 MB.
CALL_SECONDS = {"Scan": 0.1, "ListExecutions": 0.2, "UpdateItem": 0.01, "StartExecution": 0.05}
#: DynamoDB ends a Scan's page at 1 MB of items; ours have some 280 bytes
#: (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html).
_ITEMS_A_PAGE = 1_000_000 // 280
_MACHINE_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:LinkWatch"
_OPEN = 20_000
#: What a sweep may find among these: how many executions have failed, how many were never started.
_CASES = {
    "all are running": (0, 0),
    "one in forty has failed": (_OPEN // 40, 0),
    "none was started": (0, _OPEN),
    "all have failed": (_OPEN, 0),
}


@dataclass
class Bucket:
    """A token bucket, full at first, as AWS counts calls. Times are in seconds, and do not go back."""

    size: float
    refill: float
    _empty_until: float = 0

    def take(self, at: float) -> bool:
        """Takes a token if there is one."""
        empty_until = max(self._empty_until, at) + 1 / self.refill
        if empty_until - self.size / self.refill > at + 1e-9:
            return False
        self._empty_until = empty_until
        return True


class Account:
    """An account with so many open verifications, all started a minute ago. The executions of some have failed, others were never
    started, and the rest is running. calls: by operation.
    """

    def __init__(self, region: str, is_open: int, failed: int = 0, never_started: int = 0) -> None:
        self.calls: Counter[str] = Counter()
        self._buckets = {operation: Bucket(*quota) for operation, quota in CALLS[region].items()}
        self._began, self._lock, self._started_at = time.monotonic(), Lock(), time.time() - 60
        ids = [f"{number:024x}-{number:024x}" for number in range(is_open)]
        # Dictionaries for their order.
        self._ended, self._running = dict.fromkeys(ids[:failed]), dict.fromkeys(ids[failed + never_started :])
        self._pages = [[self._item(each) for each in page] for page in batched(ids, _ITEMS_A_PAGE, strict=False)]

    def answer(self, request: Any, **_: Any) -> Any:
        """A handler for botocore's event before-send."""
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        time.sleep(CALL_SECONDS[operation])
        with self._lock:
            self.calls[operation] += 1
            bucket = self._buckets.get(operation)
            if bucket and not bucket.take(time.monotonic() - self._began):
                body = {"__type": "ThrottlingException"}
            else:
                body = self._body(operation, json.loads(request.body))
        status, content = 400 if "__type" in body else 200, json.dumps(body).encode()
        return AWSResponse(request.url, status, HTTPHeaders(), SimpleNamespace(stream=lambda: [content]))

    def _body(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        match operation:
            case "Scan":
                begin = int(request.get("ExclusiveStartKey", {}).get("verificationId", {}).get("S", 0))
                following = {"LastEvaluatedKey": {"verificationId": {"S": str(begin + 1)}}}
                return {"Items": self._pages[begin]} | (following if begin + 1 < len(self._pages) else {})
            case "ListExecutions":
                status, begin = request["statusFilter"], int(request.get("nextToken", 0))
                listed = {"RUNNING": self._running, "FAILED": self._ended}.get(status, {})
                end = begin + request["maxResults"]
                page = {"executions": [self._execution(name, status) for name in islice(listed, begin, end)]}
                return page | ({"nextToken": str(end)} if end < len(listed) else {})
            case "UpdateItem":
                return {"Attributes": request["Key"]}
        if request["name"] in self._ended:
            return {"__type": "ExecutionAlreadyExists"}
        self._running[request["name"]] = None
        return self._execution(request["name"], "RUNNING")

    def _item(self, verification_id: str) -> dict[str, dict[str, str]]:
        started_at = datetime.fromtimestamp(self._started_at, UTC).isoformat()
        name, others = {"S": verification_id}, {"openVerifications": {"S": "2099"}, "takeovers": {"N": "0"}}
        return {"verificationId": name, "executionName": name, "startedAt": {"S": started_at}, **others}

    def _execution(self, name: str, status: str) -> dict[str, Any]:
        known = {"executionArn": name, "name": name, "status": status, "startDate": self._started_at}
        return known if status == "RUNNING" else known | {"stopDate": self._started_at + 1}


def sweep(account: Account) -> tuple[recovery.Sweep, float]:
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


def main() -> int:
    """0 if each sweep ended before its function's time-out, 1 if not."""
    print("| default quotas allow | large regions | other regions |\n|---|--:|--:|")
    large, other = (each / TRANSITIONS_OF_A_CHECK * INTERVAL_SECONDS // 100 * 100 for each in TRANSITIONS.values())
    print(
        f"| open at once, by state transitions ({TRANSITIONS_OF_A_CHECK} for a check) | {large:,.0f} | {other:,.0f} |"
    )
    by_lambda = LAMBDA_CONCURRENCY * INTERVAL_SECONDS
    print(f"| open at once, by Lambda, if all are checked in one moment | {by_lambda:,} | {by_lambda:,} |")
    large, other = (each // TRANSITIONS_OF_AN_EXPIRY for each in TRANSITIONS.values())
    print(f"| started a second, if all expire ({TRANSITIONS_OF_AN_EXPIRY} transitions each) | {large} | {other} |")
    print(f"\n| {_OPEN:,} open | large regions: s, started, left | other regions: s, started, left |\n|---|--:|--:|")
    in_time = True
    for name, (failed, never_started) in _CASES.items():
        cells: list[str] = []
        for region in CALLS:
            swept, seconds = sweep(Account(region, _OPEN, failed, never_started))
            in_time &= seconds < TIMEOUT_SECONDS
            cells.append(f"{seconds:.0f}, {len(swept.recovered):,}, {swept.left + len(swept.failures):,}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 0 if in_time else 1


if __name__ == "__main__":
    sys.exit(main())
