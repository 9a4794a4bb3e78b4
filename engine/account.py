"""The AWS account of one scenario: a table, a bus, Lambda and Step Functions, each as much as linkwatch uses, with the faults
that the scenario holds; and what happened in it.
"""

import json
from collections import Counter
from collections.abc import Callable

from engine.definition import RESOURCES, substituted
from engine.dynamodb import InMemoryTable
from engine.dynamodb_expressions import Item
from engine.execution import Execution
from engine.interpreter import program
from engine.record import ID, Point, Record, Version
from engine.scenario import End, Fault, Scenario, Service
from engine.virtual_time import VirtualTime

_INDEXES = RESOURCES["Verifications"]["Properties"]["GlobalSecondaryIndexes"]
_REFUSAL = {
    "dynamodb": "InternalServerError",
    "events": "EventBridge.InternalException",
    "lambda": "Lambda.ServiceException",
    "states": "ServiceUnavailable",
}


class Account:
    """One scenario's AWS. on_end: told of each execution that has ended."""

    def __init__(self, scenario: Scenario, on_end: Callable[[Execution], None] = lambda _: None) -> None:
        self.scenario = scenario
        self.time = VirtualTime(scenario.first_start)
        self.on_end = on_end
        numbers = {"PollIntervalSeconds": scenario.poll_seconds, "LastCheckLeadSeconds": scenario.lead_seconds}
        self.program = program(json.dumps(substituted(numbers)))
        self.table = InMemoryTable("verificationId", [index["KeySchema"][0]["AttributeName"] for index in _INDEXES])
        self.executions: dict[str, Execution] = {}
        self.record = Record()
        self._counts: Counter[str] = Counter()
        self._jitters = 0

    @property
    def item(self) -> Item | None:
        return self.table.items.get(ID)

    def item_at(self, moment: int) -> Item | None:
        """The item as a read that is not consistent may see it."""
        seen = [version.item for version in self.record.versions if version.at <= moment]
        return seen[-1] if seen else None

    def wrote(self, who: str) -> None:
        item = self.table.items[ID]
        self.record.versions.append(Version(self.time.now, who, item))
        shown = [item[name]["S"] for name in ("executionName", "outcome", "publishedAt") if name in item]
        self.note(who, f"wrote {', '.join(shown)}")

    def note(self, who: str, what: str) -> None:
        after = (self.time.now - self.scenario.link_sent_at) / 1000
        self.record.timeline.append(f"{after:9.3f} s  {who.removeprefix(ID) or 'first':12}  {what}")

    # ── What the scenario has go wrong ────────────────────────────────────────────────────────────────────────────────

    def fault_at(self, place: str, service: Service | None = None) -> Fault | None:
        """What goes wrong with a call that is made now."""
        nth = self._counts[place]
        self._counts[place] += 1
        self.record.points.append(Point(place, nth, is_call=True))
        if service and self.scenario.is_out(service, self.time.now):
            return Fault(place, error=_REFUSAL[service], takes_effect=False)
        hits = [it for it in self.scenario.faults if it.place == place and it.first <= nth < it.first + it.times]
        if not hits:
            return None
        self.trouble(self.time.now + hits[0].before_millis + max(hits[0].after_millis, 0))
        return hits[0]

    def ends_at(self, state: str) -> list[End]:
        """The ends of an execution that enters a state now."""
        nth = self._counts[f"enter {state}"]
        self._counts[f"enter {state}"] += 1
        self.record.points.append(Point(state, nth, is_call=False))
        return [end for end in self.scenario.ends if (end.state, end.nth) == (state, nth)]

    def trouble(self, until: int) -> None:
        self.record.last_trouble = max(self.record.last_trouble, until)

    def next_jitter(self) -> float:
        self._jitters += 1
        return self.scenario.jitter[self._jitters % len(self.scenario.jitter)]
