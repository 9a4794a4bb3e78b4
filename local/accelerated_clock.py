"""The accelerated clock: programs whose clocks, sleeps and deadlines run some times faster than real time, under libfaketime.

It has to be libfaketime's thread-safe build, libfaketimeMT.so.1: under the other one the emulator hangs after a
few Lambda calls. Linux distributions have it in a package; the wheel on PyPI brings the sources, which cc and make turn
into it in a second, without root.
"""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from local.checkout import EMULATOR_VENV, STATE, building
from local.programs import bare_environment

_LIBRARY = "libfaketimeMT.so.1"
_PACKAGED = ("lib/*/faketime", "lib/faketime", "lib64/faketime", "local/lib/faketime")  # Debian, Arch, Fedora, by hand
#: A Lambda starts within as many seconds of an accelerated clock as there are between the last check and the deadline.
_START_SECONDS = 2
_SLOWEST = 2.0


class NoAcceleratedClock(Exception):
    """The machine has no libfaketimeMT and cannot make it; the message says why, in half a sentence."""


def environment_at(speed: float) -> dict[str, str]:
    """What to add to a program's environment so that its clock starts now and runs at speed; nothing for real time.

    Programs share one clock only when one of them has started the others. Raises NoAcceleratedClock.
    """
    if speed == 1:
        return {}
    return {"LD_PRELOAD": str(_library()), "FAKETIME": f"+0 x{speed:g}"}


def speed_of_this_machine(fastest: float) -> float:
    """How fast a clock this machine keeps up with now, at most fastest. Raises NoAcceleratedClock.

    It measures what a Lambda of the emulator does first, which is to start Python and import boto3: 0.3 s on two idle cores.
    """
    environment_at(fastest)
    seconds = statistics.median(_seconds_to_start_python() for _ in range(3))
    return max(_SLOWEST, min(fastest, round(_START_SECONDS / seconds, 1)))


def _seconds_to_start_python() -> float:
    began = time.monotonic()
    python = EMULATOR_VENV / "bin" / "python"
    subprocess.run([python, "-c", "import boto3"], check=True, timeout=60, env=bare_environment())
    return time.monotonic() - began


def _library() -> Path:
    if sys.platform != "linux":
        raise NoAcceleratedClock("libfaketime's thread-safe build exists on Linux only")
    for folder in _PACKAGED:
        for found in Path("/usr").glob(f"{folder}/{_LIBRARY}"):
            return found
    if re.search(r"[\s:]", str(STATE)):
        raise NoAcceleratedClock("LD_PRELOAD takes no library from a checkout whose path has a space or a colon")
    built = STATE / "libfaketime" / _LIBRARY
    with building():
        if not built.exists():
            _build(built)
    return built


def _build(built: Path) -> None:
    sources = next(EMULATOR_VENV.glob("lib/python*/site-packages/libfaketime/vendor/libfaketime"))
    built.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built.parent) as workshop:
        copy = shutil.copytree(sources, Path(workshop) / "libfaketime") / "src"
        command, env = ["make", "-C", copy, _LIBRARY], bare_environment()
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=120, env=env)
        except (OSError, subprocess.SubprocessError) as error:
            raise NoAcceleratedClock("libfaketime does not build here: that needs make and cc") from error
        (copy / _LIBRARY).replace(built)
