"""The bundles of sam build run in Lambda: each handler can be imported with its bundle and boto3 alone."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from local.checkout import ROOT, SAM
from local.programs import build_environment
from tests.static.template import DEFAULT

BUILT = ROOT / ".aws-sam" / "build"
#: boto3 and its dependencies, all of which AWS's Python runtime has; urllib3 has to come from the bundle.
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six")
FUNCTIONS = {name: properties["Handler"] for name, properties in DEFAULT.of_type("AWS::Lambda::Function").items()}


def variables_of(function: str) -> dict[str, str]:
    """A function's variables as the template sets them, with a name in the place of each reference."""
    variables = DEFAULT.properties(function)["Environment"]["Variables"]
    return {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"} | {
        name: re.sub(r"\$\{.*\}", "arn:aws:service:us-east-1:123456789012:name", value)
        for name, value in variables.items()
    }


@pytest.fixture(scope="session")
def runtime(tmp_path_factory) -> Path:
    """A folder with boto3 and nothing else."""
    folder = tmp_path_factory.mktemp("runtime")
    for package in RUNTIME:
        spec = find_spec(package)
        source = Path(str(spec and spec.origin))
        source = source.parent if source.name == "__init__.py" else source
        (folder / source.name).symlink_to(source)
    return folder


def modules_after_import(function: str, runtime: Path) -> set[str]:
    program = f"""
import json, sys
sys.path += [{str(BUILT / function)!r}, {str(runtime)!r}]
import {FUNCTIONS[function].split(".")[0]} as module
assert callable(module.handler)
print(json.dumps(list(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        env=variables_of(function),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


#: What a check does not need.
NOT_FOR_CHECK_LINK = {
    *("boto3", "botocore.session", "botocore.auth", "pydantic", "aws_lambda_powertools", "aws_xray_sdk"),
    "linkwatch.verifications",
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_imports_with_its_bundle_and_boto3_alone(function, runtime):
    loaded = modules_after_import(function, runtime)

    assert FUNCTIONS[function].split(".")[0] in loaded
    assert function != "CheckLink" or not loaded & NOT_FOR_CHECK_LINK


# The flags of a .pyc: https://peps.python.org/pep-0552/
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_module_is_shipped_with_byte_code_that_is_checked_against_it_by_its_hash(function):
    compiled = {
        path.parents[1] / f"{path.name.split('.')[0]}.py": int.from_bytes(path.read_bytes()[4:8], "little")
        for path in (BUILT / function).rglob("*.pyc")
    }

    assert compiled == dict.fromkeys((BUILT / function).rglob("*.py"), 0b11)


@pytest.mark.parametrize("function", sorted(set(FUNCTIONS) - {"CheckLink"}))
def test_the_other_bundles_fit_both_architectures(function):
    cores = {path.name.split("-", 2)[-1] for path in (BUILT / function / "pydantic_core").glob("*.so")}

    assert {"x86_64-linux-gnu.so", "aarch64-linux-gnu.so"} <= cores


def test_check_links_bundle_has_no_compiled_code_and_fits_into_2_mib(tmp_path):
    bundle = Path(shutil.make_archive(str(tmp_path / "bundle"), "zip", BUILT / "CheckLink"))

    assert not list((BUILT / "CheckLink").rglob("*.so"))
    assert bundle.stat().st_size <= 2 * 1024 * 1024


def test_sam_local_understands_the_built_template():
    """Up to the container: there is none at this address, so that this needs no Docker."""
    no_docker = {**build_environment(), "DOCKER_HOST": "unix:///nowhere"}

    done = subprocess.run(
        [SAM, "local", "invoke", "CheckLink"],
        cwd=ROOT,
        env=no_docker,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "container runtime" in done.stderr
    assert "unexpected error" not in done.stderr


# ── Supply chain ──────────────────────────────────────────────────────────────────────────────────────────────────────

MAKE = str(shutil.which("make"))
REQUIREMENTS = (ROOT / "functions" / "requirements.txt").read_text("utf-8")
REQUIRED = dict(re.findall(r"^([\w-]+)==(\S+)", REQUIREMENTS, re.MULTILINE))


def built_by_hand(function: str, functions: Path, into: Path) -> subprocess.CompletedProcess[str]:
    """What sam build does for a function: its target of functions/Makefile, in a copy of the folder."""
    into.mkdir(parents=True)
    program = [MAKE, "-s", f"build-{function}", f"ARTIFACTS_DIR={into}", f"PYTHON={sys.executable}"]
    return subprocess.run(program, cwd=functions, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def functions(tmp_path) -> Path:
    copy = tmp_path / "functions"
    shutil.copytree(ROOT / "functions", copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def contents(folder: Path) -> dict[Path, tuple[str, int, float]]:
    """Each file's hash, mode and time: what a zip of the folder is made of."""
    return {
        path.relative_to(folder): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mode,
            path.stat().st_mtime,
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_two_builds_of_one_commit_give_the_same_bytes(functions, tmp_path):
    function = "VerificationsApi"  # it has compiled code and all packages

    done = built_by_hand(function, functions, tmp_path / "second")

    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "second") == contents(BUILT / function)


def test_a_package_with_another_hash_is_not_bundled(functions, tmp_path):
    hashes = re.sub(r"sha256:[0-9a-f]{8}", "sha256:00000000", REQUIREMENTS)
    (functions / "requirements.txt").write_text(hashes)

    done = built_by_hand("CheckLink", functions, tmp_path / "bundle")

    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_a_bundle_has_the_required_packages_and_no_other():
    for function in FUNCTIONS:
        installed = dict(
            path.name.removesuffix(".dist-info").split("-") for path in (BUILT / function).glob("*.dist-info")
        )
        packages = {name.replace("_", "-"): version for name, version in installed.items()}

        assert packages == ({"urllib3": REQUIRED["urllib3"]} if function == "CheckLink" else REQUIRED)
