"""The emulator enforces the roles: each role is allowed its own calls and refused all others.

The calls are about things that do not exist, so that they change nothing. The other tests on the deployed stack show that the
real work succeeds under these roles.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.programs import REGION
from operations.deployed.signed_calls import SignedCalls

ID = "0" * 24 + "-" + "0" * 24
KEY = {"verificationId": {"S": ID}}
REFUSALS = {"AccessDenied", "AccessDeniedException", "AccessDeniedFault"}

#: What the holder of each role may call.
ALLOWED = {
    "VerificationsApi": {
        *("StartExecution", "StopExecution", "GetItem", "PutItem", "UpdateItem", "BatchGetItem", "Query the index"),
    },
    "InstantLinkSent": {"StartExecution", "PutItem", "receive an event", "show an event again", "put a dead letter"},
    "CheckLink": {"GetSecretValue"},
    "RecoverUnfinished": {
        *("StartExecution", "ListExecutions", "DescribeExecution", "GetItem", "UpdateItem", "Scan the index"),
    },
    "MeasureOutcomes": set(),
    # Its PutEvents has a condition on the event's source, which the emulator does not know: see tests/static.
    "LinkWatch": {"GetItem", "UpdateItem", "Invoke CheckLink"},
}


@pytest.fixture(scope="module")
def calls(stack) -> Iterator[dict[str, tuple[str, str, dict[str, Any]]]]:
    """Each call by its name: service, operation and arguments."""
    table, bus = {"TableName": stack.outputs.TableName}, stack.outputs.BusName
    machine, execution = stack.outputs.StateMachineArn, {"executionArn": stack.execution_arn("no-such-execution")}
    secret = {"SecretId": stack.outputs.SignzyTokenArn}
    queue = {"QueueUrl": stack.physical_id("InstantLinkSentQueue")}
    dead_letters = {"QueueUrl": stack.physical_id("InstantLinkSentDeadLetters")}
    exists = {"Key": KEY, "ConditionExpression": "attribute_exists(verificationId)"}
    shown_again = [{"Id": "0", "ReceiptHandle": "none", "VisibilityTimeout": 0}]
    forged = {"EventBusName": bus, "Source": "another", "DetailType": "VerificationSettled", "Detail": "{}"}

    def run(function: str) -> tuple[str, str, dict[str, Any]]:
        name = stack.physical_id(function)
        alias = stack.client("lambda").get_alias(FunctionName=name, Name="live")["AliasArn"]
        return "lambda", "invoke", {"FunctionName": alias, "InvocationType": "DryRun"}

    correlated = {
        "IndexName": "correlationId",
        "KeyConditionExpression": "correlationId = :none",
        "ExpressionAttributeValues": {":none": {"S": "none"}},
    }
    # The input is not JSON, so that nothing starts where the role allows it.
    started = {"stateMachineArn": machine, "name": "no", "input": "no JSON"}
    yield {
        "StartExecution": ("stepfunctions", "start_execution", started),
        "StopExecution": ("stepfunctions", "stop_execution", execution),
        "DescribeExecution": ("stepfunctions", "describe_execution", execution),
        "GetExecutionHistory": ("stepfunctions", "get_execution_history", execution),
        "ListExecutions": ("stepfunctions", "list_executions", {"stateMachineArn": machine, "maxResults": 1}),
        "GetItem": ("dynamodb", "get_item", {**table, "Key": KEY}),
        "PutItem": (
            "dynamodb",
            "put_item",
            {**table, "Item": KEY, "ConditionExpression": exists["ConditionExpression"]},
        ),
        "UpdateItem": ("dynamodb", "update_item", {**table, **exists, "UpdateExpression": "REMOVE nothing"}),
        "BatchGetItem": ("dynamodb", "batch_get_item", {"RequestItems": {table["TableName"]: {"Keys": [KEY]}}}),
        "Query the index": ("dynamodb", "query", {**table, **correlated}),
        "DeleteItem": ("dynamodb", "delete_item", {**table, "Key": KEY}),
        "Scan the table": ("dynamodb", "scan", {**table, "Limit": 1}),
        "Scan the index": ("dynamodb", "scan", {**table, "IndexName": "openVerifications", "Limit": 1}),
        "GetSecretValue": ("secretsmanager", "get_secret_value", secret),
        "PutSecretValue": ("secretsmanager", "put_secret_value", {**secret, "SecretString": "{}"}),
        "Invoke CheckLink": run("CheckLink"),
        "Invoke RecoverUnfinished": run("RecoverUnfinished"),
        "PutEvents": ("events", "put_events", {"Entries": [forged]}),
        "receive an event": ("sqs", "receive_message", {**queue, "VisibilityTimeout": 0}),
        "show an event again": ("sqs", "change_message_visibility_batch", {**queue, "Entries": shown_again}),
        "put an event into the queue": ("sqs", "send_message", {**queue, "MessageBody": "{}"}),
        "put a dead letter": ("sqs", "send_message", {**dead_letters, "MessageBody": '{"detail": {}}'}),
        "receive a dead letter": ("sqs", "receive_message", {**dead_letters, "VisibilityTimeout": 0}),
        "CreateRole": ("iam", "create_role", {"RoleName": "another", "AssumeRolePolicyDocument": "{}"}),
    }
    stack.purge_dead_letters()


@pytest.fixture
def clients_of(stack):
    """The clients of a role's holder."""
    iam = stack.client("iam")

    def clients(role: str) -> Callable[[str], Any]:
        found = next(each for each in iam.list_roles()["Roles"] if f"-{role}Role-" in each["RoleName"])
        trust = iam.get_role(RoleName=found["RoleName"])["Role"]["AssumeRolePolicyDocument"]
        anybody = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        trust["Statement"].append(anybody)  # the template trusts AWS's services only
        iam.update_assume_role_policy(RoleName=found["RoleName"], PolicyDocument=json.dumps(trust))
        keys = stack.client("sts").assume_role(RoleArn=found["Arn"], RoleSessionName="test")["Credentials"]
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION)
        return SignedCalls(session, stack.clock, stack.emulator.endpoint).client

    return clients


@pytest.mark.parametrize("role", ALLOWED)
def test_a_role_allows_its_own_calls_and_no_others(clients_of, calls, role):
    clients = clients_of(role)

    allowed = {name for name, call in calls.items() if not is_refused(clients, *call)}

    assert allowed == ALLOWED[role]


def is_refused(clients: Callable[[str], Any], service: str, operation: str, arguments: dict[str, Any]) -> bool:
    try:
        answer = getattr(clients(service), operation)(**arguments)
    except ClientError as error:
        return error.response.get("Error", {}).get("Code") in REFUSALS
    return any(entry.get("ErrorCode") in REFUSALS for entry in answer.get("Entries", []))  # of PutEvents
