"""What CloudFormation and AWS ask of a first, a second and a changed deployment, read from the transformed template."""

import json
import re
import tomllib
from functools import cache
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from local.checkout import ROOT
from tests.static.template import RESOURCES, TEMPLATE, TEXT, created_before, of_type, referred

STAGE = next(iter(of_type("AWS::ApiGateway::Stage")))
CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
DEPLOYED = {
    name: section["deploy"]["parameters"]
    for name, section in CONFIG.items()
    if isinstance(section, dict) and "deploy" in section
}


# A stage with access logs is refused while the account has no role for them:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
def test_the_stage_waits_for_the_accounts_role_and_for_the_log_group():
    assert created_before(STAGE) >= {"ApiAccount", "ApiAccessLogWriter", "ApiLogs"}


def test_a_first_deployment_leaves_the_accounts_settings_alone():
    assert TEMPLATE["Parameters"]["ApiAccessLogRole"]["Default"] == "none"
    assert TEMPLATE["Conditions"]["CreatesApiAccessLogRole"] == {"Fn::Equals": [{"Ref": "ApiAccessLogRole"}, "create"]}
    assert {name for name, r in RESOURCES.items() if r.get("Condition") == "CreatesApiAccessLogRole"} == {
        "ApiAccount",
        "ApiAccessLogWriter",
    }
    assert RESOURCES[STAGE]["Properties"]["AccessLogSetting"]["Fn::If"][0] == "HasAccessLogs"


def test_no_two_resources_wait_for_each_other():
    assert {name for name in RESOURCES if name in created_before(name)} == set()


# CloudFormation deletes in the opposite order: what still calls goes first.
@pytest.mark.parametrize("caller", ["InstantLinkSentOnQueue", "InstantLinkSentRule"])
def test_what_starts_verifications_is_deleted_before_the_state_machine_and_the_table(caller):
    needed = {"InstantLinkSentOnQueue": {"LinkWatch", "Verifications"}, "InstantLinkSentRule": {"InstantLinkSentQueue"}}

    assert created_before(caller) >= needed[caller]


#: A name that is fixed: what AWS allows at most, in characters (the pages of the resources).
LONGEST = {
    "AWS::Scheduler::Schedule": ("Name", 64),
    "AWS::Events::EventBus": ("Name", 256),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
}
LONGEST_REGION = "ap-southeast-1"
LONGEST_STACK_NAME = 46  # docs/deploy.md


@pytest.mark.parametrize("kind", LONGEST)
def test_a_fixed_name_has_the_stacks_in_it_and_is_short_enough(kind):
    key, longest = LONGEST[kind]
    names = [properties[key]["Fn::Sub"] for properties in of_type(kind).values() if key in properties]

    assert names
    for name in names:
        assert "${AWS::StackName}" in name
        with_stack = name.replace("${AWS::StackName}", "x" * LONGEST_STACK_NAME)
        assert len(with_stack.replace("${AWS::Region}", LONGEST_REGION)) <= longest


def test_all_other_names_are_made_by_cloudformation_so_that_a_second_stack_or_deployment_is_not_in_their_way():
    fixed = {
        "Name",
        "FunctionName",
        "RoleName",
        "TableName",
        "QueueName",
        "StateMachineName",
        "LogGroupName",
        "TopicName",
    }
    by_reference = {"AWS::Lambda::Alias", "AWS::Lambda::Version", "AWS::Lambda::Permission", "AWS::Logs::MetricFilter"}
    named = {
        name
        for name, resource in RESOURCES.items()
        for key in fixed & resource.get("Properties", {}).keys()
        if "AWS::StackName" not in set(referred(resource["Properties"][key])) and resource["Type"] not in by_reference
    }

    assert named == {"InstantLinkSentOnQueue", "RecoverUnfinishedEventInvokeConfig"}  # they name the function


def test_outcomes_and_the_accounts_role_outlive_the_stack_and_nothing_else_does():
    kept = {name for name, resource in RESOURCES.items() if resource.get("DeletionPolicy") == "Retain"}
    versions = {name for name in kept if RESOURCES[name]["Type"] == "AWS::Lambda::Version"}

    assert kept - versions == {"Verifications", "ApiAccount", "ApiAccessLogWriter"}
    assert all(RESOURCES[name]["UpdateReplacePolicy"] == "Retain" for name in kept - versions)


