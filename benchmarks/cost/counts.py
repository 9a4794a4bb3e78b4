"""What a verification does, counted by running definitions on sfnx.testing under a clock that only they move."""

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from sfnx import testing

from linkwatch.model import iso_from, parse_ids
from tests.definition.engine.definition import RESOURCES, default_of, substituted

_USUAL_LOOP = Path(__file__).with_name("usual_loop.asl.json")
_INDEXES = RESOURCES["Verifications"]["Properties"]["GlobalSecondaryIndexes"]
_NOT_CLICKED = {"answer": "PENDING", "reason": None, "result": None}
_CLICKED = {
    "answer": "CLICKED",
    "reason": None,
    "result": {"carrier": "Verizon", "ipAddressMatch": True, "phoneMatch": "true"},
}

Item = dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """One verification. states: those entered, in order; each is a transition. entry and outcome Lambdas are other_lambdas."""

    states: list[str]
    checks: int
    other_lambdas: int
    table_reads: int
    table_writes: int
    index_writes: int
    events: int = 1

    @property
    def transitions(self) -> int:
        return len(self.states)


class _Account:
    """What a definition calls, for a link that was sent at 0 and is clicked at some time. Calls take no time."""

    def __init__(self, clicked_at_ms: float, item: Item) -> None:
        self._clicked_at_ms = clicked_at_ms
        self.versions = [item]
        self.called: Counter[str] = Counter()
        self.now_ms = 0

    def wait(self, wait: testing.Wait) -> None:
        if wait.timestamp:
            until = int(datetime.fromisoformat(wait.timestamp).timestamp()) * 1000
        else:
            until = self.now_ms + 1000 * (wait.seconds or 0)
        self.now_ms = max(self.now_ms, until)

    def call(self, call: testing.Call) -> object:
        service = call.resource.rpartition(":::")[2]
        arguments: Any = call.arguments
        self.called[f"{service} {arguments.get('FunctionName', '')}".strip()] += 1
        match service:
            case "lambda:invoke":
                return {"Payload": _CLICKED if self.now_ms >= self._clicked_at_ms else _NOT_CLICKED}
            case "dynamodb:getItem":
                return {"Item": self.versions[-1]}
            case "dynamodb:updateItem":
                self.versions.append(_updated(self.versions[-1], arguments))
                return {"Attributes": self.versions[-1]}
            case _:
                return {}


def _updated(item: Item, update: dict[str, Any]) -> Item:
    """As far as the definition's own updates go: SET of values, REMOVE of names."""
    names, values = update.get("ExpressionAttributeNames", {}), update["ExpressionAttributeValues"]
    set_part, _, remove_part = update["UpdateExpression"].removeprefix("SET ").partition(" REMOVE ")
    set_to = {names.get(name, name): values[value] for name, value in re.findall(r"(#?\w+) = (:\w+)", set_part)}
    return {name: value for name, value in (item | set_to).items() if name not in remove_part.split(", ")}


def _new_item() -> Item:
    """As an entry point puts it (functions/linkwatch/verifications.py), for a link that was sent at 0."""
    start, deadline = (iso_from(datetime.fromtimestamp(at, UTC)) for at in (0, default_of("WindowSeconds")))
    ids = parse_ids("a" * 24, "b" * 24)
    assert ids
    texts = {
        "verificationId": ids.verification_id,
        "requestId": ids.request_id,
        "sessionId": ids.session_id,
        "correlationId": "order-1",
        "schemaVersion": "1.0",
        "status": "WATCHING",
        "linkSentAt": start,
        "deadline": deadline,
        "openVerifications": deadline,
        "executionName": "execution",  # sfnx.testing gives every execution this name
        "startId": "request",
        "startedAt": start,
        "source": "API",
    }
    return {name: {"S": text} for name, text in texts.items()} | {"takeovers": {"N": "0"}}


def _index_writes(versions: list[Item]) -> int:
    """A write of the table is one of an index, too, where what the index holds of the item changes, comes or goes."""

    def held(index: dict[str, Any], item: Item) -> Item | None:
        keys = [key["AttributeName"] for key in index["KeySchema"]]
        projection = index["Projection"]
        if not all(key in item for key in keys):
            return None
        if projection["ProjectionType"] == "ALL":
            return item
        return {name: item.get(name) for name in (*keys, *projection.get("NonKeyAttributes", []))}

    seen = [[held(index, item) for item in ({}, *versions)] for index in _INDEXES]
    return sum(after != before for of_one in seen for before, after in pairwise(of_one))


@cache
def linkwatch(clicked_after: float | None) -> Counts:
    """The shipped definition, and the entry point's own write. clicked_after: seconds after the link was sent, None for never."""
    states, account = _run(substituted(), clicked_after)
    return Counts(
        states=states,
        checks=account.called["lambda:invoke CheckLink"],
        other_lambdas=2,  # the entry point, MeasureOutcomes
        table_reads=account.called["dynamodb:getItem"],
        table_writes=len(account.versions),
        index_writes=_index_writes(account.versions),
        events=account.called["events:putEvents"],
    )


@cache
def usual_loop(clicked_after: float | None) -> Counts:
    """AWS's job poller with a count. Each step is a Lambda; register and store write the table."""
    states, account = _run(json.loads(_USUAL_LOOP.read_text("utf-8")), clicked_after)
    checks = account.called["lambda:invoke check"]
    others = account.called.total() - checks
    return Counts(states, checks, other_lambdas=1 + others, table_reads=0, table_writes=2, index_writes=0)


def _run(definition: dict[str, Any], clicked_after: float | None) -> tuple[list[str], _Account]:
    account = _Account(math.inf if clicked_after is None else clicked_after * 1000, _new_item())
    ended = testing.run(
        definition,
        {"verificationId": "verification"},
        account.call,
        functions={"millis": lambda: account.now_ms},
        on_wait=account.wait,
    )
    assert ended.error is None, ended.cause
    return list(ended.states), account
