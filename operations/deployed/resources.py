"""The resources of a deployed template by their logical ids, and what one does with its functions."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Resources:
    """Physical ids, as CloudFormation knows them; each is read once. client: gives boto3's client of a service."""

    client: Callable[[str], Any]
    stack_name: str
    _known: dict[str, str] = field(default_factory=dict)

    def physical_id(self, logical_id: str) -> str:
        """A function's name, a queue's URL, a topic's ARN: what Ref gives on AWS. Raises ClientError where there is none."""
        if logical_id not in self._known:
            asked = {"StackName": self.stack_name, "LogicalResourceId": logical_id}
            found = self.client("cloudformation").describe_stack_resource(**asked)["StackResourceDetail"]
            self._known[logical_id] = found["PhysicalResourceId"]
        return self._known[logical_id]

    def functions(self) -> list[str]:
        """The logical ids of the template's functions."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        listed = [each for page in pages.paginate(StackName=self.stack_name) for each in page["StackResourceSummaries"]]
        return sorted(e["LogicalResourceId"] for e in listed if e["ResourceType"] == "AWS::Lambda::Function")


@dataclass(frozen=True)
class DeployedFunctions:
    """Calls functions and reads their logs. client: gives boto3's client of a service."""

    client: Callable[[str], Any]
    resources: Resources

    def invoke(self, logical_id: str, event: str) -> dict[str, Any]:
        """Calls a function by its alias and waits for its answer. event: JSON."""
        name = self.resources.physical_id(logical_id)
        return self.client("lambda").invoke(FunctionName=name, Qualifier="live", Payload=event)

    def logs_of(self, logical_id: str) -> str:
        """Everything that a function has logged so far."""
        name = self.resources.physical_id(logical_id)
        group = self.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
        pages = self.client("logs").get_paginator("filter_log_events")
        return "\n".join(e["message"].rstrip() for page in pages.paginate(logGroupName=group) for e in page["events"])

    def recover(self, *, rearm: bool = False) -> dict[str, Any]:
        """Runs recovery's sweep now; returns its counts. rearm: resumes also what recovery has given up on.

        Raises RuntimeError where it fails, BotoCoreError, ClientError.
        """
        answer = self.invoke("RecoverUnfinished", json.dumps({"sweep": True, "rearm": rearm}))
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise RuntimeError(f"recovery failed: {payload['errorMessage']}")
        return payload
