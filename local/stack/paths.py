"""Where things lie in the checkout. All that local/ writes goes below .linkwatch/."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".linkwatch"
LOGS = STATE / "logs"
BACKGROUND_STACK = STATE / "stack.json"
EXAMPLES = ROOT / "examples"
BUILT_TEMPLATE = ROOT / ".aws-sam" / "build" / "template.yaml"

_VENVS = ROOT / ".venvs"
EMULATOR_VENV = _VENVS / "emulator"
EMULATOR_PYTHON = EMULATOR_VENV / "bin" / "python"
SAM = _VENVS / "sam" / "bin" / "sam"
#: Of the virtual environment that this program runs in.
PYTHON_BIN = Path(sys.executable).parent


def shown(path: Path) -> str:
    """A path as a person in the checkout types it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
