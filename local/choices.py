"""The choices of a local run: make run SCENARIO=never, or LINKWATCH_SCENARIO=never in the environment."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rich.console import Console

from local.accelerated_clock import NoAcceleratedClock, environment_at
from local.stack import StackConfig
from operations.environment import BadChoice, entry_point, exported_choices
from simulator.scenarios import SCENARIOS

#: Where there is no accelerated clock, a window of 20 s shows the same as one of 5 minutes.
SHORT_WINDOW: dict[str, object] = {"WindowSeconds": 20, "PollIntervalSeconds": 2}
_MAX_SPEED = 60

#: The choices that were made.
GIVEN = exported_choices(os.environ)


@dataclass(frozen=True, slots=True)
class Choices:
    """scenario: of the simulator; speed: times real time; via: the entry point."""

    scenario: str
    speed: float
    via: Literal["api", "event"]


def choices(default_speed: Callable[[], float]) -> Choices:
    """SCENARIO, SPEED and VIA. default_speed is called where SPEED is not set. Raises BadChoice."""
    scenario = GIVEN.get("SCENARIO") or "clicked"
    if scenario not in SCENARIOS:
        raise BadChoice(f"SCENARIO={scenario} does not exist; there are {', '.join(SCENARIOS)}")
    return Choices(scenario, via=entry_point(GIVEN), speed=_speed(default_speed))


def _speed(default: Callable[[], float]) -> float:
    given = GIVEN.get("SPEED") or str(default())
    try:
        speed = float(given)
    except ValueError:
        speed = 0
    if not 1 <= speed <= _MAX_SPEED:
        raise BadChoice(f"SPEED={given} should be a number from 1 (real time) to {_MAX_SPEED}")
    return speed


def real_link() -> tuple[StackConfig, dict[str, str]] | None:
    """A stack for the real Signzy and a link that it has sent: REQUEST_ID, SESSION_ID and LINK_SENT_AT (RFC 3339), with the
    shell's SIGNZY_BASE_URL and SIGNZY_TOKEN. None where no link is named. Raises BadChoice.
    """
    ids = ("REQUEST_ID", "SESSION_ID")
    if not any(GIVEN.get(name) for name in (*ids, "LINK_SENT_AT")):
        return None
    if unused := [name for name in ("SCENARIO", "SPEED") if GIVEN.get(name)]:
        raise BadChoice(f"a real link does not use {' or '.join(unused)}")
    given = {name: os.environ.get(name) for name in ("SIGNZY_BASE_URL", "SIGNZY_TOKEN")}
    given = {name: value or "" for name, value in (given | {name: GIVEN.get(name) for name in ids}).items()}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise BadChoice(f"a real link needs {', '.join(given)}; missing: {', '.join(missing)}")
    for name in ids:  # checked before anything is deployed
        if not re.fullmatch("[0-9a-fA-F]{24}", given[name]):
            raise BadChoice(f"{name}={given[name]} should have 24 hexadecimal digits")
    link = {"requestId": given["REQUEST_ID"], "sessionId": given["SESSION_ID"]}
    if sent_at := GIVEN.get("LINK_SENT_AT"):
        link["linkSentAt"] = sent_at
    return StackConfig(signzy_base_url=given["SIGNZY_BASE_URL"], token=given["SIGNZY_TOKEN"]), link


def simulated(speed: float, console: Console) -> StackConfig:
    """A stack with the simulator at this speed; in real time and with a short window where the machine has no accelerated clock,
    which it prints.
    """
    try:
        environment_at(speed)
    except NoAcceleratedClock as error:
        window = SHORT_WINDOW["WindowSeconds"]
        line = f"No accelerated clock here ({error}): real time, with a window of {window} s instead of 300."
        console.print(line, soft_wrap=True)
        return StackConfig(parameters=SHORT_WINDOW)
    return StackConfig(speed=speed)
