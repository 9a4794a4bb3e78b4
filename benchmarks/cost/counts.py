"""What a verification does, counted by running definitions on the second engine under a clock that only they move.

The engine is the tests' because that is where it is kept true; nothing of it is deployed.
"""

import json
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.definition.engine.interpreter import program, run

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


@dataclass
class _Host:
    """Runs a definition for a link that was sent at 0 and is clicked at some time; calls take no time."""

    clicked_at_ms: float
    versions: list[Item]
    name: str = "verification"
    input: dict[str, Any] = field(default_factory=lambda: {"verificationId": "verification"})
    states: list[str] = field(default_factory=list)
    called: Counter[str] = field(default_factory=Counter)
    _now_ms: int = 0

    def now(self) -> int:
        return self._now_ms

    def entered(self, state: str) -> None:
        self.states.append(state)

    def back_off(self, state: str, seconds: float) -> None:
        raise AssertionError(f"nothing fails here, {state} did")

    def wait_until(self, state: str, moment: int) -> None:
        self._now_ms = max(self._now_ms, moment)

    def call(self, state: str, resource: str, arguments: dict[str, Any], timeout_seconds: int) -> dict[str, Any]:
        self.called[f"{resource.rpartition(':::')[2]} {arguments.get('FunctionName', '')}".strip()] += 1
        match resource.rpartition(":::")[2]:
            case "lambda:invoke":
                return {"Payload": _CLICKED if self._now_ms >= self.clicked_at_ms else _NOT_CLICKED}
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
        "executionName": ids.verification_id,
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
    host = _run(json.dumps(substituted()), clicked_after)
    return Counts(
        states=host.states,
        checks=host.called["lambda:invoke CheckLinkFunction"],
        other_lambdas=2,  # the entry point, MeasureOutcomes
        table_reads=host.called["dynamodb:getItem"],
        table_writes=len(host.versions),
        index_writes=_index_writes(host.versions),
        events=host.called["events:putEvents"],
    )


@cache
def usual_loop(clicked_after: float | None) -> Counts:
    """AWS's job poller with a count. Each step is a Lambda; register and store write the table."""
    host = _run(_USUAL_LOOP.read_text("utf-8"), clicked_after)
    checks = host.called["lambda:invoke check"]
    others = host.called.total() - checks
    return Counts(host.states, checks, other_lambdas=1 + others, table_reads=0, table_writes=2, index_writes=0)


def _run(definition: str, clicked_after: float | None) -> _Host:
    host = _Host(math.inf if clicked_after is None else clicked_after * 1000, [_new_item()])
    status, _ = run(program(definition), host)
    assert status == "SUCCEEDED"
    return host
