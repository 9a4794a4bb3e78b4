"""The AWS account of one scenario: a table, executions and a bus, with the scenario's faults, and a record of what happened."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.definition.engine.definition import RESOURCES
from tests.definition.engine.dynamodb import InMemoryTable, Item
from tests.definition.engine.record import ID, Point, Record, Version
from tests.definition.engine.scenario import End, Fault, Scenario, Service
from tests.definition.engine.virtual_time import VirtualTime

if TYPE_CHECKING:
    from tests.definition.engine.execution import Execution

_INDEXES = RESOURCES["Verifications"]["Properties"]["GlobalSecondaryIndexes"]


class Account:
    """One scenario's AWS."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.time = VirtualTime(scenario.first_start)
        self.parameters = {
            "WindowSeconds": scenario.window_seconds,
            "PollIntervalSeconds": scenario.poll_seconds,
            "LastCheckLeadSeconds": scenario.lead_seconds,
        }
        self.table = InMemoryTable("verificationId", [index["KeySchema"][0]["AttributeName"] for index in _INDEXES])
        self.executions: dict[str, Execution] = {}
        self.record = Record()
        #: Is told of each execution that has ended.
        self.on_end: Callable[[Execution], None] = lambda _: None
        self._counts: Counter[str] = Counter()
        self._jitters = 0

    @property
    def item(self) -> Item | None:
        return self.table.items.get(ID)

    def item_at(self, moment: int) -> Item | None:
        """The item as a read that is not consistent may return it."""
        seen = [version.item for version in self.record.versions if version.at <= moment]
        return seen[-1] if seen else None

    def note_write(self, who: str) -> None:
        item = self.table.items[ID]
        self.record.versions.append(Version(self.time.now, who, item))
        shown = [item[name]["S"] for name in ("executionName", "outcome", "publishedAt") if name in item]
        self.note(who, f"wrote {', '.join(shown)}")

    def note(self, who: str, what: str) -> None:
        after = (self.time.now - self.scenario.link_sent_at) / 1000
        self.record.timeline.append(f"{after:9.3f} s  {who.removeprefix(ID) or 'first':12}  {what}")

    # ── What the scenario has go wrong ────────────────────────────────────────────────────────────────────────────────

    def fault_at(self, place: str) -> Fault | None:
        """What goes wrong with a call that is made now."""
        nth = self._counts[place]
        self._counts[place] += 1
        self.record.points.append(Point(place, nth, is_call=True))
        hits = [it for it in self.scenario.faults if it.place == place and it.first <= nth < it.first + it.times]
        return hits[0] if hits else None

    def outage_of(self, service: Service, place: str) -> Fault | None:
        refusals = {
            "dynamodb": "InternalServerError",
            "events": "EventBridge.InternalException",
            "lambda": "Lambda.ServiceException",
            "states": "ServiceUnavailable",
            "sqs": "ServiceUnavailable",
        }
        is_out = self.scenario.is_out(service, self.time.now)
        return Fault(place, error=refusals[service], takes_effect=False) if is_out else None

    def ends_at(self, state: str) -> list[End]:
        """The ends of an execution that enters a state now."""
        nth = self._counts[f"enter {state}"]
        self._counts[f"enter {state}"] += 1
        self.record.points.append(Point(state, nth, is_call=False))
        return [end for end in self.scenario.ends if (end.state, end.nth) == (state, nth)]

    def note_trouble(self, until: int) -> None:
        self.record.last_trouble = max(self.record.last_trouble, until)

    def next_jitter(self) -> float:
        self._jitters += 1
        return self.scenario.jitter[self._jitters % len(self.scenario.jitter)]
