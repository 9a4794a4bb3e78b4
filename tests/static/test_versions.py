"""Functions are called by an alias, whose version is published anew for whatever changes."""

import re
from typing import Any

import pytest

from tests.static.template import RESOURCES, TEMPLATE, of_type, referred

FUNCTIONS = list(of_type("AWS::Lambda::Function"))


def parameters_in(properties: Any) -> set[str]:
    """The template's parameters that properties refer to."""
    return set(referred(properties)) & set(TEMPLATE["Parameters"])


def version_of(function: str) -> dict[str, Any]:
    return next(r["Properties"] for name, r in RESOURCES.items() if name.startswith(f"{function}Version"))


#: What names a function without calling it: dimensions of metrics, and the alias's own settings.
NOT_CALLING = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::Lambda::EventInvokeConfig"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_called_by_its_alias_only(function):
    callers = {
        name: r
        for name, r in RESOURCES.items()
        if r["Type"] not in NOT_CALLING and not name.startswith((f"{function}Version", f"{function}Alias"))
    }

    named = {name for r in callers.values() for name in referred(r.get("Properties"))}

    assert f"{function}Aliaslive" in named
    assert function not in named


# A version whose description stays while the function changes would not be published, and one whose description changes while
# the function stays would be refused: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-version.html
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_version_is_described_by_the_parameters_of_its_function(function):
    assert parameters_in(version_of(function)) == parameters_in(RESOURCES[function]["Properties"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_version_is_made_for_any_other_property(function):
    assert TEMPLATE["Resources"][function]["Properties"]["AutoPublishAliasAllProperties"] is True


def test_the_longest_description_is_one_that_lambda_takes():
    longest = {name: parameter.get("MaxLength", 6) for name, parameter in TEMPLATE["Parameters"].items()}

    for function in FUNCTIONS:
        text = version_of(function)["Description"]["Fn::Sub"]
        assert len(re.sub(r"\$\{(\w+)\}", lambda found: "x" * longest[found[1]], text)) <= 256
