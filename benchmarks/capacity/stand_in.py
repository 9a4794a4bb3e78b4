"""An HTTP server that answers what recovery asks of DynamoDB and Step Functions, after AWS's latencies and within its quotas.

It runs in a process of its own, so that its work does not count as the sweep's.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import batched, islice
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.capacity.quotas import ASSUMED_SECONDS, Bucket

STATE_MACHINE_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:linkwatch-LinkWatch"
_EXECUTION_ARN = STATE_MACHINE_ARN.replace(":stateMachine:", ":execution:")
#: DynamoDB ends a Scan's page at 1 MB of items; ours have some 280 bytes
#: (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html).
_ITEMS_A_PAGE = 1_000_000 // 280

#: When all were started: so long ago that a sweep does not ignore them.
_STARTED_AT = time.time() - 60

Answer = tuple[int, dict[str, Any] | bytes]


@dataclass(frozen=True)
class Case:
    """What a sweep finds: so many open verifications. The executions of some have failed, others were never started, and the rest
    is running.
    """

    regions: str
    open: int
    failed: int = 0
    never_started: int = 0


class StandIn:
    """One account with the verifications of a case. calls, refused: by operation."""

    def __init__(self, case: Case) -> None:
        self.calls: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        limited = ("StartExecution", "DescribeExecution", "ListExecutions")
        self._buckets = {operation: Bucket.of(case.regions, operation) for operation in limited}
        ids = [f"{number:024x}-{number:024x}" for number in range(case.open)]
        # Dictionaries for their order.
        self._ended = dict.fromkeys(ids[: case.failed])
        self._running = dict.fromkeys(ids[case.failed + case.never_started :])
        self._pages = [
            _as_json({"Items": [_item(i) for i in page], "Count": len(page)})
            for page in batched(ids, _ITEMS_A_PAGE, strict=False)
        ]
        self._began = time.monotonic()

    def answer(self, operation: str, request: dict[str, Any]) -> Answer:
        """A status and a body."""
        self.calls[operation] += 1
        if operation in self._buckets and not self._buckets[operation].take_now(time.monotonic() - self._began):
            self.refused[operation] += 1
            return 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}
        return getattr(self, f"_{operation}")(request)

    def _StartExecution(self, request: dict[str, Any]) -> Answer:  # noqa: N802  AWS's name
        if request["name"] in self._ended:
            return 400, {"__type": "ExecutionAlreadyExists", "message": "Execution Already Exists"}
        self._running[request["name"]] = None
        return 200, {"executionArn": f"{_EXECUTION_ARN}:{request['name']}", "startDate": time.time()}

    def _DescribeExecution(self, request: dict[str, Any]) -> Answer:  # noqa: N802
        name = request["executionArn"].removeprefix(f"{_EXECUTION_ARN}:")
        return 200, _execution(name, "FAILED" if name in self._ended else "RUNNING")

    def _ListExecutions(self, request: dict[str, Any]) -> Answer:  # noqa: N802
        status, begin, size = request["statusFilter"], int(request.get("nextToken", 0)), request.get("maxResults", 100)
        listed = self._running if status == "RUNNING" else self._ended if status == "FAILED" else {}
        page = {"executions": [_execution(name, status) for name in islice(listed, begin, begin + size)]}
        return 200, page | ({"nextToken": str(begin + size)} if begin + size < len(listed) else {})

    def _Scan(self, request: dict[str, Any]) -> Answer:  # noqa: N802
        number = int(request.get("ExclusiveStartKey", {}).get("verificationId", {}).get("S", 0))
        page = self._pages[number] if self._pages else b'{"Items":[]}'
        if number + 1 < len(self._pages):
            page = page[:-1] + b',"LastEvaluatedKey":{"verificationId":{"S":"%d"}}}' % (number + 1)
        return 200, page

    def _UpdateItem(self, request: dict[str, Any]) -> Answer:  # noqa: N802
        return 200, {"Attributes": request["Key"]}


def _item(verification_id: str) -> dict[str, dict[str, str]]:
    started_at, deadline = (
        time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(_STARTED_AT + after)) for after in (0, 300)
    )
    return {
        "verificationId": {"S": verification_id},
        "executionName": {"S": verification_id},
        "takeovers": {"N": "0"},
        "startedAt": {"S": started_at},
        "openVerifications": {"S": deadline},
    }


def _execution(name: str, status: str) -> dict[str, Any]:
    at = {"startDate": _STARTED_AT} | ({} if status == "RUNNING" else {"stopDate": _STARTED_AT + 1})
    return {
        "executionArn": f"{_EXECUTION_ARN}:{name}",
        "stateMachineArn": STATE_MACHINE_ARN,
        "name": name,
        "status": status,
    } | at


def _as_json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def serve(case: Case, to_parent: Connection) -> None:
    """Serves a case on a port of the loopback until it is ended; sends the port first. GET / gives the numbers of calls."""
    asyncio.run(_serve(StandIn(case), to_parent))


async def _serve(stand_in: StandIn, to_parent: Connection) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for operation, request in _requests(reader):
            if operation:
                status, body = stand_in.answer(operation, request)
                await asyncio.sleep(ASSUMED_SECONDS[operation])
            else:
                status, body = 200, {"calls": stand_in.calls, "refused": stand_in.refused}
            content = body if isinstance(body, bytes) else _as_json(body)
            head = f"HTTP/1.1 {status} -\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(content)}\r\n\r\n"
            writer.write(head.encode() + content)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    to_parent.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """The operation, empty for a GET, and its arguments."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            content = await reader.readexactly(int(headers.get("content-length", 0)))
            yield headers.get("x-amz-target", "").rpartition(".")[2], json.loads(content or b"{}")
