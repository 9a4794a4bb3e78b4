"""SAM CLI: builds, and deploys the unmodified template to the emulator."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local.stack import environment
from local.stack.build_lock import building
from local.stack.launch import LocalStackFailed
from local.stack.parent_death import ending_with_its_parent
from local.stack.paths import BUILT_TEMPLATE, EXAMPLES, LOGS, ROOT, SAM, shown
from local.stack.stack import STACK_NAME

_SAM_SECONDS = 300
#: What a build is made of.
_SOURCES = ("template.yaml", "samconfig.toml", "statemachine", "functions")


def build() -> None:
    """Builds, unless what was built is newer than what it is made of. Raises LocalStackFailed."""
    with building():
        if not BUILT_TEMPLATE.exists() or _newest_source() > BUILT_TEMPLATE.stat().st_mtime:
            _run("build", ["build"], environment.for_building())


def deploy(
    endpoint: str, parameters: Mapping[str, object], clock: Mapping[str, str], template: Path = BUILT_TEMPLATE
) -> None:
    """Deploys to the emulator at endpoint. parameters: the template's; clock: the environment that lets SAM into the
    emulator's clock, which is ahead of the world's by more than a signature may be soon. Raises LocalStackFailed.
    """
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    config = ["--config-file", os.fspath(ROOT / "samconfig.toml"), "--config-env", "local"]
    arguments = ["deploy", "--template-file", os.fspath(template), *config, "--stack-name", STACK_NAME]
    _run("deploy", [*arguments, "--parameter-overrides", *overrides], {**environment.for_aws(endpoint), **clock})


def deploy_example(name: str, parameters: Mapping[str, str], endpoint: str, clock: Mapping[str, str]) -> None:
    """Builds an example, examples/{name}, and deploys it beside linkwatch as the stack linkwatch-{name}. endpoint, clock: as in
    deploy(). Raises LocalStackFailed.
    """
    example = EXAMPLES / name
    built = example / ".aws-sam" / "build"
    source = ["--template-file", os.fspath(example / "template.yaml"), "--build-dir", os.fspath(built)]
    what = [
        "--template-file",
        os.fspath(built / "template.yaml"),
        "--config-file",
        os.fspath(example / "samconfig.toml"),
    ]
    overrides = [f"{parameter}={value}" for parameter, value in parameters.items()]
    arguments = ["deploy", *what, "--parameter-overrides", *overrides]
    with building():
        _run("build", ["build", *source], environment.for_building(), f"sam-build-{name}.log")
        _run("deploy", arguments, {**environment.for_aws(endpoint), **clock}, f"sam-deploy-{name}.log")


def _newest_source() -> float:
    files = (
        path
        for source in _SOURCES
        for path in [ROOT / source, *(ROOT / source).rglob("*")]
        if "__pycache__" not in path.parts
    )
    return max(path.stat().st_mtime for path in files)


def _run(name: str, arguments: list[str], env: dict[str, str], log_name: str | None = None) -> None:
    LOGS.mkdir(parents=True, exist_ok=True)
    log: Path = LOGS / (log_name or f"sam-{name}.log")
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                ending_with_its_parent([os.fspath(SAM), *arguments]),
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_SAM_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise LocalStackFailed(f"sam {name} took more than {_SAM_SECONDS} s; its log is {shown(log)}") from None
    if done.returncode:
        raise LocalStackFailed(f"sam {name} failed; its log is {shown(log)}")
