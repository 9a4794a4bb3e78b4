"""SAM CLI, as the person at the keyboard would call it: its output and its questions go to the terminal."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
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
    executes: bool = True,
) -> None:
    """Deploys a plain template through a bucket: shows the change set and asks, unless samconfig.toml or CONFIRM=no says not to.

    parameters: all that have no default, and those that change. executes: False shows the change set and changes nothing.
    Raises CalledProcessError.
    """
    arguments = ["deploy", "--config-file", os.fspath(ROOT / "samconfig.toml"), "--config-env", environment.name]
    arguments += ["--stack-name", environment.stack_name, "--template-file", os.fspath(template)]
    arguments += ["--s3-bucket", bucket, "--s3-prefix", "templates", "--force-upload"]
    arguments += ["--parameter-overrides", *(_pair(name, value) for name, value in parameters.items())]
    arguments += ["--tags", *(_pair(name, value) for name, value in tags.items())] if tags else []
    arguments += [] if _asks(confirms=executes) else ["--no-confirm-changeset"]
    arguments += [] if executes else ["--no-execute-changeset"]
    _sam(arguments, environment)


def deploy_built(environment: Environment, parameters: Mapping[str, object]) -> None:
    """Deploys what was built, without asking, for a stack that is removed again. Raises CalledProcessError."""
    arguments = ["deploy", "--config-file", os.fspath(ROOT / "samconfig.toml"), "--config-env", environment.name]
    arguments += ["--stack-name", environment.stack_name, "--resolve-s3", "--no-confirm-changeset"]
    arguments += ["--parameter-overrides", *(_pair(name, value) for name, value in parameters.items())]
    _sam(arguments, environment)


def _pair(name: str, value: object) -> str:
    """As SAM reads values: it takes an empty one without quotes for no value."""
    return f'{name}="{value}"'


def deploy_simulator(environment: Environment, overrides: Sequence[str], *, confirms: bool = True) -> None:
    """Builds the simulator of Signzy and deploys it as environment's stack. confirms: shows the change set and asks.

    Raises CalledProcessError.
    """
    built = os.fspath(ROOT / ".aws-sam" / "simulator")
    source = os.fspath(ROOT / "simulator" / "template.yaml")
    _sam(["build", "--template-file", source, "--build-dir", built], environment)
    arguments = [
        "deploy",
        "--template-file",
        f"{built}/template.yaml",
        "--stack-name",
        environment.stack_name,
        "--resolve-s3",
    ]
    arguments += [
        "--s3-prefix",
        environment.stack_name,
        "--capabilities",
        "CAPABILITY_IAM",
        "--no-fail-on-empty-changeset",
    ]
    arguments += ["--confirm-changeset" if _asks(confirms=confirms) else "--no-confirm-changeset"]
    arguments += ["--parameter-overrides", *overrides]
    _sam(arguments, environment)


def _asks(*, confirms: bool) -> bool:
    return confirms and os.environ.get("CONFIRM") != "no"


def variables(environment: Environment, shell: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that SAM CLI runs with: the shell's, the region by both its names, and our Python first."""
    path = f"{_PYTHON}{os.pathsep}{shell.get('PATH', os.defpath)}"
    return {"SAM_CLI_TELEMETRY": "0", **shell, **dict.fromkeys(REGION_NAMES, environment.region), "PATH": path}


def _sam(arguments: list[str], environment: Environment) -> None:
    subprocess.run([os.fspath(_SAM), *arguments], cwd=ROOT, env=variables(environment, os.environ), check=True)
