"""make run: one link, from the start to the outcome, on a stack of its own."""

import json
import secrets
import time
from typing import Any

from rich.console import Console

from local import choices
from local.accelerated_clock import NoAcceleratedClock, speed_of_this_machine
from local.checkout import LOGS, shown
from local.launch import LocalStackFailed
from local.live_view import follow
from local.stack import Stack, running_stack
from operations.deployed.clock import await_that
from operations.deployed.stack import as_published
from simulator.scenarios import SCENARIOS, fitted_to

_FASTEST = 15
#: Real seconds. An event crosses the emulator in far less.
_EVENT_SECONDS = 15


def run(console: Console) -> int:
    """Runs it; returns the exit status: 0 only if item and event are there and agree. Raises BadChoice, LocalStackFailed."""
    real, chosen = choices.real_link(), choices.choices(_default_speed)
    config, link = real or (choices.simulated(chosen.speed, console), None)
    about = "a real link at the real Signzy" if real else SCENARIOS[chosen.scenario]["about"]
    console.print(f"[bold]linkwatch[/]: {about}; by {chosen.via}; {config.speed:g} times real time", highlight=False)
    began_at = time.monotonic()
    status = console.status("Building the stack and deploying it to the emulator …")
    status.start()
    try:
        with running_stack(config) as stack:
            status.stop()
            seconds = time.monotonic() - began_at
            console.print(f"Deployed in {seconds:.0f} s; logs are in {shown(LOGS)}", highlight=False)
            started = start(stack, link or send(stack, chosen.scenario), chosen.via)
            return watch(console, stack, started, None if real else chosen.scenario)
    finally:
        status.stop()


def _default_speed() -> float:
    try:
        return speed_of_this_machine(_FASTEST)
    except NoAcceleratedClock:  # simulated() says so, and what is done instead
        return _FASTEST


def send(stack: Stack, scenario: str) -> dict[str, str]:
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


def watch(console: Console, stack: Stack, verification_id: str, scenario: str | None = None) -> int:
    """Follows a verification to its end and compares item, event and the scenario's outcome."""

    def on_check(number: int) -> None:
        if scenario and number == SCENARIOS[scenario].get("rotateTokenAfterChecks"):
            stack.rotate_token("rotated-token")
            console.print("The token was rotated, in the secret and at Signzy")

    try:
        follow(stack, verification_id, console, on_check)
        item = stack.await_published(verification_id, _EVENT_SECONDS)
        events = await_that(lambda: stack.events(verification_id), _EVENT_SECONDS, "the outcome is on the bus")
    except TimeoutError as error:
        console.print(f"[red]Failed[/]: {error}; see the logs in {shown(LOGS)}")
        return 1
    event, stored = events[0], as_published(item)
    for title, content in (("The item as stored", item), ("The event as received from the bus", event)):
        console.print(f"\n[bold]{title}[/]")
        console.print_json(json.dumps(content))
    differing = [name for name, value in event["detail"].items() if stored.get(name) != value]
    if differing:
        console.print(f"[red]Failed[/]: item and event differ in {', '.join(differing)}")
        return 1
    expected = SCENARIOS[scenario]["outcome"] if scenario else stored["outcome"]
    if stored["outcome"] != expected:
        console.print(f"[red]Failed[/]: the outcome of this scenario is {expected}")
        return 1
    console.print("\n[green]Item and event agree.[/]")
    return 0
