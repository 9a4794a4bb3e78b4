"""The definition and the template, as they are in the repository. Knows no state by its name."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import loads

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "statemachine" / "link_watch.asl.json").read_text("utf-8")
TEMPLATE: dict[str, Any] = loads((ROOT / "template.yaml").read_text("utf-8"))
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
STATE_MACHINE: dict[str, Any] = RESOURCES["LinkWatch"]["Properties"]
REGION, ACCOUNT = "us-east-1", "123456789012"


def values_of(parameter: str) -> list[int]:
    """The whole numbers that a parameter's pattern accepts, in order."""
    pattern = TEMPLATE["Parameters"][parameter]["AllowedPattern"]
    return [number for number in range(10_000) if re.fullmatch(pattern, str(number))]


def arn_of(logical_id: str, kind: str = "stateMachine") -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:{kind}:{logical_id}"


def deployed(value: object, parameters: Mapping[str, object] | None = None) -> str:
    """What a value of the template is once it is deployed. A resource's physical name is its logical id here. parameters: as
    given, else their defaults.
    """
    if not isinstance(value, dict):
        return str(value)
    ((_, reference),) = value.items()
    given = {name: it.get("Default", name) for name, it in TEMPLATE["Parameters"].items()} | dict(parameters or {})
    logical_id = str(reference[0] if isinstance(reference, list) else reference).removesuffix(".Alias")
    match RESOURCES.get(logical_id, {}).get("Type", reference):
        case "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{logical_id}"
        case "AWS::StepFunctions::StateMachine":
            return arn_of(logical_id)
        case "AWS::Partition":
            return "aws"
    return str(given.get(logical_id, logical_id))


def substituted(parameters: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The definition as Step Functions gets it."""
    text = TEXT
    for name, value in STATE_MACHINE["DefinitionSubstitutions"].items():
        text = text.replace(f"${{{name}}}", deployed(value, parameters))
    return json.loads(text)


DEFINITION = substituted()
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
#: The service that each task calls: dynamodb, lambda, events.
SERVICES = {name: task["Resource"].split(":::")[1].split(":")[0] for name, task in TASKS.items()}
