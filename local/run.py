"""make run: one link, from the start to the outcome, on a stack of its own."""

import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

from local.accelerated_clock import NoAcceleratedClock, environment_at, speed_of_this_machine
from local.checkout import SHOWN_LOGS
from local.launch import LocalStackFailed
from local.stack import Stack, StackConfig, running_stack
from local.watch import watch_one
from operations.deployed.clock import await_that
from operations.deployed.stack import as_published
from operations.environment import BadChoice, entry_point
from simulator.scenarios import SCENARIOS, fitted_to

#: The choices of a command, by name.
Chosen = Mapping[str, str]

_FASTEST, _MAX_SPEED = 15, 60
#: Where there is no accelerated clock, a window of 20 s shows the same as one of 5 minutes.
_SHORT_WINDOW = {"WindowSeconds": 20, "PollIntervalSeconds": 2}
#: Real seconds. An event crosses the emulator in far less.
_EVENT_SECONDS = 15


def run(chosen: Chosen) -> None:
    """Runs it. Raises LocalStackFailed unless item and event are there and agree, BadChoice."""
    scenario, via, real = scenario_in(chosen), entry_point(chosen), _real_link(chosen)
    config, link = real or (simulated(chosen, default_speed=None), None)
    about = "a real link at the real Signzy" if real else SCENARIOS[scenario]["about"]
    print(f"linkwatch: {about}; by {via}; {config.speed:g} times real time")
    print("Building the stack and deploying it to the emulator …")
    began_at = time.monotonic()
    with running_stack(config) as stack:
        print(f"Deployed in {time.monotonic() - began_at:.0f} s; logs are in {SHOWN_LOGS}")
        verification_id = start(stack, link or send_link(stack, scenario), via)
        watch(stack, verification_id, None if real else scenario)


def scenario_in(chosen: Chosen) -> str:
    """SCENARIO, or clicked. Raises BadChoice."""
    scenario = chosen.get("SCENARIO", "clicked")
    if scenario not in SCENARIOS:
        raise BadChoice(f"SCENARIO={scenario} does not exist; there are {', '.join(SCENARIOS)}")
    return scenario


def simulated(chosen: Chosen, default_speed: float | None) -> StackConfig:
    """A stack with the simulator at SPEED; by default at default_speed, or where that is None as fast as the machine can. Without
    an accelerated clock, which it prints, in real time and with a short window. Raises BadChoice.
    """
    given = chosen.get("SPEED", "")
    if given and not (re.fullmatch(r"[0-9]+(\.[0-9]+)?", given) and 1 <= float(given) <= _MAX_SPEED):
        raise BadChoice(f"SPEED={given} should be a number from 1 (real time) to {_MAX_SPEED}")
    try:
        speed = float(given) if given else default_speed or speed_of_this_machine(_FASTEST)
        environment_at(speed)
    except NoAcceleratedClock as error:
        print(f"No accelerated clock here ({error}): real time, with a window of 20 s instead of 300.")
        return StackConfig(parameters=_SHORT_WINDOW)
    return StackConfig(speed=speed)


def _real_link(chosen: Chosen) -> tuple[StackConfig, dict[str, str]] | None:
    """A stack for the real Signzy and a link that it has sent: REQUEST_ID, SESSION_ID and LINK_SENT_AT (RFC 3339), with the
    shell's SIGNZY_BASE_URL and SIGNZY_TOKEN. None where no link is named. Raises BadChoice.
    """
    ids = ("REQUEST_ID", "SESSION_ID")
    if not chosen.keys() & {*ids, "LINK_SENT_AT"}:
        return None
    if unused := chosen.keys() & {"SCENARIO", "SPEED"}:
        raise BadChoice(f"a real link does not use {' or '.join(sorted(unused))}")
    given = {name: os.environ.get(name, "") for name in ("SIGNZY_BASE_URL", "SIGNZY_TOKEN")}
    given |= {name: chosen.get(name, "") for name in ids}
    if missing := [name for name, value in given.items() if not value]:
        raise BadChoice(f"a real link needs {', '.join(given)}; missing: {', '.join(missing)}")
    link = {"requestId": given["REQUEST_ID"], "sessionId": given["SESSION_ID"]}
    if sent_at := chosen.get("LINK_SENT_AT"):
        link["linkSentAt"] = sent_at
    return StackConfig(signzy_base_url=given["SIGNZY_BASE_URL"], token=given["SIGNZY_TOKEN"]), link


def send_link(stack: Stack, scenario: str) -> dict[str, str]:
    """Has the simulator send a link; returns its ids as Signzy would."""
    request_id, session_id = secrets.token_hex(12), secrets.token_hex(12)
    stack.signzy.send_link(request_id, session_id, script=fitted_to(float(stack.parameters["WindowSeconds"]), scenario))
    return {"requestId": request_id, "sessionId": session_id}


def start(stack: Stack, given: dict[str, Any], via: str) -> str:
    """Starts a verification through an entry point; returns its id. Raises LocalStackFailed."""
    if via == "api":
        answer = stack.call_api("POST", "/verifications", given)
        if answer.status != 202:
            raise LocalStackFailed(answer.refusal)
        return answer.body["verificationId"]
    stack.put_link_sent(given)
    verification_id = f"{given['requestId']}-{given['sessionId']}".lower()
    try:
        await_that(lambda: stack.item(verification_id), _EVENT_SECONDS, "the event has started a verification")
    except TimeoutError as error:
        raise LocalStackFailed(f"{error}; make logs FUNCTION=InstantLinkSent may say why") from error
    return verification_id


def watch(stack: Stack, verification_id: str, scenario: str | None = None) -> None:
    """Follows a verification to its end and compares item, event and the scenario's outcome. Raises LocalStackFailed where they
    differ or are not there.
    """
    rotates_after = SCENARIOS[scenario].get("rotateTokenAfterChecks") if scenario else None
    try:
        for number in watch_one(stack, verification_id):
            if number == rotates_after:
                stack.rotate_token("rotated-token")
                print("The token was rotated, in the secret and at Signzy")
        item = stack.await_published(verification_id, _EVENT_SECONDS)
        events = await_that(lambda: stack.events(verification_id), _EVENT_SECONDS, "the outcome is on the bus")
    except TimeoutError as error:
        raise LocalStackFailed(f"{error}; the logs are in {SHOWN_LOGS}") from error
    event, stored = events[0], as_published(item)
    for title, content in (("The item as stored", item), ("The event as received from the bus", event)):
        print(f"\n{title}\n{json.dumps(content, indent=2)}")
    if differing := [name for name, value in event["detail"].items() if stored.get(name) != value]:
        raise LocalStackFailed(f"item and event differ in {', '.join(differing)}")
    if scenario and stored["outcome"] != SCENARIOS[scenario]["outcome"]:
        raise LocalStackFailed(f"the outcome of this scenario is {SCENARIOS[scenario]['outcome']}")
    print("\nItem and event agree.")
