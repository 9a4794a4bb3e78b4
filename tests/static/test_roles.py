"""Each role allows what its function or state machine does, and nothing else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads as load_yaml

from local.checkout import ROOT
from tests.static.template import DEFINITION, RESOURCES, of_type, referred, translated

#: What each task of the definition needs, by its resource: the action, and the template's resource whose ARN it is about.
NEEDED = {
    "arn:${aws}:states:::dynamodb:getItem": ("dynamodb:GetItem", "Verifications"),
    "arn:${aws}:states:::dynamodb:updateItem": ("dynamodb:UpdateItem", "Verifications"),
    "arn:${aws}:states:::lambda:invoke": ("lambda:InvokeFunction", "CheckLink"),
    "arn:${aws}:states:::events:putEvents": ("events:PutEvents", "LinkBus"),
}
#: Every role's actions and resources, logs, traces and the key aside: a change of what is allowed is a change here, too.
ALLOWED = {
    "ApiAccessLogWriter": set(),
    "VerificationsApiRole": {
        ("states:StartExecution", "LinkWatch"),
        ("states:StopExecution", "LinkWatch"),
        ("dynamodb:BatchGetItem", "Verifications"),
        ("dynamodb:GetItem", "Verifications"),
        ("dynamodb:BatchGetItem", "Verifications"),
        ("dynamodb:Query", "Verifications"),
        ("dynamodb:PutItem", "Verifications"),
        ("dynamodb:Query", "Verifications"),
        ("dynamodb:UpdateItem", "Verifications"),
        ("dynamodb:BatchGetItem", "Verifications"),
        ("dynamodb:Query", "Verifications"),
    },
    "InstantLinkSentRole": {
        ("states:StartExecution", "LinkWatch"),
        ("dynamodb:PutItem", "Verifications"),
        ("sqs:ReceiveMessage", "InstantLinkSentQueue"),
        ("sqs:DeleteMessage", "InstantLinkSentQueue"),
        ("sqs:GetQueueAttributes", "InstantLinkSentQueue"),
        ("sqs:SendMessage", "InstantLinkSentDeadLetters"),
    },
    "LinkWatchRole": set(NEEDED.values()),
    "CheckLinkRole": {("secretsmanager:GetSecretValue", "SignzyToken")},
    "RecoverUnfinishedRole": {
        ("states:StartExecution", "LinkWatch"),
        ("states:ListExecutions", "LinkWatch"),
        ("states:DescribeExecution", "LinkWatch"),
        ("dynamodb:GetItem", "Verifications"),
        ("dynamodb:UpdateItem", "Verifications"),
        ("dynamodb:Scan", "Verifications"),
    },
    "SchedulerRole": {("lambda:InvokeFunction", "RecoverUnfinished"), ("lambda:InvokeFunction", "CheckLink")},
    "MeasureOutcomesRole": set(),
}
#: AWS gives these no resource to name: X-Ray, the delivery of Step Functions' logs, and of API Gateway's.
WITHOUT_RESOURCE = re.compile(
    r"xray:(Put|Get)\w+|logs:\w+LogDeliver(y|ies)|logs:(Put|Describe)\w+|logs:\w+Log(Group|Stream|Events)s?"
)

ROLES = of_type("AWS::IAM::Role")


def statements(role: str) -> list[dict[str, Any]]:
    """What a role allows, with a customer managed key."""
    return [
        statement["Fn::If"][1] if "Fn::If" in statement else statement
        for policy in ROLES[role].get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def actions(statement: dict[str, Any]) -> list[str]:
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def is_general(action: str) -> bool:
    return action.startswith(("xray:", "logs:", "kms:"))


def test_every_function_and_the_state_machine_have_roles_of_their_own():
    bearers = [
        r["Properties"]
        for r in RESOURCES.values()
        if r["Type"] in {"AWS::Lambda::Function", "AWS::StepFunctions::StateMachine"}
    ]
    named = [json.dumps(properties.get("Role", properties.get("RoleArn"))) for properties in bearers]

    assert len(set(named)) == len(bearers)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_has_a_managed_policy(role):
    assert not ROLES[role].get("ManagedPolicyArns")


@pytest.mark.parametrize("role", ROLES)
def test_no_action_is_a_wildcard(role):
    assert not [action for statement in statements(role) for action in actions(statement) if "*" in action]


@pytest.mark.parametrize("role", ROLES)
def test_only_what_aws_gives_no_resource_is_allowed_on_everything(role):
    on_everything = [action for s in statements(role) if s["Resource"] == "*" for action in actions(s)]

    assert not [action for action in on_everything if not WITHOUT_RESOURCE.fullmatch(action)]


def test_the_state_machine_may_do_what_its_definition_calls_and_no_more():
    called = {NEEDED[state["Resource"]] for state in DEFINITION["States"].values() if state["Type"] == "Task"}

    assert allowed("LinkWatchRole") == called


@pytest.mark.parametrize("role", ROLES)
def test_a_role_allows_its_actions_on_its_resources_and_no_more(role):
    assert allowed(role) == ALLOWED[role]


def test_the_api_may_query_one_index_and_not_the_table():
    querying = [s["Resource"] for s in statements("VerificationsApiRole") if "dynamodb:Query" in actions(s)]

    assert querying == [{"Fn::Sub": "${Verifications.Arn}/index/correlationId"}]


def allowed(role: str) -> set[tuple[str, str]]:
    """What a role allows beyond logs, traces and the key: the action, and the template's resource that it is about."""
    return {
        (action, subject)
        for statement in statements(role)
        for action in actions(statement)
        if not is_general(action)
        for subject in subjects(statement["Resource"])
    }


def subjects(resource: Any) -> Iterator[str]:
    yield from (name.removesuffix("Aliaslive") for name in referred(resource) if not name.startswith("AWS::"))


def test_the_state_machine_publishes_under_its_own_name_only():
    publishing = next(s for s in statements("LinkWatchRole") if "events:PutEvents" in actions(s))

    assert publishing["Condition"] == {
        "StringEquals": {"events:source": "linkwatch", "events:detail-type": "VerificationSettled"}
    }


@pytest.mark.parametrize("function", of_type("AWS::Lambda::Function"))
def test_a_function_writes_to_its_own_log_group_only(function):
    writing = [s for s in statements(f"{function}Role") if "logs:PutLogEvents" in actions(s)]

    assert [s["Resource"] for s in writing] == [{"Fn::GetAtt": [f"{function}Logs", "Arn"]}]


def test_every_log_group_forgets():
    days = {properties.get("RetentionInDays") for properties in of_type("AWS::Logs::LogGroup").values()}

    assert days == {30}


@pytest.mark.parametrize(
    "kind", ["AWS::Logs::LogGroup", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::SQS::Queue"]
)
def test_what_stores_anything_takes_the_customers_key(kind):
    stores = {name: json.dumps(properties) for name, properties in of_type(kind).items()}

    assert stores
    assert {name for name, properties in stores.items() if "KmsKeyArn" not in properties} == set()


def test_the_resource_policy_in_the_security_document_is_one_that_sam_takes():
    document = (ROOT / "docs" / "security.md").read_text("utf-8")
    snippet = load_yaml(document.split("```yaml\n")[1].split("```")[0])

    _, cloudformation = translated(snippet["Auth"])
    definition = json.dumps(cloudformation["Resources"]["Api"]["Properties"]["Body"])

    assert "x-amazon-apigateway-policy" in definition
    assert "192.0.2.0/24" in definition