# Else a stack of the same name, deployed again, would find its name taken.
def test_what_outlives_the_stack_has_no_name_of_ours():
    kept = {name: resource["Properties"] for name, resource in RESOURCES.items() if "DeletionPolicy" in resource}

    assert {name for name, properties in kept.items() if {"TableName", "RoleName", "Name"} & properties.keys()} == set()


@cache
def replacing(kind: str) -> set[str]:
    """The properties of a resource that CloudFormation cannot change without making another one, by its own schema."""
    schema: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    paths = schema.get("createOnlyProperties", []) + schema.get("conditionalCreateOnlyProperties", [])
    return {path.split("/")[2] for path in paths}


def parameters_behind(value: Any) -> set[str]:
    """The parameters that a value depends on, by itself or by the conditions that it asks."""
    asked = {name for name in TEMPLATE["Conditions"] if f'"Fn::If": ["{name}"' in json.dumps(value)}
    names = {*referred(value), *(name for condition in asked for name in referred(TEMPLATE["Conditions"][condition]))}
    return names & TEMPLATE["Parameters"].keys()


# Not even the ones of conditions: KmsKeyArn, for instance, is set and taken back in place.
def test_no_parameter_replaces_anything_but_the_versions_of_functions():
    replaced = {
        name: parameters
        for name, resource in RESOURCES.items()
        for key in replacing(resource["Type"]) & resource.get("Properties", {}).keys()
        if (parameters := parameters_behind(resource["Properties"][key])) and resource["Type"] != "AWS::Lambda::Version"
    }

    assert replaced == {}


def test_a_parameter_that_takes_resources_away_takes_nothing_that_holds_data():
    assert {name for name, resource in RESOURCES.items() if "Condition" in resource} == {
        "Probe",
        "Alarms",
        "ApiAccount",
        "ApiAccessLogWriter",
    }


# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-languageextensions.html
def test_the_loops_are_expanded_before_sam_makes_resources():
    assert TEMPLATE["Transform"] == ["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"]


# What the template holds is written whenever another property of the secret changes; what it does not hold, never is.
def test_a_deployment_never_overwrites_the_token():
    secret = RESOURCES["SignzyToken"]["Properties"]

    assert not secret.keys() & {"SecretString", "GenerateSecretString"}


def test_no_arn_is_bound_to_one_partition_account_or_region():
    text = "\n".join(line.split(" #")[0] for line in (ROOT / "template.yaml").read_text("utf-8").splitlines())
    definition = (ROOT / "statemachine" / "link_watch.asl.json").read_text("utf-8")

    assert set(re.findall(r"arn:aws[\w-]*:", text)) == set()
    assert set(re.findall(r"arn:[^:]+:states:::", definition)) == {"arn:${aws}:states:::"}
    assert RESOURCES["LinkWatch"]["Properties"]["DefinitionSubstitutions"]["aws"] == {"Ref": "AWS::Partition"}
    assert not re.findall(r"\b[a-z]{2}-[a-z]+-\d\b", text)


# Both end alike in aws and aws-us-gov: docs/deploy.md names these two.
def test_hosts_are_named_only_where_services_are():
    named = re.findall(r"[^\s\"]*amazonaws\.com", "\n".join(line.split("#")[0] for line in TEXT.splitlines()))

    assert {name for name in named if not re.fullmatch(r"[a-z]+(\.\$\{AWS::Region\})?\.amazonaws\.com", name)} == set()


def test_no_two_environments_share_a_stack_or_deploy_without_naming_one():
    accounts = {name: deploy["stack_name"] for name, deploy in DEPLOYED.items() if name != "local"}

    assert "default" not in DEPLOYED
    assert len(set(accounts.values())) == len(accounts)
    assert all(len(stack_name) <= LONGEST_STACK_NAME for stack_name in accounts.values())


@pytest.mark.parametrize("name", DEPLOYED)
def test_every_environment_lets_cloudformation_expand_the_loops(name):
    deploy = DEPLOYED[name]

    assert deploy["capabilities"] == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    assert deploy["language_extensions"] is True
    assert CONFIG[name]["build"]["parameters"]["language_extensions"] is True
