"""make release: writes dist/linkwatch-<version>/, which the AWS CLI alone can deploy.

    template.yaml         plain CloudFormation, without a transform
    <Function>-<sha>.zip  a function's code; the name has its SHA-256, so that other code has another name
    sbom.json             what the functions contain, as CycloneDX
    README.md             the commands that deploy it (release.md)
    SHA256SUMS            the checksums of all of these

The same commit gives the same bytes. docs/deploy.md describes how to deploy it.
"""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from operations.environment import ROOT, BadChoice

_VENVS = ROOT / ".venvs"
#: The files of a zip all have this time, so that two builds are the same.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_IGNORED_BY_CFN_LINT = [
    "E3005",  # CloudFormation ignores a DependsOn whose condition is false
    "E3601",  # the definition's ARNs begin with a substitution, which cfn-lint does not make: arn:${aws}:
]
_CODE_PARAMETERS: dict[str, Any] = {
    "CodeBucket": {
        "Type": "String",
        "Description": "The bucket with the functions' zip files, in the stack's region.",
        "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "ConstraintDescription": "the name of a bucket",
    },
    "CodePrefix": {
        "Type": "String",
        "Description": "What precedes the zip files' names in CodeBucket: empty, or a path that ends with a slash.",
        "Default": "",
        "MaxLength": 512,
        "AllowedPattern": "^([^/].*/)?$",
        "ConstraintDescription": "empty, or a path that ends with a slash",
    },
}


def write(folder: Path | None = None, source: Path = ROOT) -> Path:
    """Writes the release of what `sam build` has built into a folder, dist/linkwatch-<version>/ by default, and returns it.

    What was in the folder is deleted. source: the checkout that was built. Raises CalledProcessError.
    """
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    folder = folder or ROOT / "dist" / f"linkwatch-{version}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    bundles = sorted(path for path in (source / ".aws-sam" / "build").iterdir() if path.is_dir())
    template = _template(source, {bundle.name: write_zip(bundle, folder) for bundle in bundles})
    text = yaml.safe_dump(template, sort_keys=False, width=120, allow_unicode=True)
    (folder / "template.yaml").write_text(text, "utf-8")
    sbom = [_VENVS / "development" / "bin" / "cyclonedx-py", "requirements", "--output-reproducible"]
    sbom += ["--output-format", "JSON", "--output-file", folder / "sbom.json", ROOT / "functions" / "requirements.txt"]
    subprocess.run(sbom, check=True, stderr=sys.stderr)
    shutil.copy(Path(__file__).with_name("release.md"), folder / "README.md")
    sums = [f"{digest}  {name}\n" for name, digest in sorted(_checksums(folder).items())]
    (folder / "SHA256SUMS").write_text("".join(sums), "utf-8")
    return folder


def check(folder: Path) -> None:
    """Compares every file of a release with its SHA256SUMS. Raises BadChoice."""
    sums = folder / "SHA256SUMS"
    if not sums.is_file():
        raise BadChoice(f"{folder} is no release: it has no SHA256SUMS")
    expected = {tuple(reversed(line.split("  ", 1))) for line in sums.read_text("utf-8").splitlines()}
    if different := expected ^ set(_checksums(folder).items()):
        names = ", ".join(sorted({name for name, _ in different}))
        raise BadChoice(f"{folder}: not the files that SHA256SUMS names: {names}")


def write_zip(bundle: Path, folder: Path) -> str:
    """Packs a bundle into a zip file in a folder, named by its content. Returns the file's name."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in bundle.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(bundle).as_posix(), _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16  # Lambda's user has to read it
            archive.writestr(entry, path.read_bytes())
    name = f"{bundle.name}-{hashlib.sha256(content.getvalue()).hexdigest()}.zip"
    (folder / name).write_bytes(content.getvalue())
    return name


def _template(source: Path, files: Mapping[str, str]) -> dict[str, Any]:
    """The plain template: code is at CodePrefix + a function's file in CodeBucket, and the definition is inline."""
    code = {
        name: {"Bucket": {"Ref": "CodeBucket"}, "Key": {"Fn::Sub": f"${{CodePrefix}}{file}"}}
        for name, file in files.items()
    }
    template = plain_template((source / "template.yaml").read_text("utf-8"), code)
    template["Metadata"]["cfn-lint"]["config"]["ignore_checks"] += _IGNORED_BY_CFN_LINT
    template["Parameters"] = _CODE_PARAMETERS | template["Parameters"]
    machine = template["Resources"]["LinkWatch"]["Properties"]
    del machine["DefinitionS3Location"]
    machine["Definition"] = json.loads((source / "statemachine" / "link_watch.asl.json").read_text("utf-8"))
    return template


def plain_template(template: str, code: Mapping[str, object]) -> dict[str, Any]:
    """The CloudFormation that SAM makes of a template (YAML or JSON). code: where each function's code is, as CodeUri."""
    program = [_VENVS / "sam" / "bin" / "python", Path(__file__).with_name("plain_template.py")]
    request = json.dumps({"template": template, "code": code})
    done = subprocess.run(program, input=request, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def _checksums(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a release, by name."""
    paths = [path for path in folder.iterdir() if path.name != "SHA256SUMS"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


if __name__ == "__main__":
    print(write())
