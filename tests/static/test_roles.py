"""Each role may do what its function or state machine does, and nothing else; docs/security.md lists it."""

import json
import re
from typing import Any

import pytest

from local.checkout import ROOT
from tests.static.template import DEFAULT, DEFINITION, FULL, KEY, SECRET, allow, role_for, stack

SECURITY = (ROOT / "docs" / "security.md").read_text("utf-8")
HERE = "us-east-1:123456789012"
EXECUTIONS = f"arn:aws:states:{HERE}:execution:${{LinkWatch.Name}}:*"
TABLE = "${Verifications.Arn}"


def _key(*services: str, actions: str = "kms:Decrypt kms:GenerateDataKey") -> dict[str, Any]:
    """The right to use the key through these services."""
    via = [f"{service}.us-east-1.amazonaws.com" for service in services]
    return allow(actions, KEY, {"StringEquals": {"kms:ViaService": via if len(via) > 1 else via[0]}})


def _key_in_context(name: str, arn: str, actions: str = "kms:Decrypt kms:GenerateDataKey") -> dict[str, Any]:
    """For a service that takes the role and names in the encryption context what it encrypts."""
    return allow(actions, KEY, {"StringLike": {f"kms:EncryptionContext:{name}": arn}})


TRACES = allow("xray:PutTraceSegments xray:PutTelemetryRecords", "*")  # X-Ray has no resources


