"""The executions of the state machine, by name."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from linkwatch.model import AwsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution as Step Functions tells of it: the input it was started with, its output once it has succeeded."""

    name: str
    is_running: bool
    input: dict[str, Any]
    output: dict[str, Any]


class Executions:
    """Start, find and list them. All raise AwsUnavailable."""

    def __init__(self, step_functions: "SFNClient", state_machine_arn: str) -> None:
        self._step_functions = step_functions
        self._state_machine_arn = state_machine_arn

    def start(self, name: str, execution_input: dict[str, Any]) -> bool:
        """Starts an execution; False when there is or was one of that name already (a name is taken for 90 days).

        StartExecution with the very input of a running execution would succeed once more
        (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html): the input therefore holds
        the id of the request or event that asked for it.
        """
        try:
            self._step_functions.start_execution(
                stateMachineArn=self._state_machine_arn, name=name, input=json.dumps(execution_input)
            )
        except self._step_functions.exceptions.ExecutionAlreadyExists:
            return False
        except (ClientError, BotoCoreError) as error:
            raise AwsUnavailable.during("StartExecution", error) from error
        return True

    def find(self, name: str) -> Execution | None:
        """An execution, or None when there is none."""
        arn = f"{self._state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            execution = self._step_functions.describe_execution(executionArn=arn)
        except self._step_functions.exceptions.ExecutionDoesNotExist:
            return None
        except (ClientError, BotoCoreError) as error:
            raise AwsUnavailable.during("DescribeExecution", error) from error
        return Execution(
            name=name,
            is_running=execution["status"] == "RUNNING",
            input=json.loads(execution.get("input") or "{}"),
            output=json.loads(execution.get("output") or "{}"),
        )

    def running(self) -> Iterator[str]:
        """The names of those that run, as of a moment ago: the list is eventually consistent."""
        pages = self._step_functions.get_paginator("list_executions")
        try:
            for page in pages.paginate(stateMachineArn=self._state_machine_arn, statusFilter="RUNNING"):
                yield from (execution["name"] for execution in page["executions"])
        except (ClientError, BotoCoreError) as error:
            raise AwsUnavailable.during("ListExecutions", error) from error
