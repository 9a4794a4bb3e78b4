"""The target in an account: a stack and a simulator of Signzy, made for the run beside an environment's and removed after it."""

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.exceptions import ClientError

from operations import sam_cli
from operations.acceptance.consumer import connect, disconnect
from operations.acceptance.guarantees import Window
from operations.acceptance.target import Target
from operations.deployed.stack import CloudFormationStack, DeployedStack, MissingOutputs, outputs_of
from operations.environment import ROOT, BadChoice, Environment
from simulator.client import SimulatorRequest

_SUFFIX = "-acceptance"
#: The template's schedule is {stack}-RecoverUnfinished, and AWS allows 64 characters.
_STACK_NAME_LENGTH = 46
#: A link of a burst needs an entry point at first, then a check and the simulator at the same time, and some room.
_LAMBDAS_A_LINK = 3
#: Below this account limit, starts and checks of the whole run compete for Lambdas.
_FEW_LAMBDAS = 300
#: Other links than the burst's that may be checked at the same moment, and what AWS leaves unreserved in an account.
_OTHER_LINKS, _UNRESERVED = 50, 100
#: The version that replaces the first one: another CheckLink, another definition.
NEXT_VERSION = {"CheckLinkMemorySize": 768, "RetentionDays": 92}


@dataclass(frozen=True)
class SimulatorLog:
    """The simulator's log group and its secret. It keeps nothing else. began_ms: of the run, epoch milliseconds."""

    client: Callable[[str], Any]
    log_group: str
    token_arn: str
    began_ms: int

    def read_requests(self, request_ids: Sequence[str]) -> dict[str, list[SimulatorRequest]]:
        """As the log is now, by the time at which AWS took the requests."""
        asked = {"logGroupName": self.log_group, "startTime": self.began_ms, "filterPattern": "Answered"}
        pages = self.client("logs").get_paginator("filter_log_events").paginate(**asked)
        lines = [json.loads(event["message"]) for page in pages for event in page["events"]]
        found: dict[str, list[SimulatorRequest]] = {request_id: [] for request_id in request_ids}
        for line in sorted(lines, key=lambda line: line["atMs"]):
            if line["requestId"] in found:
                request = SimulatorRequest(line["check"], line["atMs"], line["path"], line["answer"])
                found[line["requestId"]].append(request)
        return found

    def take_token(self, token: str) -> None:
        """The simulator reads it as soon as a check comes with it, and refuses the old one after 10 s."""
        secret = json.dumps({"token": token})
        self.client("secretsmanager").put_secret_value(SecretId=self.token_arn, SecretString=secret)


def stack_name_for(environment: Environment) -> str:
    """The run's own stack. Raises BadChoice where the name is too long for the template."""
    name = f"{environment.stack_name}{_SUFFIX}"
    if len(name) > _STACK_NAME_LENGTH:
        longest = _STACK_NAME_LENGTH - len(_SUFFIX)
        raise BadChoice(
            f"the run's stack would be {name}, longer than {_STACK_NAME_LENGTH} characters: "
            f"the stack name of ENV={environment.name} may have {longest}"
        )
    return name


def concurrent_lambdas(environment: Environment) -> tuple[int, int] | None:
    """The account's limits in the region: at once, and of these unreserved; None where the caller may not read them.

    Raises BotoCoreError.
    """
    with contextlib.suppress(ClientError):
        limit = environment.calls().client("lambda").get_account_settings()["AccountLimit"]
        return limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    return None