def _of_function(name: str, *own: dict[str, Any], keys: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    logs = allow("logs:CreateLogStream logs:PutLogEvents", f"${{{name}Logs.Arn}}")
    return role_for("lambda", name, *own, logs, TRACES, *keys) | {"ManagedPolicyArns": ["${VpcAccess}"]}


ONLY_OUTCOMES = {
    "ForAllValues:StringEquals": {"events:source": "linkwatch", "events:detail-type": "VerificationSettled"},
    "Null": {"events:source": "false", "events:detail-type": "false"},
}
ONLY_THE_SECRET = {
    "StringEquals": {
        "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com",
        "kms:EncryptionContext:SecretARN": SECRET,
    }
}
#: With a customer managed key, and a secret of the customer's.
ROLES = {
    "ApiAccessLogWriter": role_for(
        "apigateway",
        "ApiAccessLogs",
        allow(
            "logs:CreateLogGroup logs:CreateLogStream logs:DescribeLogGroups logs:DescribeLogStreams logs:PutLogEvents "
            "logs:GetLogEvents logs:FilterLogEvents",
            "*",
        ),
    ),
    "VerificationsApiRole": _of_function(
        "VerificationsApi",
        allow("states:StartExecution", "${LinkWatch}"),
        allow("states:StopExecution", EXECUTIONS),
        allow("dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem", TABLE),
        allow("dynamodb:Query", f"{TABLE}/index/correlationId"),
        keys=(_key("dynamodb", "states"),),
    ),
    "InstantLinkSentRole": _of_function(
        "InstantLinkSent",
        allow("states:StartExecution", "${LinkWatch}"),
        allow("dynamodb:PutItem", TABLE),
        allow(
            "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes sqs:ChangeMessageVisibility",
            "${InstantLinkSentQueue.Arn}",
        ),
        allow("sqs:SendMessage", "${InstantLinkSentDeadLetters.Arn}"),
        keys=(_key("dynamodb", "sqs", "states"),),
    ),
    "LinkWatchRole": role_for(
        "states",
        "LinkWatch",
        allow("dynamodb:GetItem dynamodb:UpdateItem", TABLE),
        allow("lambda:InvokeFunction", "${CheckLinkAliaslive}"),
        allow("events:PutEvents", f"arn:aws:events:{HERE}:event-bus/linkwatch-links", ONLY_OUTCOMES),
        allow(  # log delivery has no resources
            "logs:CreateLogDelivery logs:GetLogDelivery logs:UpdateLogDelivery logs:DeleteLogDelivery "
            "logs:ListLogDeliveries logs:PutResourcePolicy logs:DescribeResourcePolicies logs:DescribeLogGroups",
            "*",
        ),
        allow(f"{' '.join(TRACES['Action'])} xray:GetSamplingRules xray:GetSamplingTargets", "*"),
        _key("dynamodb"),
        _key_in_context("aws:states:stateMachineArn", f"arn:aws:states:{HERE}:stateMachine:*"),
        _key_in_context("SourceArn", f"arn:aws:logs:{HERE}:*", "kms:GenerateDataKey"),
        only_here=True,
    ),
    "CheckLinkRole": _of_function(
        "CheckLink",
        allow("secretsmanager:GetSecretValue", SECRET),
        keys=(allow("kms:Decrypt", "arn:aws:kms:us-east-1:*:key/*", ONLY_THE_SECRET),),  # whichever key it has
    ),
    "RecoverUnfinishedRole": _of_function(
        "RecoverUnfinished",
        allow("states:StartExecution states:ListExecutions", "${LinkWatch}"),
        allow("states:DescribeExecution", EXECUTIONS),
        allow("dynamodb:GetItem dynamodb:UpdateItem", TABLE),
        allow("dynamodb:Scan", f"{TABLE}/index/openVerifications"),
        keys=(_key("dynamodb", "states"),),
    ),
    "SchedulerRole": role_for(
        "scheduler",
        "Schedules",
        allow("lambda:InvokeFunction", ["${RecoverUnfinishedAliaslive}", "${CheckLinkAliaslive}"]),
        _key_in_context(
            "aws:scheduler:schedule:arn", f"arn:aws:scheduler:{HERE}:schedule/*/linkwatch-*", "kms:Decrypt"
        ),
        only_here=True,
    ),
    "MeasureOutcomesRole": _of_function("MeasureOutcomes"),
}
#: CheckLink's with the stack's own secret.
OWN_TOKEN = _of_function(
    "CheckLink",
    allow("secretsmanager:GetSecretValue", "${SignzyToken.Id}"),
    keys=(_key("secretsmanager", actions="kms:Decrypt"),),
)


def allowed(role: dict[str, Any]) -> list[dict[str, Any]]:
    return role["Policies"][0]["PolicyDocument"]["Statement"]


def own_actions(role: str) -> set[str]:
    """The actions that are of this role: not those for its logs, traces and key, which docs/security.md has once for all."""
    lists = [[it["Action"]] if isinstance(it["Action"], str) else it["Action"] for it in allowed(ROLES[role])]
    return {action for actions in lists for action in actions if not re.match("logs:|xray:|kms:", action)}


@pytest.mark.parametrize("name", sorted(FULL.of_type("AWS::IAM::Role").keys() | ROLES.keys()))
def test_a_role_may_do_what_the_table_says(name):
    assert FULL.properties(name) == ROLES[name]


@pytest.mark.parametrize("name", DEFAULT.of_type("AWS::IAM::Role"))
def test_a_role_asks_only_for_what_the_stack_has(name):
    role = OWN_TOKEN if name == "CheckLinkRole" else ROLES[name]
    without_key = [statement for statement in allowed(role) if "kms:" not in json.dumps(statement["Action"])]

    properties = DEFAULT.properties(name)
    assert allowed(properties) == without_key
    assert properties.get("ManagedPolicyArns", []) == []
    assert "PermissionsBoundary" not in properties
    assert "xray:" not in json.dumps(stack(TracingEnabled="false").properties(name))


def test_check_link_reads_the_stacks_own_secret_with_its_key():
    assert allowed(stack(KmsKeyArn=KEY).properties("CheckLinkRole")) == allowed(OWN_TOKEN)


# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
def test_lambda_may_make_network_interfaces_in_a_vpc_and_the_functions_code_may_not():
    code = {"ArnLike": {"lambda:SourceFunctionArn": f"arn:aws:lambda:{HERE}:function:*"}}

    assert FULL.properties("VpcAccess")["PolicyDocument"]["Statement"] == [
        allow(
            "ec2:CreateNetworkInterface ec2:DescribeNetworkInterfaces ec2:DescribeSubnets ec2:DeleteNetworkInterface "
            "ec2:AssignPrivateIpAddresses ec2:UnassignPrivateIpAddresses",
            "*",
        ),
        {"Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": code},
    ]


def test_the_state_machine_may_do_what_its_definition_calls():
    tasks = [state["Resource"] for state in DEFINITION["States"].values() if state["Type"] == "Task"]
    called = {resource.removeprefix("arn:${aws}:states:::") for resource in tasks}

    assert {action.removesuffix("Function").lower() for action in own_actions("LinkWatchRole")} == {
        resource.lower() for resource in called
    }


# The emulator does not enforce this condition, and AWS refuses an event that differs from it.
def test_the_published_event_is_one_that_the_role_allows_and_that_is_measured():
    [entry] = DEFINITION["States"]["Publish Outcome"]["Arguments"]["Entries"]
    pattern = DEFAULT.properties("MeasureOutcomesOnBus")["EventPattern"]

    assert [*ONLY_OUTCOMES["ForAllValues:StringEquals"].values()] == [entry["Source"], entry["DetailType"]]
    assert pattern == {"source": [entry["Source"]], "detail-type": [entry["DetailType"]]}
    assert entry["EventBusName"] == "${LinkBus}"


@pytest.mark.parametrize("role", [name for name in ROLES if name != "ApiAccessLogWriter"])
def test_security_lists_the_actions_of_each_role(role):
    row = re.search(rf"^\| {role.removesuffix('Role')}\b[^|]*\|(.*)\|$", SECURITY, re.MULTILINE)
    assert row
    service, listed = "", set()
    for given, action in re.findall(r"`(?:(\w+):)?([A-Z]\w+)`", row[1]):  # those that follow leave the service out
        service = given or service
        listed.add(f"{service}:{action}")

    assert listed == own_actions(role)
