"""Each role names what its bearer does, and nothing else. Read from the template as SAM turns it into CloudFormation."""

import json
import re
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads as load_yaml

from tests.definition.shipped import ROOT, substituted
from tests.definition.translated import RESOURCES, translated

#: What each task of the definition needs, by its resource: the action, and the template's resource whose ARN it is about.
NEEDED = {
    "arn:aws:states:::dynamodb:updateItem": ("dynamodb:UpdateItem", "Verifications"),
    "arn:aws:states:::lambda:invoke": ("lambda:InvokeFunction", "CheckLink"),
    "arn:aws:states:::events:putEvents": ("events:PutEvents", "LinkBus"),
    "arn:aws:states:::aws-sdk:sfn:stopExecution": ("states:StopExecution", "LinkWatch"),
}
#: AWS gives these no resource to name: X-Ray, the delivery of Step Functions' logs, and of API Gateway's.
WITHOUT_RESOURCE = re.compile(
    r"xray:(Put|Get)\w+|logs:\w+LogDeliver(y|ies)|logs:(Put|Describe)\w+|logs:\w+Log(Group|Stream|Events)s?"
)

ROLES = {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == "AWS::IAM::Role"}


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


def test_every_function_and_machine_has_a_role_of_its_own():
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
    called = {NEEDED[state["Resource"]] for state in substituted()["States"].values() if state["Type"] == "Task"}

    allowed = {
        (action, subject_of(statement["Resource"]))
        for statement in statements("LinkWatchRole")
        for action in actions(statement)
        if not is_general(action)
    }

    assert allowed == called


def subject_of(resource: Any) -> str:
    """The template's resource that an ARN is about."""
    text = json.dumps(resource)
    return next(name for name in ("Verifications", "CheckLink", "LinkBus", "LinkWatch") if name in text)


def test_the_state_machine_publishes_under_its_own_name_only():
    publishing = next(s for s in statements("LinkWatchRole") if "events:PutEvents" in actions(s))

    assert publishing["Condition"] == {
        "StringEquals": {"events:source": "linkwatch", "events:detail-type": "VerificationSettled"}
    }


@pytest.mark.parametrize("function", [n for n, r in RESOURCES.items() if r["Type"] == "AWS::Lambda::Function"])
def test_a_function_writes_to_its_own_log_group_only(function):
    writing = [s for s in statements(f"{function}Role") if "logs:PutLogEvents" in actions(s)]

    assert [s["Resource"] for s in writing] == [{"Fn::GetAtt": [f"{function}Logs", "Arn"]}]


def test_every_log_group_forgets():
    groups = {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == "AWS::Logs::LogGroup"}

    assert {name for name, properties in groups.items() if not properties.get("RetentionInDays")} == set()


@pytest.mark.parametrize(
    "kind", ["AWS::Logs::LogGroup", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::SQS::Queue"]
)
def test_what_stores_anything_takes_the_customers_key(kind):
    stores = {name: json.dumps(r["Properties"]) for name, r in RESOURCES.items() if r["Type"] == kind}

    assert stores
    assert {name for name, properties in stores.items() if "KmsKeyArn" not in properties} == set()


def test_the_resource_policy_in_the_security_document_is_one_that_sam_takes():
    document = (ROOT / "docs" / "security.md").read_text("utf-8")
    snippet = load_yaml(document.split("```yaml\n")[1].split("```")[0])

    definition = json.dumps(translated(snippet["Auth"])["Api"]["Properties"]["Body"])

    assert "x-amazon-apigateway-policy" in definition
    assert "192.0.2.0/24" in definition
