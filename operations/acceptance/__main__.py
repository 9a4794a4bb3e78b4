"""make accept ENV=dev: proves the guarantees on a stack of its own, beside whatever is there.

BURST=100 starts that many verifications at once; FULL=1 takes the real window of 300 s instead of 60 s; KEEP=1 keeps what was
made, YES=1 removes it without asking; OUT= is where the reports go. ENV=local runs on the emulator.

Exits 0; 1 when a guarantee is broken, or the run could not be made; 2 for an environment, a region or a BURST that is none.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from local.checkout import ROOT
from local.launch import LocalStackFailed
from local.programs import forget_aws
from operations.acceptance import cost
from operations.acceptance.place import Place, account_window, in_account, on_emulator
from operations.acceptance.report import report
from operations.acceptance.run import Run
from operations.environment import BadChoice, Environment

_REPORTS = ROOT / "reports"


def main() -> int:
    """Reads make's variables from the environment."""
    console = Console(emoji=False, width=120)
    is_local = os.environ.get("ENV") == "local"
    said = os.environ.get("BURST") or ("6" if is_local else "100")
    if not said.isdecimal():
        print(f"linkwatch: BURST={said} should be a whole number", file=sys.stderr)
        return 2
    burst = int(said)
    began = time.monotonic()

    def tell(line: str) -> None:
        console.print(f"{time.monotonic() - began:5.0f} s  {line}", highlight=False, soft_wrap=True, markup=False)

    try:
        with _emulator(tell) if is_local else _account(console, burst, tell) as place:
            tell(f"deployed: {place.stack.stack_name} on {place.name}")
            run = Run(place, burst, tell)
            run.happen()
            folder = Path(os.environ.get("OUT") or _REPORTS)
            return 0 if report(run, place, folder, console) else 1
    except BadChoice as error:
        print(f"linkwatch: {error}", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError, LocalStackFailed, TimeoutError) as error:
        print(f"linkwatch: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError:
        return 1  # SAM has said why
    except KeyboardInterrupt:
        return 130


@contextmanager
def _emulator(tell: Callable[[str], None]) -> Iterator[Place]:
    tell("building and deploying")
    forget_aws()
    with on_emulator() as place:
        yield place


@contextmanager
def _account(console: Console, burst: int, tell: Callable[[str], None]) -> Iterator[Place]:
    environment = Environment.named(os.environ.get("ENV"), os.environ)
    window = account_window(is_full=bool(os.environ.get("FULL")))
    costs = cost.of_run(window, burst)
    for what, usd in costs.items():
        console.print(f"{usd:8.3f} USD  {what}", highlight=False)
    console.print(f"{sum(costs.values()):8.3f} USD  at most, in {environment.region}", highlight=False)
    tell("building and deploying")
    with in_account(environment, window, keeps=_keeps) as place:
        yield place


def _keeps() -> bool:
    """Whether what was made stays: KEEP=1, or whoever is asked says no. Without a terminal to ask at, only YES=1 removes it."""
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
