"""The scenarios, scenarios.json, and how a script is read. Standard library only.

A script is a list of steps; the first that fits a check gives its answer. A step fits when all of its conditions do:
    checks        numbers of checks, the first one is 1
    fromSecond    the check comes this many seconds after the link was sent, or later
    untilSecond   the check comes before that
and says
    answer        a name in answers.json, or of misbehaviours.py's misbehaviours
    slowBySeconds (optional) how long the answer takes
    closesKept    (optional) true: a connection over which a check came before is closed instead, without an answer
    phoneNumber   (optional) personal data that the answer carries besides, in each of its objects or behind its text
"""

import json
from pathlib import Path
from typing import Any

from simulator.answers import ANSWERS

Step = dict[str, Any]

#: A scenario: {"about", "script", "outcome"}, and "rotateTokenAfterChecks" for who runs it.
SCENARIOS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("scenarios.json").read_text("utf-8"))
#: The seconds in the file are of a window of this length.
SCENARIO_WINDOW_SECONDS = 300

_PENDING: Step = {"answer": "pending"}


def fitted_to(window_seconds: float, scenario: str) -> list[Step]:
    """A scenario's script, its seconds fitted to another window. Raises KeyError for a scenario that there is not."""
    share = window_seconds / SCENARIO_WINDOW_SECONDS
    seconds = ("fromSecond", "untilSecond")
    return [
        {name: value * share if name in seconds else value for name, value in step.items()}
        for step in SCENARIOS[scenario]["script"]
    ]


def step_of(script: list[Step], check: int, second: float, window_seconds: float) -> Step:
    """What a check gets. check: its number, from 1; second: after the link was sent.

    Once the window is over a check yields no result, so no click either, whatever the script says. Signzy's page has one
    answer without a result that is no error, "Please wait for sometime": so that is what comes instead.
    """
    step = next((step for step in script if _fits(step, check, second)), _PENDING)
    if second >= window_seconds and _says_clicked(step["answer"]):
        step = _PENDING
    return {**step, "check": check}


def _says_clicked(answer: str) -> bool:
    return answer in ANSWERS and ANSWERS[answer].expect["answer"] == "CLICKED"


def _fits(step: Step, check: int, second: float) -> bool:
    return (
        ("checks" not in step or check in step["checks"])
        and second >= step.get("fromSecond", second)
        and ("untilSecond" not in step or second < step["untilSecond"])
    )
