"""A stack in an account, as CloudFormation describes it, and its outputs."""

from typing import Any

import boto3
from botocore.exceptions import ClientError

from local.stack.exports import OUTPUTS
from operations.kept import Environment, NoDeployment
from operations.region import NAMES


def described(environment: Environment) -> dict[str, Any]:
    """What DescribeStacks says of it. Raises NoDeployment where there is none, BotoCoreError, ClientError."""
    cloudformation: Any = boto3.client("cloudformation", region_name=environment.region)
    try:
        return cloudformation.describe_stacks(StackName=environment.stack_name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            raise NoDeployment(f"there is no stack {environment.stack_name} in {environment.region}") from None
        raise


def outputs_of(environment: Environment) -> dict[str, str]:
    """The region, by each of its names, and the stack's outputs. Raises NoDeployment, BotoCoreError, ClientError."""
    stack = described(environment)
    found = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    if missing := [name for name in OUTPUTS if name not in found]:
        raise NoDeployment(f"{environment.stack_name} is {stack['StackStatus']}, without {', '.join(missing)}")
    return dict.fromkeys(NAMES, environment.region) | {name: found[name] for name in OUTPUTS}
