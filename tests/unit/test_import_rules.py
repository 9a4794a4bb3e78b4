"""Which folder and which module may import which, and that no modules import each other in a circle."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
#: folder: the other folders of this repository that it may import; functions/ is a folder of top-level modules
FOLDERS: dict[str, set[str]] = {
    "functions": set(),
    "simulator": set(),
    "operations/deployed": set(),
    "operations": {"operations/deployed", "simulator"},
    "operations/__main__": {"operations", "operations/acceptance", "operations/deployed"},
    "operations/acceptance": {"operations", "operations/deployed", "simulator"},
    "local": {"operations", "operations/acceptance", "operations/deployed", "simulator"},
    "benchmarks": {"functions"},
    "contracts": {"functions"},
}
#: module of the core: the other ones that it may import
CORE: dict[str, set[str]] = {
    "aws_errors": set(),
    "json_text": set(),
    "model": set(),
    "settings": set(),
    "http_client": set(),
    "start_request": {"json_text", "model"},
    "find_request": {"start_request"},
    "signzy_fields": {"json_text"},
    "signzy_answer": {"model", "signzy_fields"},
    "signzy_token": {"http_client", "json_text", "model", "settings"},
    "signzy": {"http_client", "model", "signzy_answer", "signzy_token"},
    "executions": {"aws_errors"},
    "table": {"aws_errors"},
    "verifications": {"aws_errors", "executions", "model", "table"},
    "recovery": {"aws_errors", "executions", "model", "table"},
}


def imports_of(path: Path) -> set[str]:
    """The modules that a file imports; of "from a import b" both a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def name_of(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removeprefix("functions.")


IMPORTS = {
    name_of(path): imports_of(path)
    for top in {folder.split("/")[0] for folder in FOLDERS}
    for path in (ROOT / top).rglob("*.py")
}
LAMBDA = {name: imports for name, imports in IMPORTS.items() if (FUNCTIONS / f"{name.replace('.', '/')}.py").exists()}


def folder_of(module: str) -> str | None:
    """The folder that a module is in, the longest of FOLDERS that fits; None for a package from outside."""
    path = "functions" if module.partition(".")[0] in {*LAMBDA, "linkwatch"} else module.replace(".", "/")
    top = path.partition("/")[0]
    outside = top if (ROOT / top).is_dir() else None
    return max((folder for folder in FOLDERS if f"{path}/".startswith(f"{folder}/")), key=len, default=outside)


def importers_of(*modules: str) -> set[str]:
    """The modules of functions/ that import one of these."""
    return {name for name, imports in LAMBDA.items() if imports & set(modules)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_only_what_it_may(folder):
    imported = {
        (name, other)
        for name, imports in IMPORTS.items()
        if folder_of(name) == folder
        for other in imports
        if folder_of(other) not in {None, folder, *FOLDERS[folder]}
    }

    assert imported == set()


def test_no_modules_import_each_other_in_a_circle():
    graph = {name: imports & IMPORTS.keys() for name, imports in IMPORTS.items()}

    assert len(list(TopologicalSorter(graph).static_order())) == len(IMPORTS)


def test_a_module_of_the_core_imports_only_the_modules_below_it():
    core = {f"linkwatch.{name}" for name in CORE}
    modules = {name for name in LAMBDA if name.startswith("linkwatch.") and not name.endswith("__")}

    assert modules == core
    assert {
        name: found - {f"linkwatch.{other}" for other in allowed}
        for name, allowed in CORE.items()
        if (found := LAMBDA[f"linkwatch.{name}"] & LAMBDA.keys()) - {f"linkwatch.{other}" for other in allowed}
    } == {}


def test_signzys_path_and_phrases_are_in_two_modules():
    words = re.compile("poll-check-verify|linkclicked|please wait|should match pattern|upstream down", re.IGNORECASE)
    sources = [*FUNCTIONS.rglob("*.py"), *(ROOT / "statemachine").iterdir()]

    speakers = [path.name for path in sources if words.search(path.read_text("utf-8"))]

    assert sorted(speakers) == ["signzy.py", "signzy_answer.py"]


@pytest.mark.parametrize(
    ("modules", "importers"),
    [
        pytest.param(
            ["linkwatch.signzy", "linkwatch.signzy_answer", "linkwatch.signzy_token"],
            {"check_link", "linkwatch.signzy"},
            id="Signzy",
        ),
        pytest.param(["urllib3", "http.client", "socket"], {"linkwatch.http_client"}, id="HTTP"),
        pytest.param(["os"], {"linkwatch.settings"}, id="the environment"),
    ],
)
def test_only_these_modules_know(modules, importers):
    assert importers_of(*modules) == importers


def test_check_link_imports_nothing_heavy_when_it_starts():
    heavy = {"boto3", "botocore", "pydantic", "aws_lambda_powertools"}
    heavy |= {
        f"linkwatch.{name}"
        for name in ("aws_errors", "start_request", "executions", "table", "verifications", "recovery")
    }
    reached, todo = set[str](), ["check_link"]
    while todo:
        new = LAMBDA.get(todo.pop(), set()) - reached
        reached |= new
        todo += new

    assert {name for name in reached if name.split(".")[0] in heavy or name in heavy} == {
        "botocore.auth",  # inside the function that signs
        "botocore.auth.SigV4Auth",
        "botocore.awsrequest",
        "botocore.awsrequest.AWSRequest",
    }
