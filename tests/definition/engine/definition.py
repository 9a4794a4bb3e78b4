"""The definition and the template, as they are in the repository. Knows no state by its name."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "statemachine" / "link_watch.asl.json").read_text("utf-8")

_JSONATA = re.compile(r"\{%(.*)%\}", re.DOTALL)
_STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


class _Tags(yaml.SafeLoader):
    """Reads CloudFormation's short forms as {tag: value}."""


def _tagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    return {tag: node.value}


_Tags.add_multi_constructor("!", _tagged)

TEMPLATE: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text("utf-8"), _Tags)  # noqa: S506  a SafeLoader
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
STATE_MACHINE: dict[str, Any] = RESOURCES["LinkWatch"]["Properties"]


def default_of(parameter: str) -> int:
    return int(TEMPLATE["Parameters"][parameter]["Default"])


def values_of(parameter: str) -> list[int]:
    """The whole numbers that a parameter's pattern accepts, in order."""
    pattern = TEMPLATE["Parameters"][parameter]["AllowedPattern"]
    return [number for number in range(10_000) if re.fullmatch(pattern, str(number))]


REGION, ACCOUNT = "us-east-1", "123456789012"


def arn_of(logical_id: str, service: str = "states", kind: str = "stateMachine:") -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}{logical_id}"


def deployed(value: object, parameters: Mapping[str, object] | None = None) -> str:
    """What a value of the template is once it is deployed. A resource's physical name is its logical id here. parameters: as
    given, else their defaults.
    """
    if not isinstance(value, dict):
        return str(value)
    ((_, reference),) = value.items()
    given = {name: it.get("Default", name) for name, it in TEMPLATE["Parameters"].items()} | dict(parameters or {})
    logical_id = str(reference).removesuffix(".Alias").removesuffix(".Id").removesuffix(".Arn")
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
UPDATES = {name: task["Arguments"] for name, task in TASKS.items() if task["Resource"].endswith(":dynamodb:updateItem")}


def expression_in(value: object) -> str | None:
    """The JSONata between {% and %}."""
    found = _JSONATA.fullmatch(value) if isinstance(value, str) else None
    return found[1].strip() if found else None


def expressions(value: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Every JSONata expression in a part of the definition, with its place."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from expressions(inner, f"{place}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from expressions(inner, f"{place}/{index}")
    elif (expression := expression_in(value)) is not None:
        yield place, expression


def without_strings(expression: str) -> str:
    return _STRING.sub("''", expression)


def ways_out(state: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each transition a state has: its target, and the variables assigned on the way."""
    if "Next" in state:
        yield state["Next"], state.get("Assign", {})
    if "Default" in state:
        yield state["Default"], state.get("Assign", {})
    for way in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield way["Next"], way.get("Assign", {})


def delays(retriers: list[dict[str, Any]]) -> list[float]:
    """The longest that each retry waits, one after the other, in seconds: without jitter."""
    return [
        min(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt, retrier["MaxDelaySeconds"])
        for retrier in retriers
        for attempt in range(retrier["MaxAttempts"])
    ]
