"""template.yaml as CloudFormation gets it: loops expanded by AWS::LanguageExtensions, then resources made by SAM."""

import copy
import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

from cfnlint.decode.cfn_yaml import loads as load_yaml

from local.checkout import EMULATOR_VENV, ROOT

TEXT = (ROOT / "template.yaml").read_text("utf-8")
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text("utf-8")
DEFINITION: dict[str, Any] = json.loads((ROOT / "statemachine" / "link_watch.asl.json").read_text("utf-8"))

#: SAM's own translator, and the emulator's reading of the loops: they want another pydantic than the functions do.
_TRANSLATE = """
import json, sys
import boto3
from ministack.services.cloudformation import language_extensions
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
expanded = language_extensions.apply(json.load(sys.stdin), {})
print(json.dumps(expanded))
translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
print(json.dumps(translator.translate(expanded, parameter_values={})))
"""


def translated(api_auth: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The template with its loops expanded, and what SAM makes of it; api_auth takes the place of the API's Auth."""
    template = load_yaml(TEXT)
    if api_auth:
        template["Resources"]["Api"]["Properties"]["Auth"] = api_auth
    for resource in template["Resources"].values():
        code = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::StateMachine": "DefinitionUri"}
        if isinstance(resource, dict) and (uri := code.get(resource["Type"])):
            resource["Properties"][uri] = "s3://bucket/key"
    return _translated(template)


def translated_file(path: str) -> dict[str, Any]:
    """What SAM makes of another template, named from the repository's root: its resources."""
    template = load_yaml((ROOT / path).read_text("utf-8"))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return _translated(template)[1]["Resources"]


def _translated(template: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    program = [os.fspath(EMULATOR_VENV / "bin" / "python"), "-c", _TRANSLATE]
    done = subprocess.run(program, input=json.dumps(template), capture_output=True, text=True, check=True, timeout=60)
    expanded, cloudformation = done.stdout.splitlines()[-2:]
    return json.loads(expanded), json.loads(cloudformation)


TEMPLATE, CLOUDFORMATION = translated()
RESOURCES: dict[str, Any] = CLOUDFORMATION["Resources"]


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of a type, by logical id, in the template's order."""
    return {name: r.get("Properties", {}) for name, r in RESOURCES.items() if r["Type"] == kind}


def text_of(value: str | dict[str, str]) -> str:
    """A text that stands in the template as it is or in an Fn::Sub without variables."""
    return value if isinstance(value, str) else value["Fn::Sub"]


def referred(value: Any) -> Iterator[str]:
    """The logical ids, parameters and pseudo parameters that a part of the template refers to."""
    if isinstance(value, list):
        for inner in value:
            yield from referred(inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                yield inner
            elif key == "Fn::GetAtt":
                yield inner[0] if isinstance(inner, list) else inner.split(".")[0]
            elif key == "Fn::Sub":
                text, *variables = inner if isinstance(inner, list) else [inner]
                yield from re.findall(r"\$\{([\w:]+)", text)
                yield from referred(variables)
            else:
                yield from referred(inner)


def created_before(name: str) -> set[str]:
    """The resources that CloudFormation creates before this one, because it depends on them, directly or not."""
    before: set[str] = set()
    waiting = [name]
    while waiting:
        resource = RESOURCES[waiting.pop()]
        depends_on = copy.copy(resource.get("DependsOn", []))
        named = {*([depends_on] if isinstance(depends_on, str) else depends_on), *referred(resource.get("Properties"))}
        new = {other for other in named if other in RESOURCES} - before
        before |= new
        waiting += new
    return before
