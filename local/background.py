"""The stack that make up leaves in the background, and the commands about it."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from local import sam
from local.checkout import SHOWN_LOGS
from local.launch import LocalStackFailed
from local.run import Chosen, scenario_in, send_link, simulated, start, watch
from local.stack import Stack, background_stack, end_background_stack, launch_background_stack
from local.watch import watch_all
from operations.deployed.stack import CloudFormationStack, exports
from operations.environment import BadChoice, entry_point, values_in

#: What make env prints of the emulator itself.
_ACCESS = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION")
_HOW_TO_USE = f"""
  make send, make watch, make logs, make down
  eval "$(make -s env)"    for the AWS CLI, SDKs, the examples and the README's commands

Logs are in {SHOWN_LOGS}"""


def up(chosen: Chosen) -> None:
    """Brings a stack up that stays, and prints how to use it. Raises LocalStackFailed, BadChoice."""
    if background_stack():
        raise LocalStackFailed("a stack is up already: make down ends it")
    config = simulated(chosen, default_speed=1)
    print("Building the stack and deploying it to the emulator …")
    stack = launch_background_stack(config)
    print(f"The stack is up, at {stack.clock.speed:g} times real time.\n{_HOW_TO_USE}")


def down(_: Chosen) -> None:
    """Ends the background stack."""
    stack = background_stack()
    if stack:
        end_background_stack(stack)
    print("The stack has ended" if stack else "No stack is up")


def env(_: Chosen) -> None:
    """Prints the stack's address, keys and outputs as shell exports (use with eval). Raises LocalStackFailed."""
    print(exports(variables_of(the_stack())))


def variables_of(stack: Stack) -> dict[str, str]:
    """The emulator's address and keys, the region, and the stack's outputs, with an ApiUrl that can be reached from here."""
    access = {name: stack.environment[name] for name in _ACCESS}
    # A session token of the person at the keyboard belongs to other keys.
    return access | {"AWS_SESSION_TOKEN": ""} | asdict(stack.outputs) | {"ApiUrl": stack.api_url}


def send(chosen: Chosen) -> None:
    """Has the simulator send a link, starts its verification through VIA, and prints its id."""
    scenario, via, stack = scenario_in(chosen), entry_point(chosen), the_stack()
    correlation = {"correlationId": chosen["CORRELATION"]} if "CORRELATION" in chosen else {}
    print(start(stack, send_link(stack, scenario) | correlation, via))


def watch_some(chosen: Chosen) -> None:
    """Prints what happens to the verification ID, or to the newest of CORRELATION, until its outcome is there; without either, to
    all that are open. Raises LocalStackFailed, BadChoice.
    """
    stack = the_stack()
    if "ID" in chosen:
        watch(stack, _body_of(stack, f"/verifications/{quote(chosen['ID'])}")["verificationId"])
    elif "CORRELATION" in chosen:
        named = quote(chosen["CORRELATION"], safe="")
        found = _body_of(stack, f"/verifications?correlationId={named}")["verifications"]
        if not found:
            raise LocalStackFailed(f"no verification has the correlationId {chosen['CORRELATION']}")
        watch(stack, found[0]["verificationId"])
    else:
        watch_all(stack)
        print("No verification is open")


def _body_of(stack: Stack, path: str) -> dict[str, Any]:
    answer = stack.call_api("GET", path)
    if answer.status != 200:
        raise LocalStackFailed(answer.refusal)
    return answer.body


def logs(chosen: Chosen) -> None:
    """Prints what FUNCTION, a logical id of linkwatch's template or of a deployed example's, has logged. Raises BadChoice."""
    stack, wanted = the_stack(), chosen.get("FUNCTION", "CheckLink")
    deployed = [each["StackName"] for each in stack.client("cloudformation").describe_stacks()["Stacks"]]
    templates = [CloudFormationStack(stack.client, name) for name in deployed if name.startswith("linkwatch")]
    known = {function: template for template in templates for function in template.functions()}
    if wanted not in known:
        raise BadChoice(f"FUNCTION={wanted} does not exist; there are {', '.join(sorted(known))}")
    print(known[wanted].logs_of(wanted))


def recover(_: Chosen) -> None:
    """Resumes all open verifications, also those that recovery has given up on; prints the counts of the sweep."""
    print(json.dumps(the_stack().recover(rearm=True), indent=2))


def report(chosen: Chosen) -> None:
    """Writes the report of the background stack: HOURS, SINCE, UNTIL, OUT."""
    from operations.report import write_report  # noqa: PLC0415  # needs vl-convert, which make run does without

    print(write_report(the_stack(), chosen))


def example(name: str, parameters: Sequence[str]) -> None:
    """Deploys an example beside the background stack. parameters: Name=value. Raises BadChoice, LocalStackFailed."""
    stack = the_stack()
    of_linkwatch = {"BusName": stack.outputs.BusName, "TableName": stack.outputs.TableName}
    sam.deploy_example(name, of_linkwatch | values_in(shlex.join(parameters)), stack.environment)
    print(f"examples/{name} is deployed as the stack linkwatch-{name}; its README says how to use it")


def the_stack() -> Stack:
    """The background stack. Raises LocalStackFailed where none is up."""
    stack = background_stack()
    if stack is None:
        raise LocalStackFailed("no stack is up: make up starts one")
    return stack
