"""The template as SAM turns it into CloudFormation."""

import copy
import json
import os
import subprocess
from typing import Any

from cfnlint.decode.cfn_yaml import loads as load_yaml

from local.stack.paths import EMULATOR_VENV
from tests.definition.shipped import ROOT

TEMPLATE: dict[str, Any] = load_yaml((ROOT / "template.yaml").read_text("utf-8"))

#: SAM's own translator, as the emulator has it: it wants another pydantic than the functions do.
_TRANSLATE = """
import json, sys
import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
print(json.dumps(translator.translate(json.load(sys.stdin), parameter_values={})["Resources"]))
"""


def translated(api_auth: dict[str, Any] | None = None) -> dict[str, Any]:
    """The resources by name; api_auth takes the place of the API's Auth."""
    template = copy.deepcopy(TEMPLATE)
    if api_auth:
        template["Resources"]["Api"]["Properties"]["Auth"] = api_auth
    for resource in template["Resources"].values():
        for uri in {"CodeUri", "DefinitionUri"} & set(resource.get("Properties", {})):
            resource["Properties"][uri] = "s3://bucket/key"
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    python = EMULATOR_VENV / "bin" / "python"
    program = [os.fspath(python), "-c", _TRANSLATE]
    done = subprocess.run(program, input=json.dumps(template), capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout.splitlines()[-1])


RESOURCES: dict[str, Any] = translated()
