"""What docs/deploy.md lets the deploying role do is what CloudFormation's resource types ask for, on this stack's names."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from local.checkout import ROOT
from tests.static.template import FULL, KEY, PSEUDO

_PAGE = (ROOT / "docs" / "deploy.md").read_text("utf-8").split("\n## What the deploying role needs\n")[1]
_PLACEHOLDERS = {"<stack>": "linkwatch", "<region>": PSEUDO["AWS::Region"], "<account>": PSEUDO["AWS::AccountId"]}
_POLICY = re.sub(
    "<[a-z]+>", lambda found: _PLACEHOLDERS[found[0]], re.findall(r"```json\n(.+?)```", _PAGE, re.DOTALL)[0]
)
STATEMENTS: list[dict[str, Any]] = json.loads(_POLICY)["Statement"]
#: Of the table below the policy, for parameters: on the key, or without a resource.
OPTIONAL = [
    {"Action": re.findall(r"`(\w+:[\w*]+)`", row), "Resource": KEY if parameter == "KmsKeyArn" else "*"}
    for parameter, row in re.findall(r"^\| `(KmsKeyArn|VpcSubnetIds)` \|(.+)$", _PAGE, re.MULTILINE)
]

#: What CloudFormation names the resources of a type, after arn:aws:. It puts the stack's name first, except in {id}.
ARNS = {
    "AWS::ApiGateway::Account": "apigateway:us-east-1::/account",
    "AWS::ApiGateway::RestApi": "apigateway:us-east-1::/restapis/a1b2c3",
    "AWS::ApiGateway::(Deployment|Stage)": "apigateway:us-east-1::/restapis/a1b2c3/stages/v1",
    "AWS::CloudWatch::Alarm": "cloudwatch:us-east-1:123456789012:alarm:{name}",
    "AWS::CloudWatch::Dashboard": "cloudwatch::123456789012:dashboard/{DashboardName}",
    "AWS::DynamoDB::Table": "dynamodb:us-east-1:123456789012:table/{name}",
    "AWS::Events::EventBus": "events:us-east-1:123456789012:event-bus/{Name}",
    "AWS::Events::Rule": "events:us-east-1:123456789012:rule/{name}",
    "AWS::IAM::ManagedPolicy": "iam::123456789012:policy/{name}",
    "AWS::IAM::Role": "iam::123456789012:role/{name}",
    "AWS::Lambda::EventSourceMapping": "lambda:us-east-1:123456789012:event-source-mapping:a1b2",
    "AWS::Lambda::Function": "lambda:us-east-1:123456789012:function:{name}",
    "AWS::Lambda::(Alias|EventInvokeConfig|Permission|Version)": "lambda:us-east-1:123456789012:function:{name}:live",
    "AWS::Logs::LogGroup": "logs:us-east-1:123456789012:log-group:{LogGroupName}",
    "AWS::Logs::MetricFilter": "logs:us-east-1:123456789012:log-group:{name}",
    "AWS::SNS::.+": "sns:us-east-1:123456789012:{name}",
    "AWS::SQS::.+": "sqs:us-east-1:123456789012:{name}",
    "AWS::Scheduler::Schedule": "scheduler:us-east-1:123456789012:schedule/default/{Name}",
    "AWS::SecretsManager::Secret": "secretsmanager:us-east-1:123456789012:secret:{id}-a1b2-c3d4e5",
    "AWS::StepFunctions::StateMachine": "states:us-east-1:123456789012:stateMachine:{id}-a1b2",
}
#: What a type asks for on the resources of others. "*": the action takes no resource (the service authorization reference).
ON_OTHERS = {
    r"iam:(PassRole|GetRole|(Attach|Detach)RolePolicy)": "arn:aws:iam::123456789012:role/linkwatch-CheckLinkRole-a1b2",
    r"s3:.+": "arn:aws:s3:::linkwatch-deployments-a1b2/code/CheckLink.zip",
    r"kms:.+": KEY,
    r"ec2:.+|logs:(\w+LogDelivery|ListLogDeliveries|PutResourcePolicy|Describe(LogGroups|ResourcePolicies))": "*",
}
#: What a service asks its caller for, and the type does not declare:
#: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html.
UNDECLARED = {
    "AWS::StepFunctions::StateMachine": {
        *("logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:GetLogDelivery", "logs:ListLogDeliveries"),
        *(
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ),
    }
}
#: What a type asks for to set properties that no resource of the template has.
UNUSED = {
    "AWS::DynamoDB::Table": r"dynamodb:(\w*Item|Query|Scan|\w+Replica|\w+KinesisStreamingDestination|\w*Import\w*|"
    r"UpdateContributorInsights|(Put|Delete)ResourcePolicy)|(kinesis|logs):.+|iam:CreateServiceLinkedRole|kms:ListAliases",
    "AWS::IAM::ManagedPolicy": r"iam:(Attach|Detach)(Group|User)Policy",
    "AWS::IAM::Role": r"iam:UpdateRoleDescription",
    "AWS::Lambda::Alias": r"codedeploy:.+",
    "AWS::Lambda::Function": r"elasticfilesystem:.+|s3files:.+",
    "AWS::Logs::LogGroup": r"logs:DeleteResourcePolicy|firehose:.+|s3:REST.PUT.OBJECT",
    "AWS::SecretsManager::Secret": r"secretsmanager:(Get\w+|ReplicateSecretToRegions|RemoveRegionsFromReplication)",
}


def asked_by(kind: str) -> set[str]:
    """The actions of a type's handlers, without those of properties that are not used."""
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    declared = {action for name, handler in handlers.items() if name != "list" for action in handler["permissions"]}
    used = {action for action in declared if not re.fullmatch(UNUSED.get(kind, ""), action)}
    return used | UNDECLARED.get(kind, set())


