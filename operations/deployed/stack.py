"""A deployed stack, and what one does with it."""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from operations.deployed.clock import Clock, await_that
from operations.deployed.executions import DeployedExecutions
from operations.deployed.outcome_events import OutcomeEvents
from operations.deployed.resources import DeployedFunctions, Resources
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


def describe_stack(client: Callable[[str], Any], stack_name: str) -> dict[str, Any]:
    """The answer of DescribeStacks about one stack. client gives boto3's client of a service. Raises ClientError."""
    return client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]


def find_stack(client: Callable[[str], Any], stack_name: str) -> dict[str, Any] | None:
    """As describe_stack; None where there is no such stack."""
    try:
        return describe_stack(client, stack_name)
    except ClientError as error:
        if "does not exist" in str(error):  # it has no error code of its own
            return None
        raise


def outputs_in(described: Mapping[str, Any]) -> dict[str, str]:
    """All outputs of any stack, by name, out of describe_stack's answer."""
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def outputs_of(client: Callable[[str], Any], stack_name: str) -> Outputs:
    """A linkwatch's outputs. Raises MissingOutputs, ClientError."""
    described = find_stack(client, stack_name)
    if not described:
        raise MissingOutputs(f"there is no stack {stack_name} in {client('cloudformation').meta.region_name}")
    found = outputs_in(described)
    if missing := [name for name in OUTPUTS if name not in found]:
        raise MissingOutputs(f"{stack_name} is {described['StackStatus']}, without {', '.join(missing)}")
    return Outputs(**{name: found[name] for name in OUTPUTS})


def exports(values: Mapping[str, str]) -> str:
    """The lines that set the values in a POSIX shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())


class DeployedStack:
    """A deployed stack. Times are the stack's own, which may run faster than the caller's; limits of waits are real seconds."""

    def __init__(self, calls: SignedCalls, outputs: Outputs, stack_name: str, outcomes_url: str = "") -> None:
        """outcomes_url: the queue that listen() has put on the bus; events() needs it."""
        self.calls = calls
        self.outputs = outputs
        self.stack_name = stack_name
        self.outcomes = OutcomeEvents(self.client, outcomes_url)
        self.executions = DeployedExecutions(self.client, outputs.StateMachineArn)
        self.resources = Resources(self.client, stack_name)
        self.functions = DeployedFunctions(self.client, self.resources)

    @property
    def clock(self) -> Clock:
        """The stack's clock."""
        return self.calls.clock

    def client(self, service: str) -> Any:
        """boto3's client of a service."""
        return self.calls.client(service)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The stack's parameters, as they were when they were first read."""
        described = describe_stack(self.client, self.stack_name)
        return {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}

    @property
    def window_seconds(self) -> float:
        """The window of a verification."""
        return float(self.parameters["WindowSeconds"])

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

    def start(self, request_id: str, session_id: str, **fields: Any) -> ApiAnswer:
        """POST /verifications."""
        return self.call_api("POST", "/verifications", {"requestId": request_id, "sessionId": session_id, **fields})

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
        url = self.resources.physical_id("InstantLinkSentDeadLetters")
        got = self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in got.get("Messages", [])]

    def purge_dead_letters(self) -> None:
        """Empties the queue of dead letters."""
        self.client("sqs").purge_queue(QueueUrl=self.resources.physical_id("InstantLinkSentDeadLetters"))

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
    return {name: _with_ints(_DESERIALIZER.deserialize(value)) for name, value in item.items()}


def _with_ints(value: Any) -> Any:
    return int(value) if isinstance(value, Decimal) else value
