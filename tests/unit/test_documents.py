"""What the documents point to is there, parameters and version are told as they are, and each keeps to its size."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")]

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```", re.DOTALL)
_TARGET = re.compile(r"\bmake (?:-s )?([a-z][a-z-]+)")


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives a document's headings."""
    headings = re.findall(r"^#+ (.*)$", _CODE.sub("", document.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", names(DOCUMENTS))
def test_every_link_within_the_repository_leads_somewhere(name):
    document = ROOT / name
    astray = []
    for link in _LINK.findall(_CODE.sub("", document.read_text("utf-8"))):
        if re.match("https?://", link):
            continue
        file, _, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            astray.append(link)

    assert astray == []


def test_every_make_target_that_a_document_names_exists():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        (path.name, target)
        for path in DOCUMENTS
        for code in re.findall(r"`[^`]+`|```.*?```", path.read_text("utf-8"), re.DOTALL)
        for target in _TARGET.findall(code)
    }

    assert {(name, target) for name, target in named if target not in targets} == set()


def test_every_parameter_stands_in_the_document_with_its_default():
    text = (ROOT / "template.yaml").read_text("utf-8")
    section = text[text.index("\nParameters:\n") : text.index("\nConditions:\n")]
    parameters = yaml.safe_load(section)["Parameters"]
    rows = re.findall(r"^\| (`.*?) \| (.*?) ?\| ", (ROOT / "docs" / "parameters.md").read_text("utf-8"), re.MULTILINE)

    told: dict[str, str] = {}
    for cell, defaults in rows:
        found = re.findall(r"`(\w+)`", cell)
        told |= dict(zip(found, defaults.replace("`", "").split(", ") if defaults else [""] * len(found), strict=True))

    assert told == {name: str(parameter["Default"]) for name, parameter in parameters.items()}


def test_the_readme_is_shorter_than_150_lines():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 150


def test_the_two_commands_stand_within_the_first_60_words():
    before = (ROOT / "README.md").read_text("utf-8").split("make run")[0]

    assert len(before.split()) <= 60


@pytest.mark.parametrize("name", names(DOCUMENTS))
def test_prose_is_wrapped_at_100_columns(name):
    text = _CODE.sub("", (ROOT / name).read_text("utf-8"))
    lines = [line for line in text.splitlines() if not line.startswith(("|", "!["))]

    assert [line for line in lines if len(line) > 100 and " " in line.strip()] == []  # a URL cannot be broken


def test_there_is_one_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    openapi = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text("utf-8"))

    assert re.findall(r"^## ([\d.]+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)[0] == version
    assert openapi["info"]["version"] == version
    assert f"Version {version}," in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", names(DOCUMENTS))
def test_every_test_that_a_document_points_to_exists(name):
    pointed_to = set(re.findall(r"\btest_\w+\.py", (ROOT / name).read_text("utf-8")))

    assert {file for file in pointed_to if not list((ROOT / "tests").rglob(file))} == set()


def test_the_pipeline_runs_what_there_is():
    pipeline = yaml.safe_load((ROOT / ".github" / "workflows" / "linkwatch.yml").read_text("utf-8"))
    makefile = (ROOT / "Makefile").read_text("utf-8")

    commands = [step["run"] for job in pipeline["jobs"].values() for step in job["steps"] if "run" in step]

    assert commands[0] == "make test"
    assert all(f"\n{target}:" in makefile for target in ("test", *re.findall(r"'(\w+)'", commands[1])))
    environment = re.findall(r"ENV=(\w+)", commands[1])[0]
    assert f"[{environment}.deploy.parameters]" in (ROOT / "samconfig.toml").read_text("utf-8")


def test_the_pipelines_checkouts_keep_no_credentials():
    pipeline = yaml.safe_load((ROOT / ".github" / "workflows" / "linkwatch.yml").read_text("utf-8"))
    steps = [step for job in pipeline["jobs"].values() for step in job["steps"]]

    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]

    assert [step.get("with", {}).get("persist-credentials") for step in checkouts] == [False, False]
