"""The target in an account: a stack and a simulator of Signzy, made for the run beside an environment's and removed after it."""

import contextlib
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from operations import sam_cli
from operations.acceptance.target import Target, Window
from operations.deployed.clock import await_that
from operations.deployed.outcome_events import OUTCOMES, OutcomeEvents, listen
from operations.deployed.resources import Resources
from operations.deployed.stack import DeployedStack, MissingOutputs, describe_stack, outputs_in, outputs_of
from operations.environment import ROOT, Environment
from simulator.client import SimulatorRequest

#: A link of a burst needs an entry point at first, then a check and the simulator at the same time, and some room.
_LAMBDAS_A_LINK = 3
#: Below this account limit, starts and checks of the whole run compete for Lambdas.
_FEW_LAMBDAS = 300
#: Other links than the burst's that may be checked at the same moment, and what AWS leaves unreserved in an account.
_OTHER_LINKS, _UNRESERVED = 50, 100
#: Seconds until a new rule delivers: EventBridge names no limit, SQS says up to 60 s for a policy.
_READY_SECONDS = 90
#: The version that replaces the first one: another CheckLink, another definition.
NEXT_VERSION = {"CheckLinkMemorySize": 768, "RetentionDays": 92}


def version() -> str:
    """The version of the checkout."""
    describe = ["git", "-C", os.fspath(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(describe, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def make_target(
    own: Environment, window: Window, burst: int, given: Mapping[str, str], tell: Callable[[str], None]
) -> Target:
    """Deploys both stacks and connects a consumer. own: the run's stack; given: parameters, of which the roles get theirs.

    Raises BotoCoreError, ClientError, TimeoutError, CalledProcessError.
    """
    calls, simulator_environment = own.calls(), own.beside("simulator")
    client, endpoint = calls.client, calls.endpoint
    concurrent, unreserved = 1000, 1000
    try:
        account = client("lambda").get_account_settings()["AccountLimit"]
        concurrent, unreserved = account["ConcurrentExecutions"], account["UnreservedConcurrentExecutions"]
    except ClientError:
        tell("the account's limit of Lambdas cannot be read; assuming 1000")
    fitting, simulator_limit = fit(burst, concurrent, unreserved)
    if fitting < burst:
        tell(f"the account runs {concurrent} Lambdas at once, so BURST is {fitting} instead of {burst}")
    tell(f"making the stacks {own.stack_name} and {simulator_environment.stack_name}, a queue and a rule")
    of_roles = {name: given[name] for name in ("PermissionsBoundaryArn", "RolePath") if name in given}
    limited = {"WindowSeconds": window.seconds, "ConcurrentRequests": simulator_limit}
    sam_cli.deploy_simulator(simulator_environment, limited | of_roles, asks=False)
    simulator = outputs_in(describe_stack(client, simulator_environment.stack_name))
    overrides = {"SignzyBaseUrl": _reachable(simulator["SignzyBaseUrl"], endpoint)} | of_roles | window.parameters()
    sam_cli.build(own)
    sam_cli.deploy_built(own, overrides)
    outputs = outputs_of(client, own.stack_name)
    tell("connecting a consumer to the bus")
    stack = DeployedStack(calls, outputs, own.stack_name, connect(client, outputs.BusName, own.stack_name))
    secret = client("secretsmanager").get_secret_value(SecretId=simulator["TokenArn"])["SecretString"]
    stack.fill_token(json.loads(secret)["token"])
    began_ms = round(calls.clock.now_ms()) - 60_000
    return Target(
        region=own.region,
        version=version(),
        stack=stack,
        read_requests=partial(read_log, client("logs"), simulator["LogGroup"], began_ms),
        take_token=lambda token: client("secretsmanager").put_secret_value(
            SecretId=simulator["TokenArn"], SecretString=json.dumps({"token": token})
        ),
        deploy_next=lambda: sam_cli.deploy_built(own, overrides | NEXT_VERSION),
        window=window,
        burst=fitting,
        is_slow=endpoint is not None or concurrent < _FEW_LAMBDAS,
        is_emulator=endpoint is not None,
    )


def fit(burst: int, concurrent: int, unreserved: int) -> tuple[int, int]:
    """How many starts at once the account's limits of Lambdas allow, and the simulator's own limit, since anybody may call it.

    That is 0 (none) where so much cannot be reserved: the rest of the account and the burst need Lambdas, too.
    """
    fitting = max(1, min(burst, concurrent // _LAMBDAS_A_LINK))
    limit = fitting + _OTHER_LINKS
    return fitting, limit if unreserved - limit >= max(_UNRESERVED, 2 * fitting) else 0


def _reachable(url: str, endpoint: str | None) -> str:
    """The function URL; on an emulator, the path under which its Lambdas reach it."""
    if endpoint is None:
        return url
    host, _, path = url.removeprefix("https://").partition("/")
    return f"{endpoint}/_aws/lambda-url/{host.split('.')[0]}/{path}"


def connect(client: Callable[[str], Any], bus_name: str, name: str) -> str:
    """Makes queue and rule of this name. Returns the queue's URL when five test events in a row have arrived.

    Raises TimeoutError after 90 s, ClientError.
    """
    source, detail_type = "linkwatch.acceptance", "Canary"
    pattern = {"source": [*OUTCOMES["source"], source], "detail-type": [*OUTCOMES["detail-type"], detail_type]}
    events = OutcomeEvents(client, listen(client, bus_name, name, pattern))

    def canaries_arrive() -> bool:
        canaries = [secrets.token_hex(8) for _ in range(5)]
        for canary in canaries:
            detail = json.dumps({"verificationId": canary})
            entry = {"EventBusName": bus_name, "Source": source, "DetailType": detail_type, "Detail": detail}
            client("events").put_events(Entries=[entry])
        events.receive(wait_seconds=5)
        return all(events.of(canary) for canary in canaries)

    await_that(canaries_arrive, _READY_SECONDS, f"the bus {bus_name} delivers test events")
    return events.url


def read_log(logs: Any, group: str, began_ms: int, request_ids: Sequence[str]) -> dict[str, list[SimulatorRequest]]:
    """The requests about each link, as the simulator's log is now, by the time at which AWS took them. logs: boto3's client."""
    asked = {"logGroupName": group, "startTime": began_ms, "filterPattern": "Answered"}
    pages = logs.get_paginator("filter_log_events").paginate(**asked)
    lines = [json.loads(event["message"]) for page in pages for event in page["events"]]
    found: dict[str, list[SimulatorRequest]] = {request_id: [] for request_id in request_ids}
    for line in sorted(lines, key=lambda line: line["atMs"]):
        if line["requestId"] in found:
            request = SimulatorRequest(line["check"], line["atMs"], line["path"], line["answer"])
            found[line["requestId"]].append(request)
    return found


def remove_stacks(client: Callable[[str], Any], stack_name: str, tell: Callable[[str], None]) -> None:
    """Removes both stacks, whether or not they were completed, and what they leave: queue, rule and the table."""
    table, names = None, (stack_name, f"{stack_name}-simulator")
    with contextlib.suppress(ClientError, KeyError):
        table = Resources(client, stack_name).physical_id("Verifications")
    _disconnect(client, stack_name)
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


def _disconnect(client: Callable[[str], Any], stack_name: str) -> None:
    """Removes rule and queue, whatever is there of them: a bus that has a rule is not deleted."""
    with contextlib.suppress(ClientError, MissingOutputs):
        rule = {"EventBusName": outputs_of(client, stack_name).BusName}
        with contextlib.suppress(ClientError):
            client("events").remove_targets(Rule=stack_name, Ids=["queue"], **rule)
        client("events").delete_rule(Name=stack_name, **rule)
    with contextlib.suppress(ClientError):
        client("sqs").delete_queue(QueueUrl=client("sqs").get_queue_url(QueueName=stack_name)["QueueUrl"])
