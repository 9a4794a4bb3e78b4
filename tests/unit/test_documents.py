"""Facts that a document and another file both state agree."""

import re
import tomllib
from pathlib import Path

import yaml

from benchmarks import cost
from tests.definition.engine.definition import STATES, TEMPLATE

ROOT = Path(__file__).parents[2]


def text_of(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


DRAWING = text_of("docs/architecture.md").partition("start(( ))")[2].partition("```")[0]


def test_the_document_lists_every_parameter_with_its_default():
    rows = re.findall(r"^\| (`.*?) \| (.*?) ?\| ", text_of("docs/parameters.md"), re.MULTILINE)

    listed: dict[str, str] = {}
    for cell, defaults in rows:
        names = re.findall(r"`(\w+)`", cell)
        values = defaults.replace("`", "").split(", ") if defaults else [""] * len(names)
        listed |= dict(zip(names, values, strict=True))

    assert listed == {name: str(parameter["Default"]) for name, parameter in TEMPLATE["Parameters"].items()}


def test_the_changelog_and_the_api_state_the_version_of_the_project():
    version = tomllib.loads(text_of("pyproject.toml"))["project"]["version"]

    assert re.findall(r"^## ([\d.]+)", text_of("CHANGELOG.md"), re.MULTILINE)[0] == version
    assert yaml.safe_load(text_of("contracts/openapi.yaml"))["info"]["version"] == version


def test_the_cost_document_has_the_computed_tables():
    assert cost.tables() in text_of("docs/cost.md")
    assert cost.with_tables(text_of("docs/cost.md")) == text_of("docs/cost.md")


def test_the_readme_shows_the_computed_costs():
    row = text_of("README.md").split("|--:|--:|--:|--:|--:|\n")[1].splitlines()[0]

    assert re.findall(r"\d+\.\d\d", row) == [f"{cost.per_1000(checks):.2f}" for checks in cost.CASES.values()]


def test_the_drawing_of_the_state_machine_has_every_state():
    assert set(re.findall(r'"([^"]+)"', DRAWING)) == set(STATES)


def test_the_drawing_of_the_state_machine_has_every_transition():
    short = {name: re.sub(r"\W", "", name) for name in STATES}
    expected = {
        (short[name], short[way["Next"]])
        for name, state in STATES.items()
        for way in (state, *state.get("Choices", []), *state.get("Catch", []))
        if "Next" in way
    }

    assert set(re.findall(r"^  (\w+) -\.?-> (\w+)$", DRAWING, re.MULTILINE)) == expected
