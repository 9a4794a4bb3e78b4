"""Turns the SAM template into a plain CloudFormation template. SAM CLI's own Python runs this file (.venvs/sam).

In, on standard input, as JSON: {"template": text of template.yaml, "definition": the state machine's definition,
"code": {logical id of a function: file name of its zip}}. Out, on standard output: the template as JSON.
"""

import json
import sys
from typing import Any

import boto3
from samcli.yamlhelper import yaml_parse  # pyright: ignore[reportMissingImports]  # in .venvs/sam
from samtranslator.parser.parser import Parser  # pyright: ignore[reportMissingImports]
from samtranslator.translator.translator import Translator  # pyright: ignore[reportMissingImports]

#: SAM reads names of managed policies from IAM otherwise; the template uses none.
_NO_MANAGED_POLICIES: dict[str, str] = {}


def plain(template: dict[str, Any], definition: dict[str, Any], code: dict[str, str]) -> dict[str, Any]:
    """The template without a transform. Code is at CodePrefix + file name in CodeBucket; the definition is inline.

    SAM replaces a reference to a parameter by the parameter's default where it needs a value. So the defaults are taken out
    before the translation and put back after it: no reference changes.
    """
    template["Metadata"]["cfn-lint"]["config"]["ignore_checks"] += _IGNORED_BY_CFN_LINT
    template["Parameters"] = _CODE_PARAMETERS | template["Parameters"]
    defaults = {name: it.pop("Default") for name, it in template["Parameters"].items() if "Default" in it}
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = {
                "Bucket": {"Ref": "CodeBucket"},
                "Key": {"Fn::Sub": f"${{CodePrefix}}{code[name]}"},
            }
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            del properties["DefinitionS3Location"]
            properties["Definition"] = definition
    template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    translator = Translator(_NO_MANAGED_POLICIES, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    translated = translator.translate(template, parameter_values={})
    for name, default in defaults.items():
        translated["Parameters"][name]["Default"] = default
    return translated


_IGNORED_BY_CFN_LINT = [
    "E3005",  # CloudFormation ignores a DependsOn whose condition is false
    "E3601",  # the definition's ARNs begin with a substitution, which cfn-lint does not make: arn:${aws}:
]
_CODE_PARAMETERS: dict[str, Any] = {
    "CodeBucket": {
        "Type": "String",
        "Description": "The bucket with the functions' zip files, in the stack's region.",
        "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "ConstraintDescription": "the name of a bucket",
    },
    "CodePrefix": {
        "Type": "String",
        "Description": "What precedes the zip files' names in CodeBucket: empty, or a path that ends with a slash.",
        "Default": "",
        "MaxLength": 512,
        "AllowedPattern": "^([^/].*/)?$",
        "ConstraintDescription": "empty, or a path that ends with a slash",
    },
}


def main() -> None:
    """Reads the request, writes the template."""
    request = json.load(sys.stdin)
    json.dump(plain(yaml_parse(request["template"]), request["definition"], request["code"]), sys.stdout)


if __name__ == "__main__":
    main()
