"""What CloudFormation and AWS require of a first, a second and a changed deployment."""

import re
import tomllib
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from local.checkout import ROOT
from tests.static.template import CLOUDFORMATION, FULL, TEXT, created_before, parameters_behind

RESOURCES: dict[str, Any] = CLOUDFORMATION["Resources"]
#: What AWS allows at most for a name, in characters (the pages of the resources).
LONGEST = {
    "AWS::Scheduler::Schedule": 64,
    "AWS::Events::EventBus": 256,
    "AWS::Events::Rule": 64,
    "AWS::Logs::LogGroup": 512,
    "AWS::CloudWatch::Dashboard": 255,
    "AWS::ApiGateway::RestApi": 1024,
}
#: Their names refer to another resource's.
BY_REFERENCE = re.compile("AWS::(Lambda::(Alias|Event|Permission|Version)|Logs::MetricFilter)")
LONGEST_STACK_NAME = 46  # docs/deploy.md


# CloudFormation deletes in the opposite order, so the caller is deleted first.
def test_an_entry_point_is_deleted_before_the_resources_that_it_calls():
    assert created_before("InstantLinkSentOnQueue") >= {"LinkWatch", "Verifications"}
    assert created_before("InstantLinkSentRule") >= {"InstantLinkSentQueue", "InstantLinkSentDeadLetters"}


# CloudFormation makes all other names, so a second stack is possible.
def test_a_fixed_name_has_the_stacks_in_it_and_is_short_enough():
    named = ("LogGroup", "Dashboard", "Function", "Role", "Table", "Queue", "StateMachine", "Topic")
    keys = {"Name", *(f"{each}Name" for each in named)}
    for resource in FULL.resources.values():
        kind, properties = resource["Type"], resource.get("Properties", {})
        for key in keys & properties.keys() if not BY_REFERENCE.match(kind) else ():
            name = properties[key].replace("us-east-1", "ap-southeast-1")
            assert "linkwatch" in name
            assert len(name.replace("linkwatch", "x" * LONGEST_STACK_NAME)) <= LONGEST[kind]


def replacing(kind: str) -> set[str]:
    """The properties of a resource that CloudFormation cannot change without replacing it, by its own schema."""
    schema: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    paths = schema.get("createOnlyProperties", []) + schema.get("conditionalCreateOnlyProperties", [])
    return {path.split("/")[2] for path in paths}


# A path is part of a role's identity: docs/deploy.md says to choose it with the first deployment.
def test_no_parameter_replaces_anything_but_the_versions_of_functions_and_roles_of_another_path():
    replaced = {
        name: parameters
        for name, resource in RESOURCES.items()
        for key in replacing(resource["Type"]) & resource.get("Properties", {}).keys()
        if (parameters := parameters_behind(resource["Properties"][key])) and resource["Type"] != "AWS::Lambda::Version"
    }
    roles = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::IAM::Role"}

    assert replaced == {name: {"RolePath"} for name in roles}


def test_a_parameter_that_removes_resources_removes_nothing_that_keeps_data():
    conditional = {name for name, resource in RESOURCES.items() if "Condition" in resource}

    assert conditional == {"Probe", "Alarms", "AlarmsPolicy", "ApiAccount", "ApiAccessLogWriter", "VpcAccess"}


def test_no_arn_is_bound_to_one_partition_account_or_region():
    text = "\n".join(line.split(" #")[0] for line in TEXT.splitlines())
    definition = (ROOT / "statemachine" / "link_watch.asl.json").read_text("utf-8")

    assert set(re.findall(r"arn:aws[\w-]*:", text)) == set()
    assert set(re.findall(r"arn:[^:]+:states:::", definition)) == {"arn:${aws}:states:::"}
    assert not re.findall(r"\b[a-z]{2}-[a-z]+-\d\b", text)


def test_no_two_environments_share_a_stack_or_deploy_without_naming_one_or_allow_named_roles():
    config = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
    deployed = {name: it["deploy"]["parameters"] for name, it in config.items() if name != "version" and "deploy" in it}
    stacks = [parameters["stack_name"] for name, parameters in deployed.items() if name != "local"]

    assert "default" not in deployed
    assert len(set(stacks)) == len(stacks)
    assert all(len(stack_name) <= LONGEST_STACK_NAME for stack_name in stacks)
    assert all(parameters["capabilities"] == ["CAPABILITY_IAM"] for parameters in deployed.values())


# sam deploy --guided, and tools other than SAM's, know no language extensions.
def test_the_template_needs_no_transform_but_sams():
    assert re.findall(r"^Transform: (.*)$", TEXT, re.MULTILINE) == ["AWS::Serverless-2016-10-31"]
