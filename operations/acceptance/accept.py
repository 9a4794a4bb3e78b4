"""make accept: checks the guarantees on a stack of its own, beside the environment's."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from operations.acceptance.account import account_target, account_window, stack_name_for
from operations.acceptance.findings import Verdict
from operations.acceptance.report import REPORTS, write_report
from operations.acceptance.run import Run
from operations.acceptance.target import Target
from operations.environment import BadChoice, Environment, values_in

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


def accept(environment: Environment, chosen: Mapping[str, str]) -> int:
    """Makes the run in an account; returns the exit status.

    BURST=100 starts that many verifications at once; FULL takes the real window of 300 s instead of 60 s; PARAMETERS may name a
    permissions boundary and a path for the roles; OUT is the folder of the report; KEEP and YES: see _keeps.
    Raises BadChoice, BotoCoreError, ClientError, TimeoutError, CalledProcessError.
    """
    stack_name_for(environment)
    tell, burst = ProgressPrinter(), burst_from(chosen.get("BURST", "100"))
    window = account_window(is_full="FULL" in chosen)
    verifications = burst + _OTHER_VERIFICATIONS
    usd = verifications * (3 * len(window.points()) + 5) * _USD_A_TRANSITION
    tell(f"{verifications} verifications in {environment.region}: state transitions for at most {usd:.2f} USD")
    given = environment.overrides | values_in(chosen.get("PARAMETERS", ""))
    with account_target(environment, window, burst, given, keeps=lambda: _keeps(chosen), tell=tell) as target:
        return EXIT_STATUS[run_on(target, tell, chosen.get("OUT"))]


def run_on(target: Target, tell: Callable[[str], None], out: str | None) -> Verdict:
    """Makes the run on a target and writes its report into the folder out."""
    run = Run(target, tell)
    run.play()
    run.finish()
    return write_report(run, Path(out or REPORTS))


def _keeps(chosen: Mapping[str, str]) -> bool:
    """Whether what was made stays: KEEP=1, or the person who is asked says no. Without a terminal, only YES=1 removes it."""
    if "KEEP" in chosen or "YES" in chosen:
        return "KEEP" in chosen
    try:
        return input("Remove the stacks that this run has made, and their table? [Y/n] ").strip().lower() in {"n", "no"}
    except EOFError:
        print("Kept: there is nobody to ask; YES=1 removes without asking")
        return True
