"""What a verification does, counted by running definitions on the second engine of tests/definition under a virtual clock.

The engine is a test's because that is where it is kept true; nothing of it is deployed.
"""

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.definition.second_engine import program, run
from tests.definition.told import CLICKED, GRID, PENDING, Told

#: An Express workflow may run for five minutes, and a stretch has to end before that.
LONGEST_STRETCH_SECONDS = 290
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Counts:
    """One verification. express_seconds: of waiting children, in all."""

    transitions: int
    checks: int
    other_lambdas: int = 0
    table_writes: int = 0
    index_writes: int = 0
    events: int = 0
    express_children: int = 0
    express_seconds: float = 0


def linkwatch(clicked_after: float | None) -> Counts:
    """The shipped definition, and the door's own write. clicked_after: seconds after the link was sent, None for never."""
    told = Told(answers=((0, PENDING), (round(clicked_after * 1000), CLICKED)) if clicked_after else ((0, PENDING),))
    writes = len([who for _, who, _ in told.account.versions])
    in_index = [("openVerifications" in item, item["executionName"]["S"]) for _, _, item in told.account.versions]
    return Counts(
        transitions=len(told.first.entered_states),
        checks=len(told.checks),
        other_lambdas=1 + len(told.account.events),  # the door, and MeasureOutcomes
        table_writes=writes,
        # Put into the index with the item, and taken out with the last write; what is projected does not change between.
        index_writes=sum(here != before for before, here in zip([(False, ""), *in_index[:-1]], in_index, strict=True)),
        events=len(told.account.events),
    )


@dataclass
class _Host:
    """Runs a peer's definition: a link that is clicked at some time, and calls that take no time but the vendor's."""

    clicked_at_ms: float
    name: str = "peer"
    input: dict[str, Any] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)
    express_seconds: float = 0
    _now_ms: int = 0

    def now(self) -> int:
        return self._now_ms

    def entered(self, state: str) -> None:
        self.counted["transitions"] += 1

    def back_off(self, state: str, seconds: float) -> None:
        raise AssertionError(f"nothing fails here, {state} did")

    def wait_until(self, state: str, moment: int) -> None:
        self._now_ms = max(self._now_ms, moment)

    def call(self, state: str, resource: str, arguments: dict[str, Any], timeout_seconds: int) -> dict[str, Any]:
        self.counted[arguments.get("FunctionName", resource)] += 1
        if resource.endswith("startSyncExecution"):
            return {"Output": self._watch_a_stretch()}
        return {"Payload": {"answer": "CLICKED" if self._now_ms >= self.clicked_at_ms else "PENDING"}}

    def _watch_a_stretch(self) -> dict[str, Any]:
        began_ms, over_ms = self._now_ms, self._now_ms + LONGEST_STRETCH_SECONDS * 1000
        for due_ms in (second * 1000 for second in GRID):
            if began_ms < due_ms <= over_ms:
                self._now_ms = due_ms
                self.counted["check"] += 1
                if due_ms >= self.clicked_at_ms:
                    break
        self.express_seconds += (self._now_ms - began_ms) / 1000
        clicked = self._now_ms >= self.clicked_at_ms
        return {"answer": "CLICKED" if clicked else "PENDING", "windowOver": self._now_ms >= GRID[-1] * 1000}


def peer(definition: str, clicked_after: float | None) -> Counts:
    """usual_loop or nested_express."""
    host = _Host(math.inf if clicked_after is None else clicked_after * 1000)
    text = json.dumps(json.loads((_HERE / f"{definition}.asl.json").read_text("utf-8")))
    status, _ = run(program(text), host)
    assert status == "SUCCEEDED", definition
    updates = host.counted["arn:aws:states:::dynamodb:updateItem"]
    return Counts(
        transitions=host.counted["transitions"],
        checks=host.counted["check"],
        other_lambdas=2 + sum(host.counted[name] for name in ("register", "store", "notify")),
        table_writes=updates + 1 if updates else 2,
        index_writes=2 if updates else 0,
        events=1,
        express_children=host.counted["arn:aws:states:::aws-sdk:sfn:startSyncExecution"],
        express_seconds=host.express_seconds,
    )
