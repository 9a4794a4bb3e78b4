"""make simulator, make send ENV=…: a simulator of Signzy in the account, beside a stack, and links for it (simulator/)."""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import boto3

from local.stack.clock import Clock
from local.stack.lifecycle import outputs_of
from local.stack.signed_calls import SignedCalls
from local.stack.stack import Stack
from operations import sam_cli
from operations.kept import Environment, NoDeployment
from operations.outputs import described
from simulator.coded import CodedLink


def stack_name_beside(environment: Environment) -> str:
    """The stack of an environment's simulator."""
    return f"{environment.stack_name}-simulator"


def deploy(environment: Environment, given: Mapping[str, str]) -> None:
    """Builds and deploys it, and prints how linkwatch is pointed at it. given: its parameters; the window is the stack's.

    Raises CalledProcessError.
    """
    name = stack_name_beside(environment)
    parameters = {"WindowSeconds": "300"}
    with suppress(NoDeployment):  # it may be there before the stack that it is for
        parameters["WindowSeconds"] = _parameters(environment)["WindowSeconds"]
    parameters |= given
    sam_cli.deploy_simulator(environment, name, [f"{key}={value}" for key, value in parameters.items()])
    found = described(replace(environment, stack_name=name))["Outputs"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found}
    print(_how_to_use(environment, outputs))


def send(environment: Environment, shell: Mapping[str, str]) -> None:
    """Has the stack watch a new link of SCENARIO, clicked after CLICK seconds, by VIA; prints its verificationId.

    Raises NoDeployment for a choice that does not exist, or when the stack refuses the start.
    """
    parameters, via, click = _parameters(environment), shell.get("VIA") or "api", shell.get("CLICK")
    if via not in {"api", "event"}:
        raise NoDeployment(f"VIA={via} does not exist; there are api and event")
    if click and not click.isdecimal():
        raise NoDeployment(f"CLICK={click} is no number of seconds")
    interval = int(parameters["PollIntervalSeconds"])
    try:
        link = CodedLink(shell.get("SCENARIO") or "clicked", int(time.time()), int(click) if click else None, interval)
    except ValueError as error:
        raise NoDeployment(str(error)) from None
    ids, stack = link.new_ids(), stack_of(environment)
    if via == "event":
        stack.put_link_sent(ids)
    elif (answer := stack.call_api("POST", "/verifications", ids)).status != 202:
        raise NoDeployment(f"the API answered {answer.status}: {json.dumps(answer.body)}")
    print(f"{ids['requestId']}-{ids['sessionId']}")


def stack_of(environment: Environment) -> Stack:
    """An environment's stack on AWS (or on the emulator that AWS_ENDPOINT_URL names), without a queue of outcomes."""
    session = boto3.Session(region_name=environment.region)
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    outputs = outputs_of(SignedCalls(endpoint, Clock.real_time(), session).client, environment.stack_name)
    return Stack(endpoint, outputs, Clock.real_time(), None, "", stack_name=environment.stack_name, session=session)


def _parameters(environment: Environment) -> dict[str, str]:
    """The deployed stack's. Raises NoDeployment."""
    return {each["ParameterKey"]: each["ParameterValue"] for each in described(environment)["Parameters"]}


def _how_to_use(environment: Environment, outputs: dict[str, str]) -> str:
    secret = f"aws secretsmanager get-secret-value --region {environment.region} --secret-id {outputs['TokenArn']}"
    read = f'"$({secret} --query SecretString --output text)"'
    return f"""
A simulator of Signzy, not Signzy, answers at {outputs["SignzyBaseUrl"]}

Point a linkwatch at it, never one whose outcomes count:
  make deploy ENV={environment.name} PARAMETERS="SignzyBaseUrl={outputs["SignzyBaseUrl"]}"
and give it the simulator's token:
  eval "$(make -s env ENV={environment.name})"
  aws secretsmanager put-secret-value --region {environment.region} --secret-id "$SignzyTokenArn" \\
    --secret-string {read}
Then send it links:
  make send ENV={environment.name} SCENARIO=clicked CLICK=25
"""
