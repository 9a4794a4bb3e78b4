"""The target in an account: a stack and a simulator of Signzy, made for the run beside an environment's and removed after it."""

import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from operations import sam_cli
from operations.acceptance.guarantees import Window
from operations.acceptance.target import Target
from operations.deployed.outcome_events import listen
from operations.deployed.stack import CloudFormationStack, DeployedStack, outputs_of
from operations.environment import Environment
from simulator.client import SimulatorRequest

#: A link of a burst needs an entry point at first, then a check and the simulator at the same time, and some room.
_LAMBDAS_A_LINK = 3
#: Below this account limit, starts and checks of the whole run compete for Lambdas.
_FEW_LAMBDAS = 300
#: Other links than the burst's that may be checked at the same moment.
_OTHER_LINKS = 50
#: Until a new rule delivers: EventBridge names no limit, SQS says up to 60 s for a queue's policy.
_READY_SECONDS = 90
#: The version that replaces the first one: another CheckLink, another definition.
NEXT_VERSION = {"CheckLinkMemorySize": 768, "RetentionDays": 92}


def make_target(
    own: Environment, window: Window, burst: int, given: Mapping[str, str], tell: Callable[[str], None]
) -> Target:
    """Deploys both stacks and connects a consumer. own: the run's stack; given: parameters, of which the roles get theirs.

    Raises BotoCoreError, ClientError, CalledProcessError.
    """
    calls, simulator_environment = own.calls(), own.beside("simulator")
    client, endpoint = calls.client, calls.endpoint
    concurrent, unreserved = 1000, 1000
    try:
        account = client("lambda").get_account_settings()["AccountLimit"]
        concurrent, unreserved = account["ConcurrentExecutions"], account["UnreservedConcurrentExecutions"]
    except ClientError:
        tell("the account's limit of Lambdas cannot be read; assuming 1000")
    fitting, limit = burst_and_limit(burst, concurrent, unreserved)
    if fitting < burst:
        tell(f"the account runs {concurrent} Lambdas at once, so BURST is {fitting} instead of {burst}")
    tell(f"making the stacks {own.stack_name} and {simulator_environment.stack_name}, a queue and a rule")
    of_roles = {name: given[name] for name in ("PermissionsBoundaryArn", "RolePath") if name in given}
    limited = {"WindowSeconds": window.seconds, "ConcurrentRequests": limit}
    sam_cli.deploy_simulator(simulator_environment, limited | of_roles, asks=False)
    simulator = CloudFormationStack(client, simulator_environment.stack_name).all_outputs()
    overrides = {"SignzyBaseUrl": _reachable(simulator["SignzyBaseUrl"], endpoint)} | of_roles | window.parameters()
    sam_cli.build(own)
    sam_cli.deploy(own, ["--resolve-s3"], overrides)
    outputs = outputs_of(client, own.stack_name)
    tell(f"connecting a consumer to the bus, and waiting {_READY_SECONDS} s until its rule delivers")
    stack = DeployedStack(calls, outputs, own.stack_name, listen(client, outputs.BusName, own.stack_name))
    time.sleep(_READY_SECONDS)
    secret = client("secretsmanager").get_secret_value(SecretId=simulator["TokenArn"])["SecretString"]
    stack.fill_token(json.loads(secret)["token"])
    began_ms = round(calls.clock.now_ms()) - 60_000
    return Target(
        stack=stack,
        read_requests=partial(read_log, client("logs"), simulator["LogGroup"], began_ms),
        take_token=lambda token: client("secretsmanager").put_secret_value(
            SecretId=simulator["TokenArn"], SecretString=json.dumps({"token": token})
        ),
        deploy_next=lambda: sam_cli.deploy(own, ["--resolve-s3"], overrides | NEXT_VERSION),
        window=window,
        burst=fitting,
        is_slow=endpoint is not None or concurrent < _FEW_LAMBDAS,
    )


def burst_and_limit(burst: int, concurrent: int, unreserved: int) -> tuple[int, int]:
    """The burst that fits the account's limit of Lambdas, and the simulator's own limit, since anybody may call it. 0 is none,
    where it would leave too few to the burst and the account.
    """
    burst = min(burst, max(1, concurrent // _LAMBDAS_A_LINK))
    limit = min(burst + _OTHER_LINKS, 1000)
    return burst, limit if unreserved >= 3 * limit else 0


def _reachable(url: str, endpoint: str | None) -> str:
    """The function URL; on an emulator, the path under which its Lambdas reach it."""
    if endpoint is None:
        return url
    host, _, path = url.removeprefix("https://").partition("/")
    return f"{endpoint}/_aws/lambda-url/{host.split('.')[0]}/{path}"


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
    resources, table, bus = CloudFormationStack(client, stack_name), "", ""
    with contextlib.suppress(ClientError, KeyError):
        table = resources.physical_id("Verifications")
        bus = resources.physical_id("LinkBus")
    events, sqs, rule = client("events"), client("sqs"), {"EventBusName": bus}
    for remove in (
        lambda: events.remove_targets(Rule=stack_name, Ids=["queue"], **rule),
        lambda: events.delete_rule(Name=stack_name, **rule),  # a bus that has a rule is not deleted
        lambda: sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=stack_name)["QueueUrl"]),
    ):
        with contextlib.suppress(ClientError, ParamValidationError):
            remove()
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
