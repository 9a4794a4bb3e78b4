"""Where the acceptance run takes place: a stack and its simulator of Signzy, in an account or on the emulator."""

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.exceptions import ClientError

from local import sam as emulator_sam
from local.accelerated_clock import NoAcceleratedClock, environment_at
from local.checkout import BUILT_TEMPLATE, EMULATOR_VENV, ROOT
from local.stack import StackConfig, running_stack, warm_up_many
from operations import sam_cli as account_sam
from operations.acceptance.guarantees import Window
from operations.deployed.clock import Clock
from operations.deployed.outcome_events import listen
from operations.deployed.resources import Resources
from operations.deployed.stack import DeployedStack, outputs_of
from operations.environment import Environment
from simulator.client import VendorRequest

#: What two cores keep up with, forty verifications at a time.
SPEED = 2
#: On the emulator, a check may come seconds late: two cores serve forty verifications.
_EMULATOR_WINDOW = Window(60, 5, 3)
#: What the next version is: another CheckLink, another definition.
_NEXT_VERSION = {"CheckLinkMemorySize": 512, "RetentionDays": 92}


class Signzy(Protocol):
    """What the run asks of a simulator."""

    def requests(self, request_id: str) -> list[VendorRequest]:
        """The requests about a link, in the order in which they came."""
        ...

    def take_token(self, token: str) -> None:
        """The only token that it takes from now on, or soon."""
        ...


@dataclass(frozen=True)
class Place:
    """name: for the report; deploy_next: deploys another version over the stack; log_seconds: how far behind the simulator's
    log may be; is_emulator: there, no role is refused at the API, and StartExecution may take longer than the event handler
    waits, so that the sweep makes the start; versions: what runs here.
    """

    name: str
    region: str
    stack: DeployedStack
    signzy: Signzy
    window: Window
    deploy_next: Callable[[], None]
    log_seconds: float = 0
    is_emulator: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        """The stack's."""
        return self.stack.clock


@contextmanager
def on_emulator(template: Path = BUILT_TEMPLATE) -> Iterator[Place]:
    """A stack on the emulator, with the local simulator, under an accelerated clock where there is one. It ends with the block.

    template: another build than this checkout's. Raises LocalStackFailed.
    """
    speed = SPEED
    try:
        environment_at(speed)
    except NoAcceleratedClock:
        speed = 1
    window = _EMULATOR_WINDOW
    parameters = _parameters(window)
    with running_stack(StackConfig(speed=speed, parameters=parameters, template=template)) as stack:
        warm_up_many(stack)
        base_url = {"SignzyBaseUrl": stack.signzy.base_url}

        def deploy_next() -> None:
            changed = base_url | parameters | _NEXT_VERSION
            emulator_sam.deploy(stack.environment, changed, template)

        yield Place(
            name=f"the emulator, {speed:g} times real time" if speed != 1 else "the emulator",
            region="local",
            stack=stack,
            signzy=stack.signzy,
            window=window,
            deploy_next=deploy_next,
            is_emulator=True,
            versions={"ministack": _emulator_version(), **_code_versions()},
        )


def _parameters(window: Window) -> dict[str, int]:
    return {
        "WindowSeconds": window.seconds,
        "PollIntervalSeconds": window.interval,
        "LastCheckLeadSeconds": window.lead,
    }


def _emulator_version() -> str:
    found = next(EMULATOR_VENV.glob("lib/python*/site-packages/ministack-*.dist-info"), None)
    return found.name.split("-")[1].removesuffix(".dist") if found else "unknown"


