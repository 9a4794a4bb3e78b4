"""Each role may do what its function or state machine does, and nothing else."""

import json
import re

import pytest
from cfnlint.decode.cfn_yaml import loads as load_yaml

from local.checkout import ROOT
from tests.static.roles import ONLY_OUTCOMES, OWN_TOKEN, ROLES, role_of
from tests.static.template import BOUNDARY, DEFAULT, DEFINITION, FULL, KEY, SECRET, stack, translated

#: What each task of the definition needs, by its resource.
NEEDED = {
    "dynamodb:getItem": "dynamodb:GetItem",
    "dynamodb:updateItem": "dynamodb:UpdateItem",
    "lambda:invoke": "lambda:InvokeFunction",
    "events:putEvents": "events:PutEvents",
}
PROPERTIES = {"AssumeRolePolicyDocument", "Policies", "PermissionsBoundary", "Path", "ManagedPolicyArns"}


@pytest.mark.parametrize("name", [*ROLES, *FULL.of_type("AWS::IAM::Role").keys() - ROLES.keys()])
def test_a_role_may_do_what_the_table_says(name):
    assert role_of(FULL.properties(name)) == ROLES[name]
    assert FULL.properties(name).keys() <= PROPERTIES


@pytest.mark.parametrize("name", DEFAULT.of_type("AWS::IAM::Role"))
def test_without_a_key_of_its_own_a_stack_asks_for_none(name):
    allowed = OWN_TOKEN if name == "CheckLinkRole" else ROLES[name].allowed
    without = [statement for statement in allowed if not statement[0].startswith("kms:")]

    assert role_of(DEFAULT.properties(name)).allowed == without


@pytest.mark.parametrize("name", DEFAULT.of_type("AWS::IAM::Role"))
def test_without_tracing_no_role_may_write_traces(name):
    assert "xray:" not in json.dumps(stack(TracingEnabled="false").properties(name))


def test_every_role_takes_the_path_and_the_permissions_boundary():
    for role in FULL.of_type("AWS::IAM::Role").values():
        assert (role["Path"], role["PermissionsBoundary"]) == ("/team/linkwatch/", BOUNDARY)
    for role in DEFAULT.of_type("AWS::IAM::Role").values():
        assert role["Path"] == "/"
        assert "PermissionsBoundary" not in role


def test_check_link_reads_the_one_secret_with_its_key():
    assert role_of(stack(KmsKeyArn=KEY).properties("CheckLinkRole")).allowed == OWN_TOKEN
    with_theirs = stack(SignzyTokenSecretArn=SECRET)

    assert role_of(with_theirs.properties("CheckLinkRole")).allowed == ROLES["CheckLinkRole"].allowed
    assert with_theirs.properties("CheckLink")["Environment"]["Variables"]["SIGNZY_TOKEN_ARN"] == SECRET
    assert with_theirs.outputs["SignzyTokenArn"] == SECRET
    assert "SignzyToken" in with_theirs.resources


# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
NETWORK = {
    *("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"),
    *("ec2:DescribeSubnets", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
}


def test_lambda_may_make_network_interfaces_in_a_vpc_and_the_functions_code_may_not():
    allow, deny = FULL.properties("VpcAccess")["PolicyDocument"]["Statement"]

    assert (allow["Effect"], {*allow["Action"]}) == ("Allow", NETWORK)
    assert (deny["Effect"], deny["Action"]) == ("Deny", "ec2:*")
    assert deny["Condition"] == {
        "ArnLike": {"lambda:SourceFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:*"}
    }


def test_only_the_functions_roles_have_the_rights_for_a_vpc_and_only_with_one():
    for name, role in FULL.of_type("AWS::IAM::Role").items():
        of_function = ROLES[name].trusted == "lambda.amazonaws.com"
        assert role.get("ManagedPolicyArns", []) == (["${VpcAccess}"] if of_function else [])
    assert not any(role.get("ManagedPolicyArns") for role in DEFAULT.of_type("AWS::IAM::Role").values())


def test_the_state_machine_may_do_what_its_definition_calls():
    tasks = [state["Resource"] for state in DEFINITION["States"].values() if state["Type"] == "Task"]
    called = {NEEDED[resource.removeprefix("arn:${aws}:states:::")] for resource in tasks}
    allowed = {action for actions, _, _ in ROLES["LinkWatchRole"].allowed for action in actions.split(", ")}

    assert {action for action in allowed if not re.match("logs:|xray:|kms:", action)} == called


# The emulator does not enforce the state machine's role, and AWS refuses an event that differs from it.
def test_the_published_event_is_one_that_the_role_allows_and_that_is_measured():
    [entry] = DEFINITION["States"]["Publish Outcome"]["Arguments"]["Entries"]
    pattern = DEFAULT.properties("MeasureOutcomesOnBus")["EventPattern"]

    assert [*ONLY_OUTCOMES["ForAllValues:StringEquals"].values()] == [entry["Source"], entry["DetailType"]]
    assert pattern == {"source": [entry["Source"]], "detail-type": [entry["DetailType"]]}
    assert entry["EventBusName"] == "${LinkBus}"


def test_the_resource_policy_in_the_security_document_is_one_that_sam_takes():
    document = (ROOT / "docs" / "security.md").read_text("utf-8")
    snippet = load_yaml(document.split("```yaml\n")[1].split("```")[0])

    definition = json.dumps(translated(api_auth=snippet["Auth"])["Resources"]["Api"]["Properties"]["Body"])

    assert "x-amazon-apigateway-policy" in definition
    assert "192.0.2.0/24" in definition
