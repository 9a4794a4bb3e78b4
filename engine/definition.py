"""The definition and the template as they lie on disk. Knows no state by its name."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
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


def substituted(values: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The definition as Step Functions gets it: numbers as given, else the parameters' defaults; names of things as they are
    called in DefinitionSubstitutions.
    """
    given = values or {}
    text = TEXT
    for name in STATE_MACHINE["DefinitionSubstitutions"]:
        known = given.get(name, TEMPLATE["Parameters"].get(name, {}).get("Default", name))
        text = text.replace(f"${{{name}}}", str(known))
    return json.loads(text)


DEFINITION = substituted()
STATES: dict[str, dict[str, Any]] = DEFINITION["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
UPDATES = {name: task["Arguments"] for name, task in TASKS.items() if task["Resource"].endswith(":dynamodb:updateItem")}


def expression_in(value: object) -> str | None:
    """What stands between {% and %}."""
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
