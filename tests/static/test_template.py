"""The template can be read: its sections in order, monitoring a third of it, and the names of the contract."""

import re

import pytest

from tests.static.template import CLOUDFORMATION, RESOURCES, TEMPLATE, TEXT

SECTIONS = ["ENTRY POINTS", "PROCESS", "STEPS", "STATE AND EVENTS", "RECOVERY", "MONITORING"]

#: What others rely on: a logical id is how a policy, an alarm or a script finds a resource.
CONTRACT = {
    "AWS::StepFunctions::StateMachine": {"LinkWatch"},
    "AWS::Lambda::Function": {
        "VerificationsApi",
        "InstantLinkSent",
        "CheckLink",
        "RecoverUnfinished",
        "MeasureOutcomes",
    },
    "AWS::DynamoDB::Table": {"Verifications"},
    "AWS::Events::EventBus": {"LinkBus"},
    "AWS::SecretsManager::Secret": {"SignzyToken"},
}


def test_the_sections_follow_the_story():
    assert re.findall(r"^  # ── (.*?) ─+$", TEXT, re.MULTILINE) == SECTIONS


def test_the_template_has_less_than_1000_lines_and_monitoring_is_at_most_a_third_of_them():
    lines = TEXT.splitlines()
    start = next(number for number, line in enumerate(lines) if "── MONITORING" in line)

    assert len(lines) < 1000
    assert 3 * (lines.index("Outputs:") - start) <= len(lines)


@pytest.mark.parametrize("kind", CONTRACT)
def test_the_logical_ids_of_the_contract_stay(kind):
    assert {name for name, resource in RESOURCES.items() if resource["Type"] == kind} == CONTRACT[kind]


def test_the_outputs_of_the_contract_stay():
    assert list(CLOUDFORMATION["Outputs"]) == ["ApiUrl", "StateMachineArn", "BusName", "TableName", "SignzyTokenArn"]


@pytest.mark.parametrize("name", TEMPLATE["Parameters"])
def test_a_parameter_says_what_it_is_for_has_a_default_and_bounds(name):
    parameter = TEMPLATE["Parameters"][name]

    assert parameter["Description"]
    assert "Default" in parameter
    assert parameter.keys() & {"AllowedValues", "AllowedPattern", "MinValue"}
