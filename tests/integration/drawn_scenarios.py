"""Random scenarios for the deployed stack, each given by its seed: what Signzy answers, starts, cancels, aborts, faults."""

import random
from dataclasses import dataclass
from typing import Any

from simulator.answers import ANSWERS
from simulator.misbehaviours import MISBEHAVIOURS
from tests.integration import calls

WINDOW_SECONDS = 30
SAYING = {
    says: [n for n, a in ANSWERS.items() if a.expect["answer"] == says] for says in ("CLICKED", "PENDING", "REJECTED")
}
UNUSABLE = [name for name, answer in ANSWERS.items() if answer.expect["answer"] == "UNAVAILABLE"] + list(MISBEHAVIOURS)

CHECKS = [calls.CHECK._replace(error=e) for e in ("ValueError", "Sandbox.Timedout", "Lambda.TooManyRequestsException")]
#: The calls that may be refused from the beginning, and later.
AT_START = [calls.PUT, calls.START]
LATER = [
    *(calls.START, calls.STOP, calls.CANCEL, calls.DESCRIBE, calls.TAKE_OVER),
    *(calls.READ, calls.RECORD, calls.PUBLISH, calls.MARK, *CHECKS),
]


@dataclass(frozen=True)
class Fault:
    """Calls that are refused, or whose answers are lost, for seconds from at on; seconds of the scenario."""

    call: calls.Call
    at: float
    seconds: float
    loses_answers: bool


@dataclass
class Scenario:
    """What to do; times are seconds after its start, by the stack's clock."""

    script: list[dict[str, Any]]
    starts: list[str]
    sent_seconds_ago: float
    cancels: list[float]
    aborts: list[float]
    faults: list[Fault]


def draw(seed: str) -> Scenario:
    """The scenario of a seed, the same each time."""
    chance = random.Random(seed)
    script: list[dict[str, Any]] = [
        {"checks": [check], "answer": chance.choice(UNUSABLE)} for check in range(1, 12) if chance.random() < 0.15
    ]
    if chance.random() < 0.1:
        script.append({"checks": [chance.randint(1, 9)], "answer": "pending", "slowBySeconds": chance.uniform(0.5, 8)})
    match chance.choices(["CLICKED", "PENDING", "REJECTED"], [6, 3, 1])[0]:
        case "CLICKED":
            script.append({"fromSecond": chance.uniform(0, WINDOW_SECONDS), "answer": chance.choice(SAYING["CLICKED"])})
        case "PENDING":
            script.append({"answer": chance.choice(SAYING["PENDING"])})
        case "REJECTED":
            script.append({"fromSecond": chance.uniform(0, 20), "answer": chance.choice(SAYING["REJECTED"])})
    return Scenario(
        script=script,
        starts=chance.choices(["api", "event"], k=chance.choice([1, 1, 1, 2, 4])),
        sent_seconds_ago=chance.choice([0, 0, 0, 0, chance.uniform(0, WINDOW_SECONDS + 10)]),
        cancels=[chance.uniform(0, WINDOW_SECONDS)] * chance.choice([0, 0, 0, 1, 2]),
        aborts=sorted(chance.uniform(0, WINDOW_SECONDS + 2) for _ in range(chance.choice([0, 0, 0, 1, 1, 2]))),
        faults=[_draw_fault(chance) for _ in range(chance.choice([0, 0, 1, 1, 2]))],
    )


def _draw_fault(chance: random.Random) -> Fault:
    is_at_start = chance.random() < 0.3
    return Fault(
        call=chance.choice(AT_START if is_at_start else LATER),
        at=0 if is_at_start else chance.uniform(0, WINDOW_SECONDS),
        seconds=chance.uniform(3, 60),
        loses_answers=chance.random() < 0.4,
    )
