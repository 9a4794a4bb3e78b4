"""What happened in a scenario."""

from dataclasses import dataclass, field
from typing import Any

from linkwatch.model import Ids
from tests.definition.engine.dynamodb import Item

IDS = Ids("A" * 24, "646214d929c23b4d42c1fc39")
#: The one verification that every scenario is about.
ID = IDS.verification_id


@dataclass(frozen=True)
class SignzyRequest:
    """A request that reached Signzy. invoked_at: when its execution called CheckLink."""

    at: int
    by: str
    invoked_at: int
    answer: str


@dataclass(frozen=True)
class Version:
    """The item after a write. who: an execution, by its name, or a function, by what it does."""

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


@dataclass
class Record:
    """What happened, in order. Times are epoch milliseconds."""

    versions: list[Version] = field(default_factory=list)
    #: The entries of PutEvents.
    events: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    requests: list[SignzyRequest] = field(default_factory=list)
    #: What starts and cancels were answered with 200 or 202: when, who, the verification.
    answers: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    bugs: list[str] = field(default_factory=list)
    timeline: list[str] = field(default_factory=list)
    #: When the last thing that went wrong was over.
    last_trouble: int = 0
    was_exhausted: bool = False
