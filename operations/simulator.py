"""A simulator of Signzy in the account, beside a stack, and links for it (simulator/)."""

import time
from collections.abc import Mapping
from contextlib import suppress

from operations import sam_cli
from operations.deployed.stack import CloudFormationStack, DeployedStack, MissingOutputs, exports
from operations.environment import BadChoice, Environment, entry_point, values_in
from simulator.coded import CodedLink


def deploy(environment: Environment, chosen: Mapping[str, str]) -> None:
    """Builds and deploys it with PARAMETERS and the stack's window, and prints its outputs as shell exports."""
    own = environment.beside("simulator")
    window = "300"
    with suppress(MissingOutputs):  # it may be there before the stack that it is for
        window = environment.stack().parameters["WindowSeconds"]
    parameters = {"WindowSeconds": window} | values_in(chosen.get("PARAMETERS", ""))
    sam_cli.deploy_simulator(own, parameters, asks=chosen.get("CONFIRM") != "no")
    print(exports(CloudFormationStack(own.calls().client, own.stack_name).all_outputs()))


def send(stack: DeployedStack, chosen: Mapping[str, str]) -> str:
    """Has the stack watch a new link of SCENARIO, clicked after CLICK seconds, by VIA; returns its verificationId.

    The link has CORRELATION for its correlationId. Raises BadChoice, also where the stack refuses the start.
    """
    via, click, correlation_id = entry_point(chosen), chosen.get("CLICK"), chosen.get("CORRELATION")
    interval = int(stack.parameters["PollIntervalSeconds"])
    try:
        link = CodedLink(chosen.get("SCENARIO", "clicked"), int(time.time()), int(click) if click else None, interval)
    except ValueError as error:
        raise BadChoice(str(error)) from None
    ids = link.new_ids()
    started = ids | ({"correlationId": correlation_id} if correlation_id else {})
    if via == "event":
        stack.put_link_sent(started)
    elif (answer := stack.call_api("POST", "/verifications", started)).status != 202:
        raise BadChoice(answer.refusal)
    return f"{ids['requestId']}-{ids['sessionId']}"
