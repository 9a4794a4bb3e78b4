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
def calls(stack) -> Iterator[dict[str, Callable[[Callable[[str], Any]], Any]]]:
    """Each call by its name, as a function of the clients to make it with."""
    machine, table, bus = stack.outputs.StateMachineArn, stack.outputs.TableName, stack.outputs.BusName
    execution, secret = stack.executions.arn("no-such-execution"), stack.outputs.SignzyTokenArn
    queue, dead_letters = (
        stack.event_queue.url("InstantLinkSentQueue"),
        stack.event_queue.url("InstantLinkSentDeadLetters"),
    )

    def put_event(client: Callable[[str], Any]) -> None:
        entry = {"EventBusName": bus, "Source": "another", "DetailType": "VerificationSettled", "Detail": "{}"}
        answer = client("events").put_events(Entries=[entry])["Entries"][0]
        if "ErrorCode" in answer:
            raise ClientError({"Error": {"Code": answer["ErrorCode"]}}, "PutEvents")

    def alias_of(function: str) -> str:
        name = stack.functions.name_of(function)
        return stack.client("lambda").get_alias(FunctionName=name, Name="live")["AliasArn"]

    def of(service: str, operation: str, **arguments: Any) -> Callable[[Callable[[str], Any]], Any]:
        return lambda client: getattr(client(service), operation)(**arguments)

    yield {
        # Its input is not JSON, so that nothing starts where the role allows it.
        "StartExecution": of("stepfunctions", "start_execution", stateMachineArn=machine, name="no", input="no JSON"),
        "StopExecution": of("stepfunctions", "stop_execution", executionArn=execution),
        "DescribeExecution": of("stepfunctions", "describe_execution", executionArn=execution),
        "GetExecutionHistory": of("stepfunctions", "get_execution_history", executionArn=execution),
        "ListExecutions": of("stepfunctions", "list_executions", stateMachineArn=machine, maxResults=1),
        "GetItem": of("dynamodb", "get_item", TableName=table, Key=KEY),
        "PutItem": of(
            "dynamodb", "put_item", TableName=table, Item=KEY, ConditionExpression="attribute_exists(verificationId)"
        ),
        "UpdateItem": of(
            "dynamodb",
            "update_item",
            TableName=table,
            Key=KEY,
            UpdateExpression="REMOVE nothing",
            ConditionExpression="attribute_exists(verificationId)",
        ),
        "BatchGetItem": of("dynamodb", "batch_get_item", RequestItems={table: {"Keys": [KEY]}}),
        "Query the index": of(
            "dynamodb",
            "query",
            TableName=table,
            IndexName="correlationId",
            KeyConditionExpression="correlationId = :none",
            ExpressionAttributeValues={":none": {"S": "none"}},
        ),
        "DeleteItem": of("dynamodb", "delete_item", TableName=table, Key=KEY),
        "Scan the table": of("dynamodb", "scan", TableName=table, Limit=1),
        "Scan the index": of("dynamodb", "scan", TableName=table, IndexName="openVerifications", Limit=1),
        "GetSecretValue": of("secretsmanager", "get_secret_value", SecretId=secret),
        "PutSecretValue": of("secretsmanager", "put_secret_value", SecretId=secret, SecretString="{}"),
        "Invoke CheckLink": of("lambda", "invoke", FunctionName=alias_of("CheckLink"), InvocationType="DryRun"),
        "Invoke RecoverUnfinished": of(
            "lambda", "invoke", FunctionName=alias_of("RecoverUnfinished"), InvocationType="DryRun"
        ),
        "PutEvents": put_event,
        "receive an event": of("sqs", "receive_message", QueueUrl=queue, VisibilityTimeout=0),
        "show an event again": of(
            "sqs",
            "change_message_visibility_batch",
            QueueUrl=queue,
            Entries=[{"Id": "0", "ReceiptHandle": "none", "VisibilityTimeout": 0}],
        ),
        "put an event into the queue": of("sqs", "send_message", QueueUrl=queue, MessageBody="{}"),
        "put a dead letter": of("sqs", "send_message", QueueUrl=dead_letters, MessageBody='{"detail": {}}'),
        "receive a dead letter": of("sqs", "receive_message", QueueUrl=dead_letters, VisibilityTimeout=0),
        "CreateRole": of("iam", "create_role", RoleName="another", AssumeRolePolicyDocument="{}"),
    }
    stack.event_queue.purge_dead_letters()


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
        return lambda service: stack.calls.client(service, session)

    return clients


@pytest.mark.parametrize("role", ALLOWED)
def test_a_role_allows_its_own_calls_and_no_others(clients_of, calls, role):
    clients = clients_of(role)

    allowed = {name for name, call in calls.items() if not is_refused(call, clients)}

    assert allowed == ALLOWED[role]


def is_refused(call: Callable[[Callable[[str], Any]], Any], clients: Callable[[str], Any]) -> bool:
    try:
        call(clients)
    except ClientError as error:
        return error.response.get("Error", {}).get("Code") in REFUSALS
    return False
