"""make release: writes dist/linkwatch-<version>/, which the AWS CLI alone can deploy.

    template.yaml         plain CloudFormation, without a transform
    <Function>-<sha>.zip  a function's code; the name has its SHA-256, so that other code has another name
    sbom.json             what the functions contain, as CycloneDX
    README.md             how to deploy it
    SHA256SUMS            the checksums of all of these

The same commit gives the same bytes.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import yaml

from operations.environment import ROOT, BadChoice

_VENVS = ROOT / ".venvs"
#: The files of a zip all have this time, so that two builds are the same.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def version() -> str:
    """The project's version."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def write(folder: Path | None = None, source: Path = ROOT) -> Path:
    """Writes the release of what `sam build` has built into a folder, dist/linkwatch-<version>/ by default, and returns it.

    What was in the folder is deleted. source: the checkout that was built. Raises CalledProcessError.
    """
    folder = folder or ROOT / "dist" / f"linkwatch-{version()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    template = (source / "template.yaml").read_text("utf-8")
    bundles = sorted(path for path in (source / ".aws-sam" / "build").iterdir() if path.is_dir())
    code = {bundle.name: write_zip(bundle, folder) for bundle in bundles}
    definition = json.loads((source / "statemachine" / "link_watch.asl.json").read_text("utf-8"))
    plain = _plain_template(template, definition, code)
    (folder / "template.yaml").write_text(
        yaml.safe_dump(plain, sort_keys=False, width=120, allow_unicode=True), "utf-8"
    )
    _write_sbom(folder / "sbom.json")
    (folder / "README.md").write_text(_README.replace("VERSION", version()), "utf-8")
    sums = [f"{_sha256(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / "SHA256SUMS").write_text("".join(sums), "utf-8")
    return folder


def checked(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a release, by name, after every file was compared with it. Raises BadChoice."""
    sums = folder / "SHA256SUMS"
    if not sums.is_file():
        raise BadChoice(f"{folder} is no release: it has no SHA256SUMS")
    expected = {name: digest for digest, name in (line.split("  ", 1) for line in sums.read_text("utf-8").splitlines())}
    found = {path.name: _sha256(path) for path in folder.iterdir() if path.name != sums.name}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise BadChoice(f"{folder}: {name} is not the file that SHA256SUMS names")
    return found


def write_zip(bundle: Path, folder: Path) -> str:
    """Packs a bundle into a zip file in a folder, named by its content. Returns the file's name."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in bundle.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(bundle).as_posix(), _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16  # Lambda's user has to read it
            archive.writestr(entry, path.read_bytes())
    path = folder / f"{bundle.name}-{hashlib.sha256(content.getvalue()).hexdigest()}.zip"
    path.write_bytes(content.getvalue())
    return path.name


def _plain_template(template: str, definition: dict[str, Any], code: dict[str, str]) -> dict[str, Any]:
    request = json.dumps({"template": template, "definition": definition, "code": code})
    program = [os.fspath(_VENVS / "sam" / "bin" / "python"), os.fspath(Path(__file__).with_name("plain_template.py"))]
    done = subprocess.run(program, input=request, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def _write_sbom(path: Path) -> None:
    program = [os.fspath(_VENVS / "development" / "bin" / "cyclonedx-py"), "requirements", "--output-reproducible"]
    program += ["--output-format", "JSON", "--output-file", os.fspath(path)]
    subprocess.run([*program, os.fspath(ROOT / "functions" / "requirements.txt")], check=True, stderr=sys.stderr)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_README = """# linkwatch VERSION

Compare the files with their checksums, copy them to a bucket in the region of the stack, and deploy the template:

```
sha256sum --check SHA256SUMS
aws s3 cp . s3://BUCKET/linkwatch-VERSION/ --recursive
aws cloudformation deploy --stack-name linkwatch --template-file template.yaml \\
    --s3-bucket BUCKET --capabilities CAPABILITY_IAM \\
    --parameter-overrides CodeBucket=BUCKET CodePrefix=linkwatch-VERSION/
```

The template is larger than 51,200 bytes, so the AWS CLI needs `--s3-bucket`. docs/deploy.md of the project describes the
parameters, Terraform and CDK.
"""


if __name__ == "__main__":
    print(write())
