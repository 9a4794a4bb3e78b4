"""The resources of a deployed template, by their logical ids."""

from collections.abc import Callable
from typing import Any


class Resources:
    """Asks CloudFormation, once for each resource."""

    def __init__(self, client: Callable[[str], Any], stack_name: str) -> None:
        """Client gives boto3's client of a service."""
        self._client = client
        self._stack_name = stack_name
        self._known: dict[str, str] = {}

    def physical_id(self, logical_id: str) -> str:
        """A function's name, a queue's URL, a topic's ARN: what Ref gives on AWS. Raises ClientError where there is none."""
        if logical_id not in self._known:
            asked = {"StackName": self._stack_name, "LogicalResourceId": logical_id}
            found = self._client("cloudformation").describe_stack_resource(**asked)["StackResourceDetail"]
            self._known[logical_id] = found["PhysicalResourceId"]
        return self._known[logical_id]
