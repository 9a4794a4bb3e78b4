"""The simulator's and the examples' templates, as CloudFormation gets them."""

import json

import pytest

from tests.static.template import created_before, referred, translated

TEMPLATES = {
    path: translated(path)
    for path in ("simulator/template.yaml", "examples/consumer/template.yaml", "examples/webhook/template.yaml")
}
SIMULATOR = TEMPLATES["simulator/template.yaml"]["Resources"]


# https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html: both, since October 2025.
def test_whoever_has_the_simulators_url_may_call_the_function_by_it_and_not_otherwise():
    permissions = [r["Properties"] for r in SIMULATOR.values() if r["Type"] == "AWS::Lambda::Permission"]

    assert {p["Action"]: (p.get("FunctionUrlAuthType"), p.get("InvokedViaFunctionUrl")) for p in permissions} == {
        "lambda:InvokeFunctionUrl": ("NONE", None),
        "lambda:InvokeFunction": (None, True),
    }
    assert {p["Principal"] for p in permissions} == {"*"}


# An account whose limit is 10 has nothing to reserve, and Lambda refuses the function:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
def test_the_simulator_can_do_without_a_limit_of_its_own():
    reserved = SIMULATOR["Simulator"]["Properties"]["ReservedConcurrentExecutions"]

    assert reserved == {"Fn::If": ["IsLimited", {"Ref": "ConcurrentRequests"}, {"Ref": "AWS::NoValue"}]}


@pytest.mark.parametrize("path", TEMPLATES)
def test_a_fixed_name_has_the_stacks_in_it(path):
    names = {"FunctionName", "RoleName", "TableName", "QueueName", "LogGroupName", "Name"}
    by_reference = {"AWS::Lambda::Permission", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping"}

    for resource in TEMPLATES[path]["Resources"].values():
        if resource["Type"] not in by_reference:
            for name in names & resource.get("Properties", {}).keys():
                assert "AWS::StackName" in referred(resource["Properties"][name])


@pytest.mark.parametrize("path", TEMPLATES)
def test_every_role_takes_the_path_and_the_permissions_boundary(path):
    roles = [r["Properties"] for r in TEMPLATES[path]["Resources"].values() if r["Type"] == "AWS::IAM::Role"]

    assert roles
    for role in roles:
        assert role["Path"] == {"Ref": "RolePath"}
        assert role["PermissionsBoundary"]["Fn::If"][:2] == [
            "HasPermissionsBoundary",
            {"Ref": "PermissionsBoundaryArn"},
        ]


# EventBridge does not retry what it has no permission for: a rule before its permission loses the first outcomes.
@pytest.mark.parametrize(
    ("path", "permissions"),
    [
        ("examples/consumer/template.yaml", {"ActOnOutcomePermission", "OutcomesNotHandledPolicy"}),
        ("examples/webhook/template.yaml", {"QueuePolicy"}),
    ],
)
def test_an_examples_rule_is_made_after_its_permissions_and_takes_linkwatchs_outcomes_only(path, permissions):
    resources = TEMPLATES[path]["Resources"]
    rule = resources["OutcomesRule"]["Properties"]
    arn = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/${BusName}/" + rule["Name"]["Fn::Sub"]

    assert created_before("OutcomesRule", TEMPLATES[path]) >= permissions
    assert all(json.dumps(arn) in json.dumps(resources[name]) for name in permissions)
    assert rule["EventPattern"] == {
        "account": [{"Ref": "AWS::AccountId"}],
        "source": ["linkwatch"],
        "detail-type": ["VerificationSettled"],
    }


def test_a_deployment_never_overwrites_the_webhooks_secret():
    secret = TEMPLATES["examples/webhook/template.yaml"]["Resources"]["WebhookSecret"]["Properties"]

    assert not secret.keys() & {"SecretString", "GenerateSecretString"}


# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
def test_an_outcome_stays_hidden_for_six_times_the_time_out_of_the_webhook():
    webhook = TEMPLATES["examples/webhook/template.yaml"]["Resources"]

    hidden = webhook["Outcomes"]["Properties"]["VisibilityTimeout"]

    assert hidden >= 6 * webhook["DeliverOutcome"]["Properties"]["Timeout"]
