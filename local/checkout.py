"""Where things are in this checkout, and one build at a time. Everything that local/ writes is below .linkwatch/."""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".linkwatch"
LOGS = STATE / "logs"
#: As a person in the checkout types it.
SHOWN_LOGS = LOGS.relative_to(ROOT)
BACKGROUND_STACK = STATE / "stack.json"
BUILT_TEMPLATE = ROOT / ".aws-sam" / "build" / "template.yaml"

_VENVS = ROOT / ".venvs"
EMULATOR_VENV = _VENVS / "emulator"
SAM = _VENVS / "sam" / "bin" / "sam"
#: Of the virtual environment that this program runs in.
PYTHON_BIN = Path(sys.executable).parent


def make_state_folders() -> None:
    """Creates .linkwatch/ and its logs, for this user only: stack.json has the key that may do anything in the local stack."""
    STATE.mkdir(mode=0o700, exist_ok=True)
    STATE.chmod(0o700)
    LOGS.mkdir(exist_ok=True)


@contextmanager
def building() -> Iterator[None]:
    """Waits until no other process builds: a build empties the folder that another may be deploying from."""
    make_state_folders()
    with (STATE / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
