"""A release: plain CloudFormation with the resources of `sam deploy`, the same bytes each time, checksums that are checked."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads as load_yaml

from local.checkout import ROOT
from operations import release
from operations.environment import BadChoice
from tests.static.template import SOURCE

REQUIREMENTS = (ROOT / "functions" / "requirements.txt").read_text("utf-8")
CHECKOV = "checkov/bin/python -m checkov.main --framework cloudformation --skip-download --compact --quiet --file"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return release.write(tmp_path_factory.mktemp("dist") / "linkwatch")


@pytest.fixture(scope="module")
def plain(folder) -> dict[str, Any]:
    return load_yaml((folder / "template.yaml").read_text("utf-8"))


def mentions(template: Any, parameter: str) -> int:
    """How often a template refers to a parameter, by Ref or within a Sub."""
    return len(re.findall(rf'"Ref": "{parameter}"|\$\{{{parameter}\}}', json.dumps(template)))


def test_plain_cloudformation_has_the_templates_parameters_and_none_is_replaced_by_its_default(plain):
    assert not {"Transform", "Globals"} & plain.keys()
    assert {"CodeBucket", "CodePrefix"} | SOURCE["Parameters"].keys() == plain["Parameters"].keys()
    for parameter, described in SOURCE["Parameters"].items():
        assert plain["Parameters"][parameter] == described
        for part in ("Resources", "Conditions", "Outputs", "Rules"):
            before, after = mentions(SOURCE[part], parameter), mentions(plain[part], parameter)
            assert after >= before, f"{parameter} in {part}"


def test_code_comes_from_the_bucket_under_names_that_are_its_checksums(plain, folder, tmp_path):
    functions = {name: it for name, it in plain["Resources"].items() if it["Type"] == "AWS::Lambda::Function"}
    packed_again = {name: release.write_zip(ROOT / ".aws-sam" / "build" / name, tmp_path) for name in functions}

    assert {name: it["Properties"]["Code"] for name, it in functions.items()} == {
        name: {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Fn::Sub": f"${{CodePrefix}}{file}"}}
        for name, file in packed_again.items()
    }
    assert set(packed_again.values()) == {path.name for path in folder.glob("*.zip")}


@pytest.mark.parametrize("scanner", ["development/bin/cfn-lint", CHECKOV], ids=["cfn-lint", "checkov"])
def test_a_scanner_finds_nothing_in_the_template(folder, scanner):
    program = [ROOT / ".venvs" / scanner.split()[0], *scanner.split()[1:], folder / "template.yaml"]

    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stdout


def test_the_bill_of_materials_lists_the_packages_of_the_functions_with_their_hashes(folder):
    text = (folder / "sbom.json").read_text("utf-8")

    listed = {(it["name"], it["version"]) for it in json.loads(text)["components"]}

    assert listed == set(re.findall(r"^([\w-]+)==([\w.]+)", REQUIREMENTS, re.MULTILINE))
    assert set(re.findall(r'"content": "(\w{64})"', text)) == set(re.findall(r"sha256:(\w+)", REQUIREMENTS))


CHANGES: dict[str, Callable[[Path], object]] = {
    "changed": lambda folder: (folder / "template.yaml").write_text("Resources: {}", "utf-8"),
    "added": lambda folder: (folder / "other.zip").write_bytes(b""),
    "removed": lambda folder: (folder / "README.md").unlink(),
    "without checksums": lambda folder: (folder / "SHA256SUMS").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_release_whose_files_are_not_those_of_its_checksums_is_refused(folder, tmp_path, change):
    copy = shutil.copytree(folder, tmp_path / "copy")
    release.check(copy)
    CHANGES[change](copy)

    with pytest.raises(BadChoice):
        release.check(copy)