def arn_of(logical_id: str, action: str) -> str:
    resource = FULL.resources[logical_id]
    if resource["Type"] != "AWS::IAM::Role":
        for pattern, arn in ON_OTHERS.items():
            if re.fullmatch(pattern, action):
                return arn
    name = f"linkwatch-{logical_id}-a1b2"
    names = dict.fromkeys(("name", "Name", "DashboardName", "LogGroupName"), name) | {"id": logical_id}
    [arn] = [arn for kind, arn in ARNS.items() if re.fullmatch(kind, resource["Type"])]
    return "arn:aws:" + arn.format(**names | resource["Properties"])


def is_allowed(action: str, arn: str) -> bool:
    return any(
        any(fnmatchcase(action, pattern) for pattern in as_list(statement["Action"]))
        and any(fnmatchcase(arn, pattern) for pattern in as_list(statement["Resource"]))
        for statement in STATEMENTS + OPTIONAL
    )


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.parametrize("logical_id", FULL.resources)
def test_every_resource_can_be_created_read_changed_and_deleted(logical_id):
    actions = asked_by(FULL.resources[logical_id]["Type"])

    assert {action for action in actions if not is_allowed(action, arn_of(logical_id, action))} == set()


def test_no_statement_allows_everything_or_a_whole_service_on_everything():
    for statement in STATEMENTS:
        assert "*" not in as_list(statement["Action"])
        if "*" in as_list(statement["Resource"]):
            assert not [action for action in as_list(statement["Action"]) if action.endswith(":*")]


# What is before "Roles" is for the tools that deploy.
def test_the_statements_for_resources_name_no_action_that_no_resource_asks_for():
    first = next(i for i, statement in enumerate(STATEMENTS) if statement["Sid"] == "Roles")
    named = {
        a for s in STATEMENTS[first:] for a in as_list(s["Action"]) if "*" not in a and s["Sid"] != "ApiGatewaysOwnRole"
    }

    assert named - {action for resource in FULL.resources.values() for action in asked_by(resource["Type"])} == set()
