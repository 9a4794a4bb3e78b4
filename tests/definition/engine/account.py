"""The AWS account of one scenario: its table and its executions, what goes wrong in it, and a record of what happened."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from linkwatch.model import Ids
from tests.definition.engine.definition import RESOURCES
from tests.definition.engine.dynamodb import InMemoryTable, Item
from tests.definition.engine.scenario import End, Fault, Scenario
from tests.definition.engine.virtual_time import VirtualTime

if TYPE_CHECKING:
    from tests.definition.engine.execution import Execution

_INDEXES = RESOURCES["Verifications"]["Properties"]["GlobalSecondaryIndexes"]
IDS = Ids("A" * 24, "646214d929c23b4d42c1fc39")
#: The one verification that every scenario is about.
ID = IDS.verification_id


@dataclass
class Call:
    """A call of AWS. asked: the request. patience: how long its caller waits for the answer. latency: how long it takes until its
    effect, and from then to its answer; in milliseconds.
    """

    service: str
    operation: str
    patience: int
    latency: tuple[int, int]
    asked: dict[str, Any] = field(default_factory=dict)


@dataclass
class Message:
    """A start event in the queue. Times are epoch milliseconds. receive: is called with its name when it is visible again."""

    body: str
    sent_at: int
    receive: Callable[[str], None]
    visible_at: int = 0
    receives: int = 0


@dataclass(frozen=True)
class SignzyRequest:
    """A request that reached Signzy. invoked_at: when its execution called CheckLink."""

    at: int
    by: str
    invoked_at: int
    answer: str


@dataclass(frozen=True)
class Version:
    """The item after a write. who: an execution's name, or what a function does."""

    at: int
    who: str
    item: Item


@dataclass(frozen=True)
class Point:
    """A place that the scenario reached, for the nth time, where something could have gone wrong. is_call: what it calls
    could fail; else an execution could have been ended there.
    """

    place: str
    nth: int
    is_call: bool


class Account:
    """One scenario's AWS. Times are epoch milliseconds."""

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
        #: Of the queue, by name.
        self.messages: dict[str, Message] = {}
        #: Is told of each execution that has ended.
        self.on_end: Callable[[Execution], None] = lambda _: None
        self.versions: list[Version] = []
        #: The entries of PutEvents.
        self.events: list[tuple[int, dict[str, Any]]] = []
        self.requests: list[SignzyRequest] = []
        #: What starts and cancels were answered with 200 or 202: when, who, the verification.
        self.answers: list[tuple[int, str, dict[str, Any]]] = []
        self.points: list[Point] = []
        self.bugs: list[str] = []
        self.timeline: list[str] = []
        #: When the last thing that went wrong was over.
        self.last_trouble = 0
        self._counts: Counter[object] = Counter()

    @property
    def item(self) -> Item | None:
        return self.table.items.get(ID)

    def item_before(self, lag: int) -> Item | None:
        """The item as a read that is not consistent may return it: as it was that many milliseconds ago."""
        seen = [version.item for version in self.versions if version.at <= self.time.now - lag]
        return seen[-1] if seen else None

    def hide(self, message: str, seconds: int) -> None:
        """Hides a message of the queue for as long."""
        hidden = self.messages[message]
        hidden.visible_at = self.time.now + seconds * 1000
        self.time.at(hidden.visible_at, lambda: hidden.receive(message))

    def note_write(self, who: str) -> None:
        item = self.table.items[ID]
        self.versions.append(Version(self.time.now, who, item))
        shown = [item[name]["S"] for name in ("executionName", "outcome", "publishedAt") if name in item]
        self.note(who, f"wrote {', '.join(shown)}")

    def note(self, who: str, what: str) -> None:
        after = (self.time.now - self.scenario.link_sent_at) / 1000
        self.timeline.append(f"{after:9.3f} s  {who.removeprefix(ID) or 'first':12}  {what}")

    def note_trouble(self, millis: int) -> None:
        """Something goes wrong for as long from now on."""
        self.last_trouble = max(self.last_trouble, self.time.now + millis)

    # ── What the scenario has go wrong ────────────────────────────────────────────────────────────────────────────────

    def fault_at(self, place: str) -> Fault | None:
        """What goes wrong with a call that is made now."""
        nth = self._reach(place, is_call=True)
        hits = [it for it in self.scenario.faults if it.place == place and it.first <= nth < it.first + it.times]
        return hits[0] if hits else None

    def ends_at(self, state: str) -> list[End]:
        """The ends of an execution that enters a state now."""
        nth = self._reach(state, is_call=False)
        return [end for end in self.scenario.ends if (end.state, end.nth) == (state, nth)]

    def _reach(self, place: str, *, is_call: bool) -> int:
        nth = self._counts[place, is_call]
        self._counts[place, is_call] += 1
        self.points.append(Point(place, nth, is_call))
        return nth

    def next_jitter(self) -> float:
        self._counts["jitter"] += 1
        return self.scenario.jitter[self._counts["jitter"] % len(self.scenario.jitter)]
