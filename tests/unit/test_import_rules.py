"""Rules for functions/ that import-linter (in pyproject.toml) cannot check: it does not read handlers, which are no packages."""

import ast
import re
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parents[2] / "functions"
MODULES = {path.stem: path.read_text("utf-8") for path in FUNCTIONS.rglob("*.py")}


def imports_of(source: str) -> set[str]:
    """The modules that a file imports; of "from a import b" both a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize(
    ("modules", "importers"),
    [
        pytest.param(r"linkwatch\.signzy(_answer|_token)?", {"check_link", "signzy"}, id="Signzy"),
        pytest.param(r"urllib3|http\.client|socket", {"http_client"}, id="HTTP"),
        pytest.param("os", {"settings"}, id="the environment"),
    ],
)
def test_only_these_modules_know(modules, importers):
    found = {name for name, source in MODULES.items() if any(re.fullmatch(modules, it) for it in imports_of(source))}

    assert found == importers


def test_signzys_path_and_phrases_are_in_two_modules():
    words = re.compile("poll-check-verify|linkclicked|please wait|should match pattern|upstream down", re.IGNORECASE)
    definition = (FUNCTIONS.parent / "statemachine" / "link_watch.asl.json").read_text("utf-8")

    assert {name for name, source in MODULES.items() if words.search(source)} == {"signzy", "signzy_answer"}
    assert not words.search(definition)