def fitting_burst(wanted: int, concurrent: int) -> int:
    """How many starts at once the account's limit of Lambdas allows, so that the burst is not throttled."""
    return max(1, min(wanted, concurrent // _LAMBDAS_A_LINK))


def simulator_limit(burst: int, unreserved: int) -> int:
    """The simulator's own limit of requests at once, since anybody may call it; 0 (none) where so much cannot be reserved."""
    wanted = burst + _OTHER_LINKS
    return wanted if unreserved - wanted >= max(_UNRESERVED, 2 * burst) else 0


def account_window(*, is_full: bool) -> Window:
    """The window of a run in an account."""
    return Window(300, 10, 2) if is_full else Window(60, 5, 2)


@contextmanager
def account_target(  # noqa: PLR0913  # callers name those after the *
    environment: Environment,
    window: Window,
    burst: int,
    given: Mapping[str, str],
    *,
    keeps: Callable[[], bool],
    tell: Callable[[str], None],
) -> Iterator[Target]:
    """Deploys both stacks and connects a consumer. given: the environment's parameters, of which the roles get theirs.

    keeps says at the end whether they stay. Raises BadChoice, BotoCoreError, ClientError, TimeoutError, CalledProcessError.
    """
    own = replace(environment, stack_name=stack_name_for(environment))
    limits = concurrent_lambdas(environment)
    if limits is None:
        tell("the account's limit of Lambdas cannot be read; assuming 1000")
    concurrent, unreserved = limits or (1000, 1000)
    if burst > (fitting := fitting_burst(burst, concurrent)):
        tell(f"the account runs {concurrent} Lambdas at once, so BURST is {fitting} instead of {burst}")
        burst = fitting
    limit = simulator_limit(burst, unreserved)
    if not limit:
        tell("the simulator has no limit of its own: the account's leaves nothing to reserve")
    of_simulator = own.beside("simulator")
    tell(f"making the stacks {own.stack_name} and {of_simulator.stack_name}, a queue and a rule {own.stack_name}")
    calls = own.calls()
    client, endpoint = calls.client, calls.endpoint
    of_roles = {name: given[name] for name in ("PermissionsBoundaryArn", "RolePath") if name in given}
    try:
        limited = {"WindowSeconds": window.seconds, "ConcurrentRequests": limit}
        sam_cli.deploy_simulator(of_simulator, limited | of_roles, asks=False)
        simulator = CloudFormationStack(client, of_simulator.stack_name).all_outputs()
        base_url = {"SignzyBaseUrl": _reachable(simulator["SignzyBaseUrl"], endpoint)}
        overrides = base_url | of_roles | parameters(window)
        sam_cli.build(own)
        sam_cli.deploy(own, ["--resolve-s3"], overrides)
        outputs = outputs_of(client, own.stack_name)
        tell("connecting a consumer to the bus")
        stack = DeployedStack(calls, outputs, own.stack_name, connect(client, outputs.BusName, own.stack_name))
        secret = client("secretsmanager").get_secret_value(SecretId=simulator["TokenArn"])["SecretString"]
        stack.fill_token(json.loads(secret)["token"])
        began_ms = round(calls.clock.now_ms()) - 60_000
        yield Target(
            name="AWS" if endpoint is None else f"an emulator of AWS at {endpoint}",
            region=own.region,
            stack=stack,
            simulator=SimulatorLog(client, simulator["LogGroup"], simulator["TokenArn"], began_ms),
            window=window,
            burst=burst,
            deploy_next=lambda: sam_cli.deploy(own, ["--resolve-s3"], overrides | NEXT_VERSION),
            is_slow=endpoint is not None or concurrent < _FEW_LAMBDAS,
            is_emulator=endpoint is not None,
            versions=code_versions() | _function_versions(stack),
        )
    finally:
        if not keeps():
            remove_stacks(client, own.stack_name, tell)


def parameters(window: Window) -> dict[str, int]:
    """The template's, for this window."""
    return {
        "WindowSeconds": window.seconds,
        "PollIntervalSeconds": window.interval,
        "LastCheckLeadSeconds": window.lead,
    }


def code_versions() -> dict[str, str]:
    """The version of the checkout."""
    describe = ["git", "-C", os.fspath(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(describe, capture_output=True, text=True, check=False)
    return {"linkwatch": done.stdout.strip() or "unknown"}


def _reachable(url: str, endpoint: str | None) -> str:
    """The function URL; on an emulator, the path under which its Lambdas reach it."""
    if endpoint is None:
        return url
    host, _, path = url.removeprefix("https://").partition("/")
    return f"{endpoint}/_aws/lambda-url/{host.split('.')[0]}/{path}"


def _function_versions(stack: DeployedStack) -> dict[str, str]:
    asked = {"FunctionName": stack.physical_id("CheckLink"), "Qualifier": "live"}
    found = stack.client("lambda").get_function_configuration(**asked)
    return {"CheckLink": found["Version"], "runtime": found["Runtime"], "boto3": boto3.__version__}


def remove_stacks(client: Callable[[str], Any], stack_name: str, tell: Callable[[str], None]) -> None:
    """Removes both stacks, whether or not they were completed, and what they leave: queue, rule and the table."""
    table = None
    with contextlib.suppress(ClientError, KeyError):
        table = CloudFormationStack(client, stack_name).physical_id("Verifications")
    with contextlib.suppress(ClientError, MissingOutputs):
        disconnect(client, outputs_of(client, stack_name).BusName, stack_name)  # a bus that has a rule is not deleted
    names = (stack_name, f"{stack_name}-simulator")
    for name in names:
        client("cloudformation").delete_stack(StackName=name)
    for name in names:
        client("cloudformation").get_waiter("stack_delete_complete").wait(StackName=name)
        tell(f"removed {name}")
    if table:
        dynamodb = client("dynamodb")
        # The emulator takes the template's "false" for true.
        if dynamodb.describe_table(TableName=table)["Table"].get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=table)
        tell(f"removed the table {table}")
