"""SAM CLI, as the person at the keyboard would call it: its output and its questions go to the terminal."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from operations.environment import REGION_NAMES, ROOT, Environment

_SAM = ROOT / ".venvs" / "sam" / "bin" / "sam"
#: SAM builds with the Python that comes first on PATH.
_PYTHON = Path(sys.executable).parent


def build(environment: Environment) -> None:
    """Builds. Raises CalledProcessError."""
    _sam(["build"], environment)


def deploy(  # noqa: PLR0913  # what SAM wants to know
    environment: Environment,
    template: Path,
    bucket: str,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    *,
    asks: bool,
    executes: bool,
) -> None:
    """Deploys a plain template through a bucket. parameters: all that have no default, and those that change.

    asks: shows the change set and asks, unless samconfig.toml says not to. executes: False shows it and changes nothing.
    Raises CalledProcessError.
    """
    arguments = ["--template-file", os.fspath(template), "--s3-bucket", bucket, "--s3-prefix", "templates"]
    arguments += ["--force-upload"]
    arguments += ["--tags", *_pairs(tags)] if tags else []
    arguments += [] if executes else ["--no-execute-changeset"]
    _deploy(environment, arguments, parameters, asks=asks and executes)


def deploy_built(environment: Environment, parameters: Mapping[str, object]) -> None:
    """Deploys what was built, without asking, for a stack that is removed again. Raises CalledProcessError."""
    _deploy(environment, ["--resolve-s3"], parameters, asks=False)


def deploy_simulator(environment: Environment, parameters: Mapping[str, object], *, asks: bool) -> None:
    """Builds the simulator of Signzy and deploys it as environment's stack. asks: as for deploy. Raises CalledProcessError."""
    source, built = ROOT / "simulator" / "template.yaml", ROOT / ".aws-sam" / "simulator"
    _sam(["build", "--template-file", os.fspath(source), "--build-dir", os.fspath(built)], environment)
    arguments = ["--template-file", os.fspath(built / "template.yaml"), "--resolve-s3"]
    _deploy(environment, [*arguments, "--s3-prefix", environment.stack_name], parameters, asks=asks)


def _deploy(environment: Environment, arguments: list[str], parameters: Mapping[str, object], *, asks: bool) -> None:
    deploy = ["deploy", "--config-file", os.fspath(ROOT / "samconfig.toml"), "--config-env", environment.name]
    deploy += ["--stack-name", environment.stack_name, *arguments, *([] if asks else ["--no-confirm-changeset"])]
    _sam([*deploy, "--parameter-overrides", *_pairs(parameters)], environment)


def _pairs(values: Mapping[str, object]) -> list[str]:
    """As SAM reads values: it takes an empty one without quotes for no value."""
    return [f'{name}="{value}"' for name, value in values.items()]


def variables(environment: Environment, shell: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that SAM CLI runs with: the shell's, the region by both its names, and our Python first."""
    path = f"{_PYTHON}{os.pathsep}{shell.get('PATH', os.defpath)}"
    return {"SAM_CLI_TELEMETRY": "0", **shell, **dict.fromkeys(REGION_NAMES, environment.region), "PATH": path}


def _sam(arguments: list[str], environment: Environment) -> None:
    subprocess.run([os.fspath(_SAM), *arguments], cwd=ROOT, env=variables(environment, os.environ), check=True)
