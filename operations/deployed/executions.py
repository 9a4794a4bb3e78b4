"""The executions of a deployed state machine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DeployedExecutions:
    """Executions by name: their state, their history, how to abort one. client: gives boto3's client of a service."""

    client: Callable[[str], Any]
    state_machine_arn: str

    @property
    def _step_functions(self) -> Any:
        return self.client("stepfunctions")

    def arn(self, name: str) -> str:
        """The ARN of an execution."""
        return f"{self.state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"

    def find(self, name: str) -> dict[str, Any] | None:
        """The answer of DescribeExecution; None where there is no such execution."""
        try:
            return self._step_functions.describe_execution(executionArn=self.arn(name))
        except self._step_functions.exceptions.ExecutionDoesNotExist:
            return None

    def abort(self, name: str) -> None:
        """Aborts a running execution, as an operator might by mistake."""
        self._step_functions.stop_execution(executionArn=self.arn(name))

    def history(self, name: str) -> list[dict[str, Any]]:
        """An execution's events, oldest first, with the data of its states."""
        pages = self._step_functions.get_paginator("get_execution_history")
        return [event for page in pages.paginate(executionArn=self.arn(name)) for event in page["events"]]

    def states_entered(self, name: str) -> list[str]:
        """The names of the states that an execution has entered, in order. AWS bills each as a transition."""
        entered = (event.get("stateEnteredEventDetails") for event in self.history(name))
        return [details["name"] for details in entered if details]
