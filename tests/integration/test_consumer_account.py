"""examples/consumer_account, with both of its stacks in the emulator's one account: the way of an outcome over two buses."""

import json
from collections.abc import Iterator

import pytest

from local import sam
from local.checkout import ROOT
from operations.deployed.clock import await_that
from operations.deployed.stack import CloudFormationStack
from tests.integration.conftest import patience
from tests.integration.test_examples import decision_on, sent
from tests.sample_events import event

FORWARD, CONSUMER = "linkwatch-forward", "linkwatch-consumer-account"
TEMPLATE = ROOT / "examples" / "consumer_account" / "forward.yaml"


@pytest.fixture(scope="module")
def decisions(stack) -> Iterator[str]:
    """Deploys the consumer with a bus of its own, and what forwards outcomes there. Yields the name of its table."""
    account = stack.client("sts").get_caller_identity()["Account"]
    linkwatch = stack.all_outputs()
    parameters = {
        "ForwardRoleArn": f"arn:aws:iam::{account}:role/{FORWARD}",
        "ApiUrl": stack.api_url,
        "ApiId": linkwatch["ApiId"],
    }
    sam.deploy_example("consumer_account", parameters, stack.environment)
    consumer = CloudFormationStack(stack.client, CONSUMER).all_outputs()
    cloudformation = stack.client("cloudformation")
    given = {"BusName": linkwatch["BusName"], "ConsumerBusArn": consumer["BusArn"]}
    cloudformation.create_stack(
        StackName=FORWARD,
        TemplateBody=TEMPLATE.read_text("utf-8"),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=FORWARD)
    assert CloudFormationStack(stack.client, FORWARD).all_outputs()["ForwardRoleArn"] == parameters["ForwardRoleArn"]
    yield consumer["DecisionsTable"]
    for name in (FORWARD, CONSUMER):
        cloudformation.delete_stack(StackName=name)


def test_a_forwarded_outcome_is_decided_on_by_what_the_api_says(stack, decisions):
    verification_id = sent(stack, decisions, "clicked")
    decided = decision_on(stack, decisions, verification_id)
    forged = event("measure-outcomes")["detail"] | {"verificationId": verification_id, "outcome": "CANCELLED"}

    entry = {"Source": "linkwatch", "DetailType": "VerificationSettled", "EventBusName": stack.outputs.BusName}
    stack.client("events").put_events(Entries=[{**entry, "Detail": json.dumps(forged)}])

    line = f"{verification_id}: decided before"
    functions = CloudFormationStack(stack.client, CONSUMER)
    await_that(lambda: line in functions.logs_of("ActOnOutcome"), patience(stack), "the consumer has seen it")
    assert decided["decision"] == "ALLOW"
    assert decision_on(stack, decisions, verification_id) == decided
