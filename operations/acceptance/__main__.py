"""make accept ENV=dev: proves the guarantees on a stack of its own, beside the environment's.

BURST=100 starts that many verifications at once; FULL=1 takes the real window of 300 s instead of 60 s; KEEP=1 keeps what was
made, YES=1 removes it without asking; OUT= is the folder of the reports. ENV=local is python -m local accept.

Exits 0 if every guarantee was kept; 1 if one is broken, or the run could not be made; 2 for an invalid environment, region or
BURST; 3 if something is undecided: run it again.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from operations.acceptance.account import account_target, account_window, stack_name_for
from operations.acceptance.findings import Verdict
from operations.acceptance.report import REPORTS, write_report
from operations.acceptance.run import Run
from operations.environment import BadChoice, Environment

EXIT_STATUS = {Verdict.KEPT: 0, Verdict.BROKEN: 1, Verdict.UNDECIDED: 3}
#: https://aws.amazon.com/step-functions/pricing, us-east-1.
_USD_A_TRANSITION = 0.000025
_OTHER_VERIFICATIONS = 50
_MAX_BURST = 5000


class ProgressPrinter:
    """Prints lines with the seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, line: str) -> None:
        print(f"{time.monotonic() - self._began:5.0f} s  {line}", flush=True)


def burst_from(text: str) -> int:
    """BURST. Raises BadChoice for what is not a whole number in its range."""
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= _MAX_BURST):
        raise BadChoice(f"BURST={text} should be a whole number from 1 to {_MAX_BURST}")
    return int(text)


def main() -> int:
    """Reads make's variables from the environment."""
    tell = ProgressPrinter()
    try:
        environment = Environment.named(os.environ.get("ENV"), os.environ)
        stack_name_for(environment)
        burst = burst_from(os.environ.get("BURST") or "100")
        window = account_window(is_full=bool(os.environ.get("FULL")))
        verifications = burst + _OTHER_VERIFICATIONS
        usd = verifications * (3 * len(window.points()) + 5) * _USD_A_TRANSITION
        tell(f"{verifications} verifications in {environment.region}: state transitions for at most {usd:.2f} USD")
        with account_target(environment, window, burst, keeps=_keeps, tell=tell) as target:
            run = Run(target, tell)
            run.play()
            run.finish()
            return EXIT_STATUS[write_report(run, Path(os.environ.get("OUT") or REPORTS))]
    except BadChoice as error:
        print(f"linkwatch: {error}", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError, TimeoutError) as error:
        print(f"linkwatch: the run could not be made: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError:
        return 1  # SAM has said why
    except KeyboardInterrupt:
        return 130


def _keeps() -> bool:
    """Whether what was made stays: KEEP=1, or the person who is asked says no. Without a terminal, only YES=1 removes it."""
    if os.environ.get("KEEP"):
        return True
    if os.environ.get("YES"):
        return False
    try:
        return input("Remove the stacks that this run has made, and their table? [Y/n] ").strip().lower() in {"n", "no"}
    except EOFError:
        print("Kept: there is nobody to ask; YES=1 removes without asking")
        return True


if __name__ == "__main__":
    sys.exit(main())
