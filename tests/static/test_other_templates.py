"""The simulator's and the examples' templates, as CloudFormation gets them."""

import json

import pytest

from tests.static.template import created_before, referred, translated

CONSUMER, WEBHOOK = "examples/consumer/template.yaml", "examples/webhook/template.yaml"
TEMPLATES = {path: translated(path) for path in ("simulator/template.yaml", CONSUMER, WEBHOOK)}
SIMULATOR = TEMPLATES["simulator/template.yaml"]["Resources"]


# https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html: both, since October 2025.
def test_the_simulator_may_be_called_by_its_url_only():
    permissions = [r["Properties"] for r in SIMULATOR.values() if r["Type"] == "AWS::Lambda::Permission"]

    assert {p["Action"]: (p.get("FunctionUrlAuthType"), p.get("InvokedViaFunctionUrl")) for p in permissions} == {
        "lambda:InvokeFunctionUrl": ("NONE", None),
        "lambda:InvokeFunction": (None, True),
    }
    assert {p["Principal"] for p in permissions} == {"*"}


# An account whose limit is 10 has nothing to reserve, and Lambda refuses the function:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
def test_the_simulator_can_have_no_limit_of_its_own():
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
    [(CONSUMER, {"ActOnOutcomePermission", "OutcomesNotHandledPolicy"}), (WEBHOOK, {"QueuePolicy"})],
)
def test_the_rule_of_an_example_is_made_after_its_permissions_and_matches_outcomes_only(path, permissions):
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


# A table with a key of its own is read with the reader's right to use that key, which DynamoDB asks for on the reader's behalf.
@pytest.mark.parametrize("path", [CONSUMER, WEBHOOK])
def test_an_example_reads_single_items_of_linkwatchs_table_and_nothing_else_of_linkwatch(path):
    [role] = [r["Properties"] for r in TEMPLATES[path]["Resources"].values() if r["Type"] == "AWS::IAM::Role"]
    [policy] = role["Policies"]
    table = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${TableName}"
    by_dynamodb = {"StringEquals": {"kms:ViaService": {"Fn::Sub": "dynamodb.${AWS::Region}.amazonaws.com"}}}
    read = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": {"Fn::Sub": table}}
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": {"Ref": "KmsKeyArn"}, "Condition": by_dynamodb}

    statements = policy["PolicyDocument"]["Statement"]

    assert [each for each in statements if referred(each) & {"TableName", "KmsKeyArn", "BusName"}] == [
        read,
        {"Fn::If": ["HasKmsKey", decrypt, {"Ref": "AWS::NoValue"}]},
    ]


def test_a_deployment_never_overwrites_the_webhooks_secret():
    secret = TEMPLATES[WEBHOOK]["Resources"]["WebhookSecret"]["Properties"]

    assert not secret.keys() & {"SecretString", "GenerateSecretString"}


# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
def test_an_outcome_stays_hidden_for_six_times_the_time_out_of_the_webhook():
    webhook = TEMPLATES[WEBHOOK]["Resources"]

    assert webhook["Outcomes"]["Properties"]["VisibilityTimeout"] >= (
        6 * webhook["DeliverOutcome"]["Properties"]["Timeout"]
    )
