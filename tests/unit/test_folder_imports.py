"""Which folder may import which, and that no modules import each other in a circle."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: folder: the other folders of this repository that it may import; functions/ is a folder of top-level modules
MAY_IMPORT: dict[str, set[str]] = {
    "functions": set(),
    "simulator": set(),
    "operations/deployed": set(),
    "operations": {"operations/deployed", "simulator"},
    "operations/__main__": {"operations", "operations/acceptance", "operations/deployed", "operations/report"},
    "operations/report": {"operations", "operations/deployed"},
    "operations/acceptance": {"operations", "operations/deployed", "simulator"},
    "local": {"operations", "operations/acceptance", "operations/deployed", "operations/report", "simulator"},
}
_FUNCTIONS = {path.stem for path in (ROOT / "functions").iterdir() if path.suffix == ".py" or path.is_dir()}


def folder_of(module: str) -> str | None:
    """The folder of MAY_IMPORT that a module is in, the longest that fits; None for a package from outside."""
    path = "functions" if module.partition(".")[0] in _FUNCTIONS else module.replace(".", "/")
    found = [folder for folder in MAY_IMPORT if f"{path}/".startswith(f"{folder}/")]
    return max(found, key=len, default=None)


def modules() -> dict[str, Path]:
    """The modules of all these folders."""
    found = (path for top in {folder.split("/")[0] for folder in MAY_IMPORT} for path in (ROOT / top).rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removeprefix("functions."): path for path in found}


def imports_of(path: Path) -> set[str]:
    """The modules that a file imports; of "from a import b" both a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_it_may(folder):
    imported = {
        (name, other)
        for name, path in modules().items()
        if folder_of(name) == folder
        for other in imports_of(path)
        if folder_of(other) not in {None, folder}
    }

    assert [pair for pair in imported if folder_of(pair[1]) not in MAY_IMPORT[folder]] == []


def test_no_modules_import_each_other_in_a_circle():
    known = modules()
    graph = {name: {other for other in imports_of(path) if other in known} for name, path in known.items()}

    assert len(list(TopologicalSorter(graph).static_order())) == len(known)
