"""The stack that make up leaves in the background: up, down, env, send, watch, cancel, logs."""

import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from rich.console import Console

from local.stack.environment import for_aws
from local.stack.exports import OUTPUTS, exports
from local.stack.launch import LocalStackFailed
from local.stack.lifecycle import StackConfig, background_stack, end_background_stack, launch_background_stack
from local.stack.paths import BACKGROUND_STACK, LOGS, shown
from local.stack.stack import Stack
from local.terminal import choices
from local.terminal.live_view import Watched
from local.terminal.overview import follow_all
from local.terminal.run import send, start, watch

DEFAULT_SPEED = 1
#: What make env says of the emulator itself.
_ACCESS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION")


def up(console: Console) -> int:
    """Brings a stack up that stays, and prints what to call. Raises LocalStackFailed, BadChoice."""
    if background_stack():
        console.print("A stack is up already: make down ends it")
        return 1
    config, why_not = choices.as_the_machine_can(StackConfig(speed=choices.choices(DEFAULT_SPEED).speed))
    if why_not:
        console.print(why_not)
    with console.status("Building the stack and deploying it to the emulator …"):
        stack = launch_background_stack(config)
    _print_what_to_call(console, stack)
    return 0


def _print_what_to_call(console: Console, stack: Stack) -> None:
    link = _link_for_whenever(stack)
    lines = [
        "The stack is up, at "
        + (f"{stack.clock.speed:g} times real time." if stack.clock.speed != 1 else "real time."),
        "",
        "  make send SCENARIO=never VIA=event   send a link and have it watched",
        "  make watch                            show all that are open, live; or one: ID=<verificationId> or CORRELATION=",
        "  make cancel ID=<verificationId>       cancel it",
        "  make logs FUNCTION=CheckLink          print a function's logs",
        "  make consumer                         deploy the example of a consumer beside it",
        "  make down                             end the stack",
        "",
        "For the AWS CLI, SDKs and the README's commands ($ApiUrl, $BusName, …):",
        '  eval "$(make -s env)"',
        "",
        "  curl --aws-sigv4 aws:amz:us-east-1:execute-api --user test:test -H 'Content-Type: application/json' \\",
        f"    -d '{json.dumps(link)}' {stack.api_url}/verifications",
        "",
        f"  API            {stack.api_url}   (sign for execute-api)",
        f"  state machine  {stack.outputs.StateMachineArn}",
        f"  bus            {stack.outputs.BusName}",
        f"  table          {stack.outputs.TableName}",
        f"  secret         {stack.outputs.SignzyTokenArn}",
        f"  Signzy         {stack.signzy.base_url}   (the simulator)",
        f"  logs           {shown(LOGS)}",
    ]
    console.print("\n".join(lines), highlight=False, soft_wrap=True, markup=False)


def _link_for_whenever(stack: Stack) -> dict[str, str]:
    """A link for the curl that is printed: clicked at the third check, whenever in the next day somebody runs it."""
    link = {"requestId": secrets.token_hex(12), "sessionId": secrets.token_hex(12)}
    script = [{"checks": [1, 2], "answer": "pending"}, {"answer": "clicked"}]
    tomorrow_ms = stack.clock.now_ms() + 86_400_000  # the simulator's window for it has not begun till then
    stack.signzy.send_link(link["requestId"], link["sessionId"], script=script, link_sent_at_ms=round(tomorrow_ms))
    return link


def down(console: Console) -> int:
    """Ends the background stack."""
    console.print("The stack has ended" if end_background_stack() else "No stack is up")
    return 0


def env(console: Console) -> int:
    """Prints what a shell needs to call the stack: eval "$(make -s env)". Raises LocalStackFailed."""
    console.out(exports(variables_of(the_stack())), highlight=False)
    return 0


