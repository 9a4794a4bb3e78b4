"""SAM CLI, as the person at the keyboard would call it: its output and its questions go to the terminal."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from operations.environment import REGION_NAMES, ROOT, Environment


def build(environment: Environment, *arguments: str) -> None:
    """Builds. Raises CalledProcessError, as all of these do."""
    _sam(["build", *arguments], environment)


def deploy(
    environment: Environment, arguments: Iterable[str], parameters: Mapping[str, object], *, asks: bool = False
) -> None:
    """Deploys a template. parameters: all that have no default, and those that change.

    asks: shows the change set and asks, unless samconfig.toml says not to.
    """
    options = ["--config-file", os.fspath(ROOT / "samconfig.toml"), "--config-env", environment.name]
    options += ["--stack-name", environment.stack_name, *arguments, *([] if asks else ["--no-confirm-changeset"])]
    _sam(["deploy", *options, "--parameter-overrides", *pairs(parameters)], environment)


def deploy_simulator(environment: Environment, parameters: Mapping[str, object], *, asks: bool) -> None:
    """Builds the simulator of Signzy and deploys it as environment's stack."""
    source, built = os.fspath(ROOT / "simulator" / "template.yaml"), ROOT / ".aws-sam" / "simulator"
    build(environment, "--template-file", source, "--build-dir", os.fspath(built))
    arguments = ["--template-file", os.fspath(built / "template.yaml"), "--resolve-s3"]
    deploy(environment, [*arguments, "--s3-prefix", environment.stack_name], parameters, asks=asks)


def pairs(values: Mapping[str, object]) -> list[str]:
    """As SAM reads values: it takes an empty one without quotes for no value."""
    return [f'{name}="{value}"' for name, value in values.items()]


def variables(environment: Environment, shell: Mapping[str, str]) -> dict[str, str]:
    """SAM CLI's environment: the shell's, the region by both its names, and our Python, with which it builds, first on PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{shell.get('PATH', os.defpath)}"
    return {"SAM_CLI_TELEMETRY": "0", **shell, **dict.fromkeys(REGION_NAMES, environment.region), "PATH": path}


def _sam(arguments: list[str], environment: Environment) -> None:
    sam = os.fspath(ROOT / ".venvs" / "sam" / "bin" / "sam")
    subprocess.run([sam, *arguments], cwd=ROOT, env=variables(environment, os.environ), check=True)
