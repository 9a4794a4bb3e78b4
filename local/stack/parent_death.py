"""python -m local.stack.parent_death PROGRAM ARGUMENT…: becomes PROGRAM, which ends when the process that started it does.

Even when that one is killed, and can end nobody any more. On Linux; elsewhere it just becomes PROGRAM. A program of its own,
because code between fork and exec (preexec_fn) is not safe once threads run. Standard library only.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def ending_with_its_parent(command: list[str]) -> list[str]:
    """The command that runs another one on the leash."""
    return [sys.executable, "-m", "local.stack.parent_death", *command]


if __name__ == "__main__":
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  # no shell is wanted
