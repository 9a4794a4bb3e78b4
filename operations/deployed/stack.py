"""A deployed stack, and what one does with it; also stacks of other templates."""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from operations.deployed.clock import await_that
from operations.deployed.outcome_events import OutcomeEvents
from operations.deployed.signed_calls import ApiAnswer, SignedCalls

_DESERIALIZER = TypeDeserializer()


class MissingOutputs(Exception):
    """There is no such stack, or it is not deployed completely; the message is one line."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """The stack's outputs, by the names of the contract."""

    ApiUrl: str
    BusName: str
    SignzyTokenArn: str
    TableName: str
    StateMachineArn: str
    ApiId: str


OUTPUTS = tuple(Outputs.__annotations__)


def outputs_of(client: Callable[[str], Any], stack_name: str) -> Outputs:
    """A linkwatch's outputs. Raises MissingOutputs, ClientError."""
    found = CloudFormationStack(client, stack_name).all_outputs()
    if missing := [name for name in OUTPUTS if name not in found]:
        raise MissingOutputs(f"the stack {stack_name} is not deployed in this region: it has no {', '.join(missing)}")
    return Outputs(**{name: found[name] for name in OUTPUTS})


def exports(values: Mapping[str, str]) -> str:
    """The lines that set the values in a POSIX shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())


class CloudFormationStack:
    """A stack of any template. client: gives boto3's client of a service."""

    def __init__(self, client: Callable[[str], Any], stack_name: str) -> None:
        self.client, self.stack_name = client, stack_name
        self._physical_ids: dict[str, str] = {}

    def describe(self) -> dict[str, Any] | None:
        """The answer of DescribeStacks; None where there is no such stack."""
        try:
            return self.client("cloudformation").describe_stacks(StackName=self.stack_name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):  # it has no error code of its own
                return None
            raise

    def all_outputs(self) -> dict[str, str]:
        """The outputs by name; none where there is no such stack."""
        outputs = (self.describe() or {}).get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    def physical_id(self, logical_id: str) -> str:
        """A function's name, a queue's URL, a topic's ARN: what Ref gives on AWS. Raises ClientError where there is none."""
        if logical_id not in self._physical_ids:
            asked = {"StackName": self.stack_name, "LogicalResourceId": logical_id}
            found = self.client("cloudformation").describe_stack_resource(**asked)["StackResourceDetail"]
            self._physical_ids[logical_id] = found["PhysicalResourceId"]
        return self._physical_ids[logical_id]

    def functions(self) -> list[str]:
        """The logical ids of the template's functions."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        listed = [each for page in pages.paginate(StackName=self.stack_name) for each in page["StackResourceSummaries"]]
        return sorted(e["LogicalResourceId"] for e in listed if e["ResourceType"] == "AWS::Lambda::Function")

    def invoke(self, function: str, event: str) -> dict[str, Any]:
        """Calls a function by its alias and waits for its answer. event: JSON."""
        name = self.physical_id(function)
        return self.client("lambda").invoke(FunctionName=name, Qualifier="live", Payload=event)

    def logs_of(self, function: str) -> str:
        """Everything that a function has logged so far."""
        described = self.client("lambda").get_function_configuration(FunctionName=self.physical_id(function))
        pages = self.client("logs").get_paginator("filter_log_events")
        events = pages.paginate(logGroupName=described["LoggingConfig"]["LogGroup"])
        return "\n".join(event["message"].rstrip() for page in events for event in page["events"])


class DeployedStack(CloudFormationStack):
    """A deployed linkwatch. Times are its own, which may run faster than the caller's; limits of waits are real seconds."""

    def __init__(self, calls: SignedCalls, outputs: Outputs, stack_name: str, outcomes_url: str = "") -> None:
        """outcomes_url: the queue that listen() has put on the bus; events() needs it."""
        super().__init__(calls.client, stack_name)
        self.calls, self.clock = calls, calls.clock
        self.outputs = outputs
        self.outcomes = OutcomeEvents(self.client, outcomes_url)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The stack's parameters, as they were when they were first read."""
        described = self.describe() or {}
        return {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}

    # ── Entry points ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def api_url(self) -> str:
        """Where the API answers: at ApiUrl on AWS, under the emulator's own address there."""
        if self.calls.endpoint is None:
            return self.outputs.ApiUrl
        api_id = self.outputs.ApiUrl.removeprefix("https://").split(".")[0]
        return f"{self.calls.endpoint}/restapis/{api_id}/v1/_user_request_"

    def call_api(self, method: str, path: str, body: Any = None, **options: Any) -> ApiAnswer:
        """One signed call of the API; path as in /verifications. options: as SignedCalls.call_api takes them."""
        return self.calls.call_api(method, self.api_url + path, body, **options)

    def find(self, verification_id: str) -> ApiAnswer:
        """GET /verifications/{verificationId}."""
        return self.call_api("GET", f"/verifications/{verification_id}")

    def cancel(self, verification_id: str) -> ApiAnswer:
        """DELETE /verifications/{verificationId}."""
        return self.call_api("DELETE", f"/verifications/{verification_id}")

    def put_link_sent(self, detail: Mapping[str, Any]) -> None:
        """Puts an InstantLinkSent event on the bus. Raises RuntimeError where the bus refuses it."""
        entry = {
            "EventBusName": self.outputs.BusName,
            "Source": "local.sender",
            "DetailType": "InstantLinkSent",
            "Detail": json.dumps(detail),
        }
        answer = self.client("events").put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise RuntimeError(f"the bus refused the event: {answer['Entries'][0].get('ErrorCode')}")

    def dead_letters(self) -> list[dict[str, Any]]:
        """The events among the dead letters, up to ten of them. They stay there."""
        url = self.physical_id("InstantLinkSentDeadLetters")
        got = self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in got.get("Messages", [])]

    def purge_dead_letters(self) -> None:
        """Empties the queue of dead letters."""
        self.client("sqs").purge_queue(QueueUrl=self.physical_id("InstantLinkSentDeadLetters"))

    # ── Executions ────────────────────────────────────────────────────────────────────────────────────────────────────

    def execution_arn(self, name: str) -> str:
        """The ARN of an execution."""
        return f"{self.outputs.StateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"

    def execution(self, name: str) -> dict[str, Any] | None:
        """The answer of DescribeExecution; None where there is no such execution."""
        client = self.client("stepfunctions")
        try:
            return client.describe_execution(executionArn=self.execution_arn(name))
        except client.exceptions.ExecutionDoesNotExist:
            return None

    def abort(self, name: str) -> None:
        """Aborts a running execution, as an operator might by mistake."""
        self.client("stepfunctions").stop_execution(executionArn=self.execution_arn(name))

    def history(self, name: str) -> list[dict[str, Any]]:
        """An execution's events, oldest first, with the data of its states."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        found = pages.paginate(executionArn=self.execution_arn(name))
        return [event for page in found for event in page["events"]]

    def states_entered(self, name: str) -> list[str]:
        """The names of the states that an execution has entered, in order. AWS bills each as a transition."""
        entered = (event.get("stateEnteredEventDetails") for event in self.history(name))
        return [details["name"] for details in entered if details]

    def recover(self, *, rearm: bool = False) -> dict[str, Any]:
        """Runs recovery's sweep now; returns its counts. rearm: resumes also what recovery has given up on.

        Raises RuntimeError where it fails, BotoCoreError, ClientError.
        """
        answer = self.invoke("RecoverUnfinished", json.dumps({"sweep": True, "rearm": rearm}))
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise RuntimeError(f"recovery failed: {payload['errorMessage']}")
        return payload

    # ── Outcomes ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def item(self, verification_id: str) -> dict[str, Any] | None:
        """The item as stored, with plain values (numbers as int), or None."""
        key = {"verificationId": {"S": verification_id}}
        dynamodb = self.client("dynamodb")
        found = dynamodb.get_item(TableName=self.outputs.TableName, Key=key, ConsistentRead=True).get("Item")
        return plain(found) if found else None

    def items(self) -> list[dict[str, Any]]:
        """All items, as item() returns one."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.outputs.TableName)
        return [plain(found) for page in pages for found in page["Items"]]

    def events(self, verification_id: str) -> list[dict[str, Any]]:
        """The outcome events of a verification that have arrived so far, whole."""
        self.outcomes.receive()
        return self.outcomes.of(verification_id)

    def await_published(self, verification_id: str, real_seconds: float) -> dict[str, Any]:
        """The item once it is marked published. Raises TimeoutError."""

        def published() -> dict[str, Any] | None:
            item = self.item(verification_id)
            return item if item and item.get("publishedAt") else None

        return await_that(published, real_seconds, f"{verification_id} is published")

    def fill_token(self, token: str) -> None:
        """Puts a token into the secret."""
        self.client("secretsmanager").put_secret_value(
            SecretId=self.outputs.SignzyTokenArn, SecretString=json.dumps({"token": token})
        )


def as_published(item: Mapping[str, Any]) -> dict[str, Any]:
    """A stored item as the API and the event show it: in the table, result is JSON text and reason may be an empty text."""
    result, reason = json.loads(item.get("result") or "null"), item.get("reason") or None
    return {"checks": None, "correlationId": None, **item, "result": result, "reason": reason}


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of DynamoDB's with plain values, numbers as int."""
    values = {name: _DESERIALIZER.deserialize(value) for name, value in item.items()}
    return {name: int(value) if isinstance(value, Decimal) else value for name, value in values.items()}
