"""What is called is a version of a function that is whole, and there is a new one for whatever changes."""

import json
import re
from typing import Any

import pytest

from tests.definition.translated import RESOURCES, TEMPLATE

FUNCTIONS = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Lambda::Function"]


def parameters_in(properties: Any) -> set[str]:
    """The template's parameters that properties refer to."""
    text = json.dumps(properties)
    named = re.findall(r'"Ref": "(\w+)"', text) + re.findall(r"\$\{(\w+)\}", text)
    return set(named) & set(TEMPLATE["Parameters"])


def version_of(function: str) -> dict[str, Any]:
    return next(r["Properties"] for name, r in RESOURCES.items() if name.startswith(f"{function}Version"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_called_by_its_alias_only(function):
    others = {
        name: r for name, r in RESOURCES.items() if not name.startswith((f"{function}Version", f"{function}Alias"))
    }

    text = json.dumps(others)

    assert f'"Ref": "{function}Aliaslive"' in text or f"${{{function}Aliaslive}}" in text
    assert f'["{function}", "Arn"]' not in text
    assert f"${{{function}.Arn}}" not in text


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
