"""SAM CLI: builds, and deploys the unmodified template to the emulator."""

import os
import subprocess
from collections.abc import Mapping

from local.checkout import BUILT_TEMPLATE, LOGS, ROOT, SAM, SHOWN_LOGS, building
from local.launch import LocalStackFailed
from local.programs import build_environment
from operations.sam_cli import pairs

#: As samconfig.toml's environment "local" names it.
STACK_NAME = "linkwatch"
#: Those that need nothing of linkwatch but its outputs BusName and TableName.
EXAMPLES = ("consumer", "webhook")
_SAM_SECONDS = 300
#: What a build is made of.
_SOURCES = ("template.yaml", "samconfig.toml", "statemachine", "functions")


def build() -> None:
    """Builds, unless the last build is newer than its sources. Raises LocalStackFailed."""
    with building():
        if not BUILT_TEMPLATE.exists() or _newest_source() > BUILT_TEMPLATE.stat().st_mtime:
            _run(["build"], build_environment(), "sam-build.log")


def deploy(env: Mapping[str, str], parameters: Mapping[str, object]) -> None:
    """Deploys to the emulator. env: as Emulator.environment; SAM has to run in the emulator's clock, because the signature of a
    clock that is minutes behind is refused. Raises LocalStackFailed.
    """
    config = ["--config-file", os.fspath(ROOT / "samconfig.toml"), "--config-env", "local"]
    what = ["--template-file", os.fspath(BUILT_TEMPLATE), "--resolve-s3"]
    _run(["deploy", *what, *config, "--parameter-overrides", *pairs(parameters)], env, "sam-deploy.log")


def deploy_example(name: str, parameters: Mapping[str, object], env: Mapping[str, str]) -> None:
    """Builds examples/{name} and deploys it as its samconfig.toml says. env: as in deploy(). Raises LocalStackFailed."""
    example = ROOT / "examples" / name
    built, config = example / ".aws-sam" / "build", example / "samconfig.toml"
    source = ["--template-file", os.fspath(example / "template.yaml"), "--build-dir", os.fspath(built)]
    what = ["--template-file", os.fspath(built / "template.yaml"), "--config-file", os.fspath(config)]
    with building():
        _run(["build", *source], build_environment(), f"sam-build-{name}.log")
        _run(["deploy", *what, "--parameter-overrides", *pairs(parameters)], env, f"sam-deploy-{name}.log")


def _newest_source() -> float:
    sources = [ROOT / source for source in _SOURCES]
    files = [path for source in sources for path in (source, *source.rglob("*")) if "__pycache__" not in path.parts]
    return max(path.stat().st_mtime for path in files)


def _run(arguments: list[str], env: Mapping[str, str], log: str) -> None:
    with (LOGS / log).open("wb") as output:
        try:
            subprocess.run(
                [SAM, *arguments],
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=_SAM_SECONDS,
                check=True,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            raise LocalStackFailed(f"sam {arguments[0]} failed; its log is {SHOWN_LOGS}/{log}") from None
