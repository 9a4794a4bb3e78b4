"""A deployed stack, on the emulator or on AWS, and what one does with it."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer

from local.stack.clock import Clock
from local.stack.event_queue import EventQueue
from local.stack.executions import Executions
from local.stack.faults import Faults
from local.stack.functions import Functions
from local.stack.launch import LocalStackFailed
from local.stack.outcome_events import OutcomeEvents
from local.stack.resources import Resources
from local.stack.signed_calls import ApiAnswer, SignedCalls
from simulator.client import SimulatedSignzy

#: As samconfig.toml's environment "local" names it.
STACK_NAME = "linkwatch"
_DESERIALIZER = TypeDeserializer()


@dataclass(frozen=True, slots=True)
class Outputs:
    """The stack's outputs, by the names of the contract."""

    ApiUrl: str
    StateMachineArn: str
    BusName: str
    TableName: str
    SignzyTokenArn: str


def await_that[T](happens: Callable[[], T | None], real_seconds: float, what: str) -> T:
    """What happens() gives as soon as it gives anything true. Raises TimeoutError, saying what did not come about."""
    give_up_at = time.monotonic() + real_seconds
    while not (happened := happens()):
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"{real_seconds:g} s have passed and it is not so: {what}")
        time.sleep(0.1)
    return happened


class Stack:
    """A deployed stack. Times are the stack's own, which may run faster than the caller's; waits have their limit in real
    seconds.
    """

    def __init__(  # noqa: PLR0913  # those after the * have defaults, which fit the emulator
        self,
        endpoint: str | None,
        outputs: Outputs,
        clock: Clock,
        simulator_address: str | None,
        outcomes_url: str,
        *,
        stack_name: str = STACK_NAME,
        session: boto3.Session | None = None,
    ) -> None:
        """endpoint: of the emulator, None for AWS; outcomes_url: the queue that was put on the bus, so as to see what consumers
        see; session: whose keys and region, the emulator's by default.
        """
        self._endpoint = endpoint
        self.stack_name = stack_name
        self.outputs = outputs
        self.clock = clock
        self.calls = SignedCalls(endpoint, clock, session)
        self._simulator_address = simulator_address
        #: What lets a program that is started for this stack into its clock.
        self.clock_environment: Mapping[str, str] = {}
        self.outcomes = OutcomeEvents(self.client, outcomes_url)
        self.executions = Executions(self.client, outputs.StateMachineArn)
        self.resources = Resources(self.client, stack_name)
        self.functions = Functions(self.client, self.resources)
        self.event_queue = EventQueue(self.client, self.resources)

    @property
    def endpoint(self) -> str:
        """The emulator's address. There is none on AWS."""
        assert self._endpoint, "this stack is on AWS"
        return self._endpoint

    @cached_property
    def faults(self) -> Faults:
        """Faults on demand. Not there on AWS."""
        return Faults(self.endpoint, self.clock)

    @cached_property
    def signzy(self) -> SimulatedSignzy:
        """The simulator. Not there when the stack watches real links."""
        assert self._simulator_address, "this stack has no simulator"
        return SimulatedSignzy(self._simulator_address)

    def client(self, service: str) -> Any:
        """boto3's client of a service."""
        return self.calls.client(service)

    @cached_property
    def window_seconds(self) -> float:
        """How long a link lives in this stack: its parameter WindowSeconds."""
        described = self.client("cloudformation").describe_stacks(StackName=self.stack_name)["Stacks"][0]
        return float({p["ParameterKey"]: p["ParameterValue"] for p in described["Parameters"]}["WindowSeconds"])

    # ── Entry points ──────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def api_url(self) -> str:
        """Where the API answers: ApiUrl's host is AWS's, the emulator has it under its own address."""
        if self._endpoint is None:
            return self.outputs.ApiUrl
        api_id = self.outputs.ApiUrl.removeprefix("https://").split(".")[0]
        return f"{self.endpoint}/restapis/{api_id}/v1/_user_request_"

    def call_api(self, method: str, path: str, body: Any = None, **options: Any) -> ApiAnswer:
        """One signed call of the API; path as in /verifications."""
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
        """Puts an InstantLinkSent event on the bus."""
        entry = {
            "EventBusName": self.outputs.BusName,
            "Source": "local.sender",
            "DetailType": "InstantLinkSent",
            "Detail": json.dumps(detail),
        }
        answer = self.client("events").put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise LocalStackFailed(f"the bus refused the event: {answer['Entries'][0].get('ErrorCode')}")

    # ── What came of it ───────────────────────────────────────────────────────────────────────────────────────────────

    def item(self, verification_id: str) -> dict[str, Any] | None:
        """The item as stored, with plain values (numbers as int), or None."""
        found = (
            self.client("dynamodb")
            .get_item(
                TableName=self.outputs.TableName, Key={"verificationId": {"S": verification_id}}, ConsistentRead=True
            )
            .get("Item")
        )
        return {name: _plain(value) for name, value in found.items()} if found else None

    def items(self) -> list[dict[str, Any]]:
        """All items, as item() gives one."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.outputs.TableName)
        return [{n: _plain(v) for n, v in found.items()} for page in pages for found in page["Items"]]

    def events(self, verification_id: str) -> list[dict[str, Any]]:
        """The outcome events of a verification that have arrived on the bus so far, whole."""
        return self.outcomes.of(verification_id)

    def await_published(self, verification_id: str, real_seconds: float) -> dict[str, Any]:
        """The item once it is marked published. Raises TimeoutError."""

        def published() -> dict[str, Any] | None:
            item = self.item(verification_id)
            return item if item and item.get("publishedAt") else None

        return await_that(published, real_seconds, f"{verification_id} is published")

    def rotate_token(self, token: str) -> None:
        """Replaces the token in the secret and at the simulator."""
        self.fill_token(token)
        self.signzy.take_token(token)

    def fill_token(self, token: str) -> None:
        """Puts a token into the secret."""
        self.client("secretsmanager").put_secret_value(
            SecretId=self.outputs.SignzyTokenArn, SecretString=json.dumps({"token": token})
        )


def _plain(value: Any) -> Any:
    return _with_ints(_DESERIALIZER.deserialize(value))


def _with_ints(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    return {name: _with_ints(field) for name, field in value.items()} if isinstance(value, dict) else value
