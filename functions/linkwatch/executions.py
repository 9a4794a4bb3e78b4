"""The executions of the state machine, by name."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from linkwatch.model import AwsUnavailable

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


_ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})


class Executions:
    """Starts, stops and lists executions. Every method raises AwsUnavailable."""

    def __init__(self, step_functions: "SFNClient", state_machine_arn: str) -> None:
        self._step_functions = step_functions
        self._state_machine_arn = state_machine_arn

    def start(self, name: str, verification_id: str) -> bool:
        """True when an execution of this name runs: started by this call, or before it (AWS lets a start with the name and the
        very input of a running execution succeed). False when the name is taken, which it stays for 90 days after the end
        (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
        """
        try:
            self._step_functions.start_execution(
                stateMachineArn=self._state_machine_arn,
                name=name,
                input=json.dumps({"verificationId": verification_id}),
            )
        except self._step_functions.exceptions.ExecutionAlreadyExists:
            return False
        except (ClientError, BotoCoreError) as error:
            raise AwsUnavailable.during("StartExecution", error) from error
        return True

    def ended_at(self, name: str) -> datetime | None:
        """When an execution ended, with a zone; None while Step Functions does not say that it has."""
        try:
            execution = self._step_functions.describe_execution(executionArn=self._arn(name))
        except (ClientError, BotoCoreError) as error:
            raise AwsUnavailable.during("DescribeExecution", error) from error
        return execution.get("stopDate") if execution["status"] in _ENDED else None

    def stop(self, name: str) -> None:
        """Stops an execution; one that has ended stays as it is."""
        try:
            self._step_functions.stop_execution(executionArn=self._arn(name))
        except (ClientError, BotoCoreError) as error:
            raise AwsUnavailable.during("StopExecution", error) from error

    def running(self) -> Iterator[str]:
        """The names of those that run, as of a moment ago: the list is eventually consistent."""
        pages = self._step_functions.get_paginator("list_executions")
        try:
            for page in pages.paginate(stateMachineArn=self._state_machine_arn, statusFilter="RUNNING"):
                yield from (execution["name"] for execution in page["executions"])
        except (ClientError, BotoCoreError) as error:
            raise AwsUnavailable.during("ListExecutions", error) from error

    def _arn(self, name: str) -> str:
        return f"{self._state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
