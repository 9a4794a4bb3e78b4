"""The stack that make up leaves in the background, and the commands about it."""

import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from rich.console import Console

from local import choices, sam
from local.checkout import BACKGROUND_STACK, LOGS, shown
from local.choices import GIVEN
from local.launch import LocalStackFailed
from local.live_view import show_all
from local.run import send, start, watch
from local.stack import Stack, background_stack, end_background_stack, launch_background_stack
from operations.deployed.stack import CloudFormationStack, exports
from operations.environment import BadChoice, values_in

#: What make env prints of the emulator itself.
_ACCESS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION")


def up(console: Console) -> int:
    """Brings a stack up that stays, and prints how to use it. Raises LocalStackFailed, BadChoice."""
    if background_stack():
        raise LocalStackFailed("a stack is up already: make down ends it")
    config = choices.simulated(choices.choices(lambda: 1).speed, console)
    with console.status("Building the stack and deploying it to the emulator …"):
        stack = launch_background_stack(config)
    lines = [
        f"The stack is up, at {stack.clock.speed:g} times real time.",
        "",
        "  make send SCENARIO=never VIA=event    send a link and have it watched",
        "  make watch                            show all that are open, live; or one: ID=<verificationId> or CORRELATION=",
        "  make logs FUNCTION=CheckLink          print a function's logs",
        "  make down                             end the stack",
        "",
        "For the AWS CLI, SDKs, the examples and the README's commands ($ApiUrl, $BusName, …):",
        '  eval "$(make -s env)"',
        "",
        f"Logs are in {shown(LOGS)}",
    ]
    console.print("\n".join(lines), highlight=False, soft_wrap=True, markup=False)
    return 0


def down(console: Console) -> int:
    """Ends the background stack."""
    console.print("The stack has ended" if end_background_stack() else "No stack is up")
    return 0


def env(console: Console) -> int:
    """Prints the stack's address, keys and outputs as shell exports (use with eval). Raises LocalStackFailed."""
    console.out(exports(variables_of(the_stack())), highlight=False)
    return 0


def variables_of(stack: Stack) -> dict[str, str]:
    """The emulator's address and keys, the region, and the stack's outputs, with an ApiUrl that can be reached from here."""
    access = {name: stack.environment[name] for name in _ACCESS}
    # A session token of the person at the keyboard belongs to other keys.
    return access | {"AWS_SESSION_TOKEN": ""} | asdict(stack.outputs) | {"ApiUrl": stack.api_url}


def send_one(console: Console) -> int:
    """Has the simulator send a link, starts its verification through VIA, and prints its id."""
    stack, chosen = the_stack(), choices.choices(lambda: 1)
    correlation = {"correlationId": GIVEN["CORRELATION"]} if GIVEN.get("CORRELATION") else {}
    console.print(start(stack, send(stack, chosen.scenario) | correlation, chosen.via), highlight=False, soft_wrap=True)
    return 0


def watch_some(console: Console) -> int:
    """Shows the verification ID, or the newest of CORRELATION, live until its outcome is there; without either, all that are
    open or were a moment ago. Raises LocalStackFailed, BadChoice.
    """
    correlation_id, verification_id = GIVEN.get("CORRELATION"), GIVEN.get("ID")
    if correlation_id and verification_id:
        raise BadChoice("watch takes ID or CORRELATION, not both")
    stack = the_stack()
    if correlation_id:
        found = _body_of(stack, f"/verifications?correlationId={quote(correlation_id, safe='')}")["verifications"]
        if not found:
            raise LocalStackFailed(f"no verification has the correlationId {correlation_id}")
        verification_id = found[0]["verificationId"]
    elif verification_id:
        verification_id = _body_of(stack, f"/verifications/{quote(verification_id)}")["verificationId"]
    if verification_id:
        return watch(console, stack, verification_id)
    with suppress(KeyboardInterrupt):  # it is how one leaves the picture
        show_all(stack, console)
    return 0


def _body_of(stack: Stack, path: str) -> dict[str, Any]:
    answer = stack.call_api("GET", path)
    if answer.status != 200:
        raise LocalStackFailed(answer.refusal)
    return answer.body


def logs(console: Console) -> int:
    """Prints what FUNCTION, a logical id of linkwatch's template or of a deployed example's, has logged. Raises BadChoice."""
    stack, wanted = the_stack(), GIVEN.get("FUNCTION") or "CheckLink"
    deployed = stack.client("cloudformation").describe_stacks()["Stacks"]
    templates = [
        CloudFormationStack(stack.client, each["StackName"])
        for each in deployed
        if each["StackName"].startswith("linkwatch")
    ]
    known = {function: template for template in templates for function in template.functions()}
    if wanted not in known:
        raise BadChoice(f"FUNCTION={wanted} does not exist; there are {', '.join(sorted(known))}")
    console.print(known[wanted].logs_of(wanted), markup=False, highlight=False, soft_wrap=True)
    return 0


def recover(console: Console) -> int:
    """Resumes all open verifications, also those that recovery has given up on; prints the counts of the sweep."""
    console.print_json(data=the_stack().recover(rearm=True))
    return 0


def report(console: Console) -> int:
    """Writes the report of the background stack: HOURS, SINCE, UNTIL, OUT."""
    from operations.report import write_report  # noqa: PLC0415  # needs vl-convert, which make run does without

    console.print(write_report(the_stack(), GIVEN), highlight=False, soft_wrap=True, markup=False)
    return 0


def example(console: Console, name: str, parameters: Sequence[str]) -> int:
    """Deploys an example beside the background stack. parameters: Name=value. Raises BadChoice, LocalStackFailed."""
    if name not in sam.EXAMPLES:
        raise BadChoice(f"the example {name} does not exist; there are {', '.join(sam.EXAMPLES)}")
    stack = the_stack()
    with console.status(f"Building examples/{name} and deploying it to the emulator …"):
        of_linkwatch = {"BusName": stack.outputs.BusName, "TableName": stack.outputs.TableName}
        sam.deploy_example(name, of_linkwatch | values_in(shlex.join(parameters)), stack.environment)
    console.print(
        f"examples/{name} is deployed as the stack linkwatch-{name}; its README says how to use it", soft_wrap=True
    )
    return 0


def the_stack() -> Stack:
    """The background stack. Raises LocalStackFailed where none is up."""
    stack = background_stack()
    if stack is None:
        BACKGROUND_STACK.unlink(missing_ok=True)
        raise LocalStackFailed("no stack is up: make up starts one")
    return stack
