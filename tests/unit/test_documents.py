"""Facts that a document and another file both state agree."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_the_document_lists_every_parameter_with_its_default():
    text = (ROOT / "template.yaml").read_text("utf-8")
    section = text[text.index("\nParameters:\n") : text.index("\nConditions:\n")]
    parameters = yaml.safe_load(section)["Parameters"]
    rows = re.findall(r"^\| (`.*?) \| (.*?) ?\| ", (ROOT / "docs" / "parameters.md").read_text("utf-8"), re.MULTILINE)

    listed: dict[str, str] = {}
    for cell, defaults in rows:
        names = re.findall(r"`(\w+)`", cell)
        values = defaults.replace("`", "").split(", ") if defaults else [""] * len(names)
        listed |= dict(zip(names, values, strict=True))

    assert listed == {name: str(parameter["Default"]) for name, parameter in parameters.items()}


def test_the_changelog_and_the_api_state_the_version_of_the_project():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    openapi = yaml.safe_load((ROOT / "contracts" / "openapi.yaml").read_text("utf-8"))

    assert re.findall(r"^## ([\d.]+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)[0] == version
    assert openapi["info"]["version"] == version
