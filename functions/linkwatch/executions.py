"""The executions of the state machine, by name."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from linkwatch.aws_errors import aws_call

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.literals import ExecutionStatusType
    from mypy_boto3_stepfunctions.type_defs import ExecutionListItemTypeDef


#: As many executions as a page can have. AWS gives 100 by itself, and allows 100 pages at once and 2 a second outside the large
#: regions (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html): 20,000 would take a sweep's whole time.
_PAGE = 1_000
_FAILED: tuple["ExecutionStatusType", ...] = ("FAILED", "TIMED_OUT", "ABORTED")
_ENDED = frozenset({"SUCCEEDED", *_FAILED})


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
        with aws_call("StartExecution"):
            try:
                self._step_functions.start_execution(
                    stateMachineArn=self._state_machine_arn,
                    name=name,
                    input=json.dumps({"verificationId": verification_id}),
                )
            except self._step_functions.exceptions.ExecutionAlreadyExists:
                return False
        return True

    def ended_at(self, name: str) -> datetime | None:
        """When an execution ended, with a zone; None while Step Functions does not say that it has."""
        with aws_call("DescribeExecution"):
            execution = self._step_functions.describe_execution(executionArn=self._arn(name))
        return execution.get("stopDate") if execution["status"] in _ENDED else None

    def stop(self, name: str) -> None:
        """Stops an execution; one that has ended stays as it is."""
        with aws_call("StopExecution"):
            self._step_functions.stop_execution(executionArn=self._arn(name))

    def running_pages(self) -> Iterator[Sequence[str]]:
        """The names of the running executions; eventually consistent. Each page is one call, made when it is asked for."""
        for page in self._pages("RUNNING"):
            yield [execution["name"] for execution in page]

    def failed_pages(self, since: datetime) -> Iterator[Sequence[tuple[str, datetime]]]:
        """The name and the end of each execution that was started since then and failed; eventually consistent, but an end is
        final. Each page is one call, made when it is asked for.
        """
        for status in _FAILED:
            for page in self._pages(status):
                recent = [execution for execution in page if execution["startDate"] >= since]
                yield [(execution["name"], execution["stopDate"]) for execution in recent if "stopDate" in execution]
                if len(recent) < len(page):  # the latest come first
                    break

    def _pages(self, status: "ExecutionStatusType") -> Iterator[list["ExecutionListItemTypeDef"]]:
        pages = self._step_functions.get_paginator("list_executions")
        with aws_call("ListExecutions"):
            for page in pages.paginate(
                stateMachineArn=self._state_machine_arn, statusFilter=status, PaginationConfig={"PageSize": _PAGE}
            ):
                yield page["executions"]

    def _arn(self, name: str) -> str:
        return f"{self._state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