def _code_versions() -> dict[str, str]:
    describe = ["git", "-C", os.fspath(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(describe, capture_output=True, text=True, check=False)
    return {"linkwatch": done.stdout.strip() or "unknown"}


# ── In an account ─────────────────────────────────────────────────────────────────────────────────────────────────────


class SimulatorLog:
    """The simulator's log group and its secret: all that is left of what it was asked."""

    def __init__(self, stack: DeployedStack, log_group: str, token_arn: str) -> None:
        self._stack, self._log_group, self._token_arn = stack, log_group, token_arn
        self._began_ms = round(stack.clock.now_ms()) - 60_000

    def requests(self, request_id: str) -> list[VendorRequest]:
        """The requests about a link, by the time at which AWS took them; as the log was when the first was asked for."""
        found = [
            VendorRequest(line["check"], line["atMs"], line["path"], line["answer"])
            for line in self._lines
            if line["requestId"] == request_id
        ]
        return sorted(found, key=lambda request: request.at_ms)

    @cached_property
    def _lines(self) -> list[dict[str, Any]]:
        """All of it, read once: CloudWatch Logs takes five such calls a second."""
        asked = {"logGroupName": self._log_group, "startTime": self._began_ms, "filterPattern": "Answered"}
        pages = self._stack.client("logs").get_paginator("filter_log_events").paginate(**asked)
        return [json.loads(event["message"]) for page in pages for event in page["events"]]

    def take_token(self, token: str) -> None:
        """The simulator reads it as soon as a check comes with it, and drops the old one within 10 s."""
        secret = json.dumps({"token": token})
        self._stack.client("secretsmanager").put_secret_value(SecretId=self._token_arn, SecretString=secret)


def account_window(*, is_full: bool) -> Window:
    """The window of a run in an account."""
    return Window(300, 10, 2) if is_full else Window(60, 5, 2)


@contextmanager
def in_account(environment: Environment, window: Window, *, keeps: Callable[[], bool]) -> Iterator[Place]:
    """A stack and a simulator of their own beside an environment's. keeps says at the end whether they stay.

    Raises CalledProcessError where SAM fails, ClientError.
    """
    own = replace(environment, stack_name=f"{environment.stack_name}-acceptance")
    signzy_name = f"{own.stack_name}-signzy"
    calls = own.calls()
    client, endpoint = calls.client, calls.endpoint
    try:
        # No limit of its own: the run is about linkwatch, and a burst must not fail at the simulator.
        of_signzy = [f"WindowSeconds={window.seconds}", "ConcurrentRequests=0"]
        account_sam.deploy_simulator(own.beside("signzy"), of_signzy, confirms=False)
        signzy = _outputs(client, signzy_name)
        overrides = {"SignzyBaseUrl": _reachable(signzy["SignzyBaseUrl"], endpoint), **_parameters(window)}
        account_sam.build(own)
        _deploy(own, overrides)
        outputs = outputs_of(client, own.stack_name)
        outcomes_url = listen(client, outputs.BusName, own.stack_name)
        stack = DeployedStack(calls, outputs, own.stack_name, outcomes_url)
        secret = client("secretsmanager").get_secret_value(SecretId=signzy["TokenArn"])["SecretString"]
        stack.fill_token(json.loads(secret)["token"])
        yield Place(
            name="AWS" if endpoint is None else f"AWS's place taken by {endpoint}",
            region=own.region,
            stack=stack,
            signzy=SimulatorLog(stack, signzy["LogGroup"], signzy["TokenArn"]),
            window=window,
            deploy_next=lambda: _deploy(own, overrides | _NEXT_VERSION),
            log_seconds=15 if endpoint is None else 1,
            is_emulator=endpoint is not None,
            versions=_code_versions() | _function_versions(stack),
        )
    finally:
        if not keeps():
            _remove(client, own.stack_name, signzy_name)


def _deploy(environment: Environment, overrides: Mapping[str, object]) -> None:
    given = [f"{name}={value}" for name, value in overrides.items()]
    account_sam.deploy(environment, None, given, confirms=False)


def _outputs(client: Callable[[str], Any], stack_name: str) -> dict[str, str]:
    described = client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def _reachable(url: str, endpoint: str | None) -> str:
    """The function URL; where an emulator takes AWS's place, by the path under which a Lambda of its reaches it."""
    if endpoint is None:
        return url
    host, _, path = url.removeprefix("https://").partition("/")
    return f"{endpoint}/_aws/lambda-url/{host.split('.')[0]}/{path}"


def _function_versions(stack: DeployedStack) -> dict[str, str]:
    asked = {"FunctionName": stack.functions.name_of("CheckLink"), "Qualifier": "live"}
    found = stack.client("lambda").get_function_configuration(**asked)
    return {"CheckLink": found["Version"], "runtime": found["Runtime"], "boto3": boto3.__version__}


def _remove(client: Callable[[str], Any], stack_name: str, signzy_name: str) -> None:
    """Both stacks, and what they leave: the queue and rule of the run, the table that outlives its stack."""
    with contextlib.suppress(ClientError, KeyError, IndexError):
        outputs = outputs_of(client, stack_name)
        of_rule = {"EventBusName": outputs.BusName}
        client("events").remove_targets(Rule=stack_name, Ids=["queue"], **of_rule)
        client("events").delete_rule(Name=stack_name, **of_rule)
        client("sqs").delete_queue(QueueUrl=client("sqs").get_queue_url(QueueName=stack_name)["QueueUrl"])
    table = None
    with contextlib.suppress(ClientError):
        table = Resources(client, stack_name).physical_id("Verifications")
    for name in (stack_name, signzy_name):
        client("cloudformation").delete_stack(StackName=name)
    for name in (stack_name, signzy_name):
        client("cloudformation").get_waiter("stack_delete_complete").wait(StackName=name)
        print(f"Removed {name}", flush=True)
    if table:
        dynamodb = client("dynamodb")
        # The emulator takes the template's "false" for true.
        if dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=table)
        print(f"Removed the table {table}", flush=True)
