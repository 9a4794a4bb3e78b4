"""The deployed functions, by their logical ids."""

import json
from collections.abc import Callable
from typing import Any

from local.stack.launch import LocalStackFailed
from local.stack.resources import Resources


class Functions:
    """Calls them and reads their logs."""

    def __init__(self, client: Callable[[str], Any], resources: Resources) -> None:
        """Client gives boto3's client of a service."""
        self._client = client
        self._resources = resources

    def name_of(self, logical_id: str) -> str:
        """The name that a function of the template has in this stack. Raises ClientError where there is none."""
        return self._resources.physical_id(logical_id)

    def invoke(self, logical_id: str, event: str) -> dict[str, Any]:
        """Calls a function, by its alias as everybody does, and waits for its answer. event: JSON."""
        name = self.name_of(logical_id)
        return self._client("lambda").invoke(FunctionName=name, Qualifier="live", Payload=event)

    def logs_of(self, logical_id: str) -> str:
        """What a function has logged so far."""
        described = self._client("lambda").get_function_configuration(FunctionName=self.name_of(logical_id))
        pages = self._client("logs").get_paginator("filter_log_events")
        group = described["LoggingConfig"]["LogGroup"]
        return "\n".join(e["message"].rstrip() for page in pages.paginate(logGroupName=group) for e in page["events"])

    def recover(self, *, rearm: bool = False) -> dict[str, Any]:
        """Has recovery sweep now, and gives its counts. Raises LocalStackFailed where it could not recover all."""
        answer = self.invoke("RecoverUnfinished", json.dumps({"sweep": True, "rearm": rearm}))
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise LocalStackFailed(f"recovery failed: {payload['errorMessage']}")
        return payload
