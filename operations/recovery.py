"""make recover ENV=…: what an engineer does once the cause of repeated takeovers is gone (docs/runbook.md)."""

import json
from typing import Any

import boto3

from operations.kept import Environment


class RecoveryFailed(Exception):
    """Not every open verification could be recovered; the message is one line."""


def recover(environment: Environment) -> str:
    """Has recovery sweep once, and go on with what was taken over too often; gives its counts as JSON.

    Raises RecoveryFailed, BotoCoreError, ClientError.
    """
    cloudformation: Any = boto3.client("cloudformation", region_name=environment.region)
    found = cloudformation.describe_stack_resource(
        StackName=environment.stack_name, LogicalResourceId="RecoverUnfinished"
    )
    function = found["StackResourceDetail"]["PhysicalResourceId"]
    client: Any = boto3.client("lambda", region_name=environment.region)
    answer = client.invoke(FunctionName=function, Qualifier="live", Payload=json.dumps({"sweep": True, "rearm": True}))
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise RecoveryFailed(f"recovery failed: {payload['errorMessage']}")
    return json.dumps(payload, indent=2)
