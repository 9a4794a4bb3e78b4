"""The scenarios, scenarios.json, and how a script is read. Standard library only.

A script is a list of steps; the first one that fits a check decides its answer. A step fits if all of its conditions are met:
    checks        numbers of checks, the first one is 1
    fromSecond    the check arrives this many seconds after the link was sent, or later
    untilSecond   the check arrives before that
and has
    answer        a name in answers.json, or of misbehaviours.py's misbehaviours
    slowBySeconds (optional) how long the answer takes
    closesKept    (optional) true: a connection that was used for a check before is closed instead, without an answer
    phoneNumber   (optional) personal data that the answer also carries, in each of its objects or after its text
"""

import json
from pathlib import Path
from typing import Any

from simulator.answers import ANSWERS

Step = dict[str, Any]

#: A scenario: {"about", "script", "outcome"}, and "rotateTokenAfterChecks" for the program that plays it.
SCENARIOS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("scenarios.json").read_text("utf-8"))
#: The seconds in the file are for a window of this length.
SCENARIO_WINDOW_SECONDS = 300

_PENDING: Step = {"answer": "pending"}


def fitted_to(window_seconds: float, scenario: str) -> list[Step]:
    """Returns a scenario's script with its seconds scaled to another window. Raises KeyError for an unknown scenario."""
    share = window_seconds / SCENARIO_WINDOW_SECONDS
    seconds = ("fromSecond", "untilSecond")
    return [
        {name: value * share if name in seconds else value for name, value in step.items()}
        for step in SCENARIOS[scenario]["script"]
    ]


def step_of(script: list[Step], check: int, second: float, window_seconds: float) -> Step:
    """Returns the step that answers a check. check: its number, from 1; second: after the link was sent.

    After the window a check has no result, so no click either, whatever the script says. Signzy's page has one answer without
    a result that is not an error, "Please wait for sometime", so that one is given instead.
    """
    step = next((step for step in script if _fits(step, check, second)), _PENDING)
    if second >= window_seconds and _is_click(step["answer"]):
        step = _PENDING
    return {**step, "check": check}


def _is_click(answer: str) -> bool:
    return answer in ANSWERS and ANSWERS[answer].expect["answer"] == "CLICKED"


def _fits(step: Step, check: int, second: float) -> bool:
    return (
        ("checks" not in step or check in step["checks"])
        and second >= step.get("fromSecond", second)
        and ("untilSecond" not in step or second < step["untilSecond"])
    )
