"""Turns a SAM template into plain CloudFormation. SAM CLI's own Python runs this file (.venvs/sam), which has SAM's translator.

Standard input, JSON: {"template": its text, YAML or JSON; "code": the CodeUri of each function}. Standard output: JSON.
"""

import json
import sys

import boto3
from samcli.yamlhelper import yaml_parse  # pyright: ignore[reportMissingImports]  # in .venvs/sam
from samtranslator.parser.parser import Parser  # pyright: ignore[reportMissingImports]
from samtranslator.translator.translator import Translator  # pyright: ignore[reportMissingImports]

request = json.load(sys.stdin)
template = yaml_parse(request["template"])
for function, location in request["code"].items():
    template["Resources"][function]["Properties"]["CodeUri"] = location
# SAM replaces a reference to a parameter by the parameter's default where it needs a value; so there is none meanwhile.
defaults = {name: it.pop("Default") for name, it in template.get("Parameters", {}).items() if "Default" in it}
no_managed_policies: dict[str, str] = {}  # SAM reads their names from IAM otherwise
translator = Translator(no_managed_policies, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
plain = translator.translate(template, parameter_values={})
for name, default in defaults.items():
    plain["Parameters"][name]["Default"] = default
json.dump(plain, sys.stdout)