def variables_of(stack: Stack) -> dict[str, str]:
    """The emulator's address and keys, the region, and the stack's outputs, ApiUrl as it can be reached from here."""
    access = {name: value for name, value in for_aws(stack.endpoint).items() if name in _ACCESS}
    outputs = {**asdict(stack.outputs), "ApiUrl": stack.api_url}
    # A session token of the person at the keyboard belongs to other keys.
    return access | {"AWS_SESSION_TOKEN": ""} | {name: outputs[name] for name in OUTPUTS}


def send_one(console: Console) -> int:
    """Has the simulator send a link, starts its verification through VIA, and prints its id."""
    stack, chosen = the_stack(), choices.choices(DEFAULT_SPEED)
    correlation = {"correlationId": os.environ["CORRELATION"]} if os.environ.get("CORRELATION") else {}
    watched = start(stack, send(stack, chosen.scenario) | correlation, chosen.via)
    console.print(watched.verification_id, highlight=False, soft_wrap=True)
    return 0


def watch_some(console: Console) -> int:
    """Shows the verification ID, or the newest of CORRELATION, live until its outcome is there; without either, all that are
    open and were a moment ago.
    """
    stack = the_stack()
    if correlation_id := os.environ.get("CORRELATION"):
        return watch(console, Watched(stack, _newest_of(console, stack, correlation_id)), None)
    if not os.environ.get("ID"):
        with suppress(KeyboardInterrupt):  # it is how one leaves the picture
            follow_all(stack, console)
        return 0
    found = stack.find(_id())
    if found.status != 200:
        raise LocalStackFailed(f"the API answered {found.status}: {found.body['error']['message']}")
    return watch(console, Watched(stack, found.body), None)


def _newest_of(console: Console, stack: Stack, correlation_id: str) -> dict[str, Any]:
    """The one whose link is the newest; says which others there are. Raises LocalStackFailed."""
    found = stack.call_api("GET", f"/verifications?correlationId={quote(correlation_id, safe='')}")
    if found.status != 200:
        raise LocalStackFailed(f"the API answered {found.status}: {found.body['error']}")
    if not found.body["verifications"]:
        raise LocalStackFailed(f"no verification has the correlationId {correlation_id}")
    newest, *others = found.body["verifications"]
    for other in others:
        said = f"Also: {other['verificationId']}, {other['outcome'] or other['status']}"
        console.print(said, highlight=False, soft_wrap=True, markup=False)
    if found.body["next"]:
        console.print("And more that are older")
    return newest


def cancel_one(console: Console) -> int:
    """Cancels the verification ID; exit status 1 when it has another outcome or is unknown."""
    answer = the_stack().cancel(_id())
    console.print(f"The API answered {answer.status}")
    console.print_json(data=answer.body)
    return 0 if answer.status == 200 else 1


def logs(console: Console) -> int:
    """Prints what FUNCTION (a logical id of the template) has logged."""
    stack = the_stack()
    function = os.environ.get("FUNCTION") or "CheckLink"
    try:
        logged = stack.functions.logs_of(function)
    except KeyError:
        raise choices.BadChoice(f"FUNCTION={function} does not exist") from None
    console.print(logged, markup=False, highlight=False, soft_wrap=True)
    return 0


def redrive(console: Console) -> int:
    """Puts the events among the dead letters back into the queue."""
    console.print(f"{the_stack().event_queue.redrive()} sent again")
    return 0


def recover(console: Console) -> int:
    """Recovers what is open at once, also what was taken over as often as allowed; prints the counts of the sweep."""
    console.print_json(data=the_stack().functions.recover(rearm=True))
    return 0


def the_stack() -> Stack:
    """The background stack. Raises LocalStackFailed where none is up."""
    stack = background_stack()
    if stack is None:
        BACKGROUND_STACK.unlink(missing_ok=True)
        raise LocalStackFailed("no stack is up: make up starts one")
    return stack


def _id() -> str:
    verification_id = os.environ.get("ID")
    if not verification_id:
        raise choices.BadChoice("say which: ID=<verificationId>")
    return verification_id
