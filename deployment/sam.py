"""SAM CLI, as the person at the keyboard would call it: its output and its questions go to the terminal."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deployment.kept import ROOT

_SAM = ROOT / ".venvs" / "sam" / "bin" / "sam"
#: SAM builds with the Python that comes first on PATH.
_PYTHON = ROOT / ".venvs" / "development" / "bin"


def build() -> None:
    """Builds. Raises CalledProcessError."""
    _sam(["build"])


def deploy(environment: str, template: Path | None = None, overrides: Sequence[str] = ()) -> None:
    """Deploys what was built, or a packaged template. overrides: Name=value. Raises CalledProcessError."""
    arguments = ["deploy", "--config-file", os.fspath(ROOT / "samconfig.toml"), "--config-env", environment]
    arguments += ["--template-file", os.fspath(template)] if template else []
    arguments += ["--parameter-overrides", *overrides] if overrides else []
    _sam(arguments)


def _sam(arguments: list[str]) -> None:
    path = f"{_PYTHON}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = {"SAM_CLI_TELEMETRY": "0", **os.environ, "PATH": path}
    subprocess.run([os.fspath(_SAM), *arguments], cwd=ROOT, env=environment, check=True)
