"""The resources of a deployed template by their logical ids: its functions and its queues."""

import json
from collections.abc import Callable
from typing import Any


class RecoveryFailed(Exception):
    """Recovery could not recover every open verification; the message is one line."""


class Resources:
    """Physical ids, as CloudFormation knows them; each is read once."""

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

    def functions(self) -> list[str]:
        """The logical ids of the template's functions."""
        pages = self._client("cloudformation").get_paginator("list_stack_resources")
        listed = [
            each for page in pages.paginate(StackName=self._stack_name) for each in page["StackResourceSummaries"]
        ]
        return sorted(e["LogicalResourceId"] for e in listed if e["ResourceType"] == "AWS::Lambda::Function")


class DeployedFunctions:
    """Calls functions and reads their logs."""

    def __init__(self, client: Callable[[str], Any], resources: Resources) -> None:
        """Client gives boto3's client of a service."""
        self._client = client
        self._resources = resources

    def name_of(self, logical_id: str) -> str:
        """The name of a function of the template in this stack. Raises ClientError where there is none."""
        return self._resources.physical_id(logical_id)

    def invoke(self, logical_id: str, event: str) -> dict[str, Any]:
        """Calls a function by its alias and waits for its answer. event: JSON."""
        name = self.name_of(logical_id)
        return self._client("lambda").invoke(FunctionName=name, Qualifier="live", Payload=event)

    def logs_of(self, logical_id: str) -> str:
        """Everything that a function has logged so far."""
        described = self._client("lambda").get_function_configuration(FunctionName=self.name_of(logical_id))
        pages = self._client("logs").get_paginator("filter_log_events")
        group = described["LoggingConfig"]["LogGroup"]
        return "\n".join(e["message"].rstrip() for page in pages.paginate(logGroupName=group) for e in page["events"])

    def recover(self, *, rearm: bool = False) -> dict[str, Any]:
        """Runs recovery's sweep now; returns its counts. rearm: resumes also what recovery has given up on.

        Raises RecoveryFailed, BotoCoreError, ClientError.
        """
        answer = self.invoke("RecoverUnfinished", json.dumps({"sweep": True, "rearm": rearm}))
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise RecoveryFailed(f"recovery failed: {payload['errorMessage']}")
        return payload


class EventQueue:
    """The queue between the bus and the event handler, and its dead letters."""

    def __init__(self, client: Callable[[str], Any], resources: Resources) -> None:
        """Client gives boto3's client of a service."""
        self._client = client
        self._resources = resources

    def url(self, logical_id: str) -> str:
        """The URL of a queue of the template."""
        return self._resources.physical_id(logical_id)

    def dead_letters(self) -> list[dict[str, Any]]:
        """The events among the dead letters, up to ten of them. They stay there."""
        url = self.url("InstantLinkSentDeadLetters")
        got = self._client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in got.get("Messages", [])]

    def purge_dead_letters(self) -> None:
        """Empties the queue of dead letters."""
        self._client("sqs").purge_queue(QueueUrl=self.url("InstantLinkSentDeadLetters"))
