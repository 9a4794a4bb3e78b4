"""The bundles of sam build: each handler can be imported with its bundle and boto3 alone, and a bundle can be built again."""

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from local.checkout import ROOT
from tests.static.template import DEFAULT

BUILT = ROOT / ".aws-sam" / "build"
FUNCTIONS = DEFAULT.of_type("AWS::Lambda::Function")
REQUIREMENTS = (ROOT / "functions" / "requirements.txt").read_text("utf-8")
#: boto3 and its dependencies, all of which AWS's Python runtime has; urllib3 has to come from the bundle.
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six")
#: What a check does not need.
NOT_FOR_CHECK_LINK = {
    *("boto3", "botocore.session", "botocore.auth", "pydantic", "aws_lambda_powertools", "aws_xray_sdk"),
    *("linkwatch.aws_errors", "linkwatch.start_request", "linkwatch.table", "linkwatch.executions"),
}
IMPORT = """
import importlib, json, sys
sys.path += sys.argv[2:]
assert callable(importlib.import_module(sys.argv[1]).handler)
print(json.dumps(list(sys.modules)))
"""


@pytest.fixture(scope="module")
def runtime(tmp_path_factory) -> Path:
    """A folder with boto3 and nothing else."""
    folder = tmp_path_factory.mktemp("runtime")
    for package in RUNTIME:
        source = Path(str((spec := find_spec(package)) and spec.origin))
        source = source.parent if source.name == "__init__.py" else source
        (folder / source.name).symlink_to(source)
    return folder


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_imports_with_its_bundle_and_boto3_alone(function, runtime):
    properties = DEFAULT.properties(function)
    module = properties["Handler"].split(".")[0]
    program = [sys.executable, "-I", "-S", "-c", IMPORT, module, BUILT / function, runtime]
    region = {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}

    done = subprocess.run(
        program, env=region | properties["Environment"]["Variables"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert function != "CheckLink" or not NOT_FOR_CHECK_LINK & {*json.loads(done.stdout)}


# The flags of a .pyc: https://peps.python.org/pep-0552/
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_module_is_shipped_with_byte_code_that_is_checked_against_it_by_its_hash(function):
    compiled = {
        path.parents[1] / f"{path.name.split('.')[0]}.py": int.from_bytes(path.read_bytes()[4:8], "little")
        for path in (BUILT / function).rglob("*.pyc")
    }

    assert compiled == dict.fromkeys((BUILT / function).rglob("*.py"), 0b11)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_bundle_fits_both_architectures(function):
    cores = {path.name.split("-", 2)[-1] for path in (BUILT / function).rglob("*.so")}

    assert not cores if function == "CheckLink" else {"x86_64-linux-gnu.so", "aarch64-linux-gnu.so"} <= cores


def test_check_links_bundle_fits_into_2_mib(tmp_path):
    bundle = Path(shutil.make_archive(str(tmp_path / "bundle"), "zip", BUILT / "CheckLink"))

    assert bundle.stat().st_size <= 2 * 1024 * 1024


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_bundle_has_the_required_packages_and_no_other(function):
    required = dict(re.findall(r"^([\w-]+)==(\S+)", REQUIREMENTS, re.MULTILINE))
    names = [path.name.removesuffix(".dist-info").split("-") for path in (BUILT / function).glob("*.dist-info")]

    packages = {name.replace("_", "-"): version for name, version in names}
    assert packages == ({"urllib3": required["urllib3"]} if function == "CheckLink" else required)


# ── Building again ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def functions(tmp_path) -> Path:
    return shutil.copytree(ROOT / "functions", tmp_path / "functions", ignore=shutil.ignore_patterns("__pycache__"))


def build(function: str, functions: Path, into: Path) -> subprocess.CompletedProcess[str]:
    """What sam build does for a function: its target of functions/Makefile, in a copy of the folder."""
    into.mkdir()
    program = ["/usr/bin/env", "make", "-s", f"build-{function}", f"ARTIFACTS_DIR={into}", f"PYTHON={sys.executable}"]
    return subprocess.run(program, cwd=functions, capture_output=True, text=True, timeout=300, check=False)


def contents(folder: Path) -> dict[Path, tuple[bytes, int, float]]:
    """Each file's bytes, mode and time: what a zip of the folder is made of."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime) for path in files}


def test_two_builds_of_one_commit_give_the_same_bytes(functions, tmp_path):
    function = "VerificationsApi"  # it has compiled code and all packages

    done = build(function, functions, tmp_path / "second")

    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "second") == contents(BUILT / function)


def test_a_package_with_another_hash_is_not_bundled(functions, tmp_path):
    hashes = re.sub(r"sha256:[0-9a-f]{8}", "sha256:00000000", REQUIREMENTS)
    (functions / "requirements.txt").write_text(hashes)

    done = build("CheckLink", functions, tmp_path / "bundle")

    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
