"""make env: what a shell needs to call a deployed stack."""

import shlex
from typing import Any

import boto3
from botocore.exceptions import ClientError

from deployment.kept import Environment, NoDeployment
from deployment.region import NAMES

#: What the template promises (its Outputs), in the order in which it is printed.
OUTPUTS = ("ApiUrl", "BusName", "SignzyTokenArn", "TableName", "StateMachineArn")


def exports(values: dict[str, str]) -> str:
    """The lines that set the values in a POSIX shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())


def outputs_of(environment: Environment) -> dict[str, str]:
    """The region, by each of its names, and the stack's outputs. Raises NoDeployment, BotoCoreError, ClientError."""
    cloudformation: Any = boto3.client("cloudformation", region_name=environment.region)
    try:
        stack = cloudformation.describe_stacks(StackName=environment.stack_name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            raise NoDeployment(f"there is no stack {environment.stack_name} in {environment.region}") from None
        raise
    found = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    if missing := [name for name in OUTPUTS if name not in found]:
        raise NoDeployment(f"{environment.stack_name} is {stack['StackStatus']}, without {', '.join(missing)}")
    return dict.fromkeys(NAMES, environment.region) | {name: found[name] for name in OUTPUTS}
