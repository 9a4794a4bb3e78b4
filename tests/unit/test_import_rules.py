"""Imports in functions/ point one way, and one module reads the environment."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
HANDLERS = {path.stem for path in FUNCTIONS.glob("*.py")}
#: The modules of the core, each with what it may import of the others.
CORE = {
    "linkwatch.aws_errors": set(),
    "linkwatch.json_text": set(),
    "linkwatch.model": set(),
    "linkwatch.settings": set(),
    "linkwatch.start_request": {"linkwatch.json_text", "linkwatch.model"},
    "linkwatch.find_request": {"linkwatch.start_request"},
    "linkwatch.http_client": set(),
    "linkwatch.signzy_fields": {"linkwatch.json_text"},
    "linkwatch.signzy_answer": {"linkwatch.model", "linkwatch.signzy_fields"},
    "linkwatch.signzy_token": {
        "linkwatch.http_client",
        "linkwatch.json_text",
        "linkwatch.model",
        "linkwatch.settings",
    },
    "linkwatch.signzy": {
        "linkwatch.http_client",
        "linkwatch.model",
        "linkwatch.signzy_answer",
        "linkwatch.signzy_token",
    },
    "linkwatch.executions": {"linkwatch.aws_errors"},
    "linkwatch.table": {"linkwatch.aws_errors"},
    "linkwatch.verifications": {"linkwatch.aws_errors", "linkwatch.executions", "linkwatch.model", "linkwatch.table"},
    "linkwatch.recovery": {"linkwatch.aws_errors", "linkwatch.executions", "linkwatch.model", "linkwatch.table"},
}


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def reached_from(module: str) -> set[str]:
    """Returns every module that importing this one loads, by the imports of our own modules."""
    reached, todo = set(), [module]
    while todo:
        path = FUNCTIONS / f"{todo.pop().replace('.', '/')}.py"
        new = imports_of(path) - reached if path.exists() else set()
        reached |= new
        todo += new
    return reached


def test_every_module_of_the_core_is_named_here():
    assert {f"linkwatch.{path.stem}" for path in (FUNCTIONS / "linkwatch").glob("[a-z]*.py")} == set(CORE)


def test_a_module_of_the_core_imports_only_the_modules_below_it():
    for module, allowed in CORE.items():
        ours = imports_of(FUNCTIONS / f"{module.replace('.', '/')}.py") & (set(CORE) | HANDLERS)
        assert ours <= allowed, module


def test_functions_import_no_other_folder():
    others = {"local", "simulator", "operations", "tests", "benchmarks", "contracts"}

    assert not {name for path in FUNCTIONS.rglob("*.py") for name in imports_of(path) if name.split(".")[0] in others}


def test_signzys_path_and_phrases_are_in_two_modules():
    words = re.compile("poll-check-verify|linkclicked|please wait|should match pattern|upstream down", re.IGNORECASE)
    sources = [*FUNCTIONS.rglob("*.py"), *(ROOT / "statemachine").iterdir()]

    speakers = [path.name for path in sources if words.search(path.read_text("utf-8"))]

    assert sorted(speakers) == ["signzy.py", "signzy_answer.py"]


def test_only_check_link_imports_the_modules_of_signzy():
    modules = {"linkwatch.signzy", "linkwatch.signzy_answer", "linkwatch.signzy_token"}
    importers = {path.stem for path in FUNCTIONS.rglob("*.py") if modules & imports_of(path)}

    assert importers == {"check_link", "signzy"}


def test_only_the_http_client_imports_urllib3():
    modules = {"urllib3", "http.client", "socket"}
    importers = {path.stem for path in FUNCTIONS.rglob("*.py") if modules & imports_of(path)}

    assert importers == {"http_client"}


def test_the_environment_is_read_in_one_module():
    readers = [path.stem for path in FUNCTIONS.rglob("*.py") if "os" in imports_of(path)]

    assert readers == ["settings"]


def test_check_link_imports_nothing_heavy_when_it_starts():
    heavy = {"boto3", "botocore", "pydantic"}
    heavy |= {
        f"linkwatch.{name}"
        for name in ("aws_errors", "start_request", "executions", "table", "verifications", "recovery")
    }

    assert not {name for name in reached_from("check_link") if name.split(".")[0] in heavy or name in heavy} - {
        "botocore.auth",  # inside the function that signs
        "botocore.auth.SigV4Auth",
        "botocore.awsrequest",
        "botocore.awsrequest.AWSRequest",
    }
