"""make accept: checks the guarantees on a stack of its own, beside the environment's, and writes a report."""

import os
import re
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from operations.acceptance.account import make_target, remove_stacks
from operations.acceptance.guarantees import GUARANTEES, Finding, Verdict, Window, overall, verdict_on
from operations.acceptance.run import Run
from operations.acceptance.target import Target
from operations.environment import ROOT, BadChoice, Environment, values_in

EXIT_STATUS = {Verdict.KEPT: 0, Verdict.BROKEN: 1, Verdict.UNDECIDED: 3}
#: https://aws.amazon.com/step-functions/pricing, us-east-1.
_USD_A_TRANSITION = 0.000025
_OTHER_VERIFICATIONS = 80
#: The template's schedule is {stack}-RecoverUnfinished, and AWS allows 64 characters.
_STACK_NAME_LENGTH = 46


def tell(line: str) -> None:
    """Prints a line of progress."""
    print(line, flush=True)


def burst_from(text: str) -> int:
    """BURST. Raises BadChoice."""
    if not re.fullmatch("[1-9][0-9]{0,2}", text):
        raise BadChoice(f"BURST={text} should be a whole number from 1 to 999")
    return int(text)


def accept(environment: Environment, chosen: Mapping[str, str]) -> int:
    """Makes the run in an account; returns the exit status.

    BURST=100 starts that many verifications at once; FULL takes the real window of 300 s instead of 60 s; PARAMETERS may name a
    permissions boundary and a path for the roles; OUT is the folder of the report; KEEP and YES: see _keeps.
    Raises BadChoice, BotoCoreError, ClientError, TimeoutError, CalledProcessError.
    """
    own = environment.beside("acceptance")
    if len(own.stack_name) > _STACK_NAME_LENGTH:
        raise BadChoice(f"the run's stack would be {own.stack_name}, longer than {_STACK_NAME_LENGTH} characters")
    burst = burst_from(chosen.get("BURST", "100"))
    given = environment.overrides | values_in(chosen.get("PARAMETERS", ""))
    window = Window(300, 10, 2) if "FULL" in chosen else Window(60, 5, 2)
    verifications = burst + _OTHER_VERIFICATIONS
    usd = verifications * (3 * len(window.points()) + 5) * _USD_A_TRANSITION
    tell(f"{verifications} verifications in {environment.region}: state transitions for at most {usd:.2f} USD")
    try:
        return EXIT_STATUS[run_on(make_target(own, window, burst, given, tell), chosen.get("OUT"))]
    finally:
        if not _keeps(chosen):
            remove_stacks(own.calls().client, own.stack_name, tell)


def run_on(target: Target, out: str | None) -> Verdict:
    """Makes the run on a target and writes its report into the folder out; git ignores the one by default."""
    run = Run(target, tell)
    run.play()
    run.finish()
    return write_report(target, run.findings, Path(out or ROOT / "reports"))


def _keeps(chosen: Mapping[str, str]) -> bool:
    """Whether what was made stays: KEEP=1, or the person who is asked says no. Without a terminal, only YES=1 removes it."""
    if "KEEP" in chosen or "YES" in chosen:
        return "KEEP" in chosen
    try:
        return input("Remove the stacks that this run has made, and their table? [Y/n] ").strip().lower() in {"n", "no"}
    except EOFError:
        print("Kept: there is nobody to ask; YES=1 removes without asking")
        return True


def write_report(target: Target, findings: Sequence[Finding], folder: Path) -> Verdict:
    """Prints the report, writes it in Markdown into the folder, and returns its verdict."""
    at, verdict, window = f"{datetime.now(UTC):%Y-%m-%dT%H%MZ}", overall(findings), target.window
    calls, speed = target.stack.calls, target.stack.clock.speed
    describe = ["git", "-C", os.fspath(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    version = subprocess.run(describe, capture_output=True, text=True, check=False).stdout.strip()
    lines = [
        f"# Acceptance run of {at[:10]}: {verdict}",
        "",
        f"linkwatch {version} on {calls.endpoint or 'AWS'}, {calls.region}, at {at}, {speed:g} times real time.",
        f"A window of {window.seconds} s, a check every {window.interval} s, a burst of {target.burst}.",
        "",
        "| guarantee | kept | broken | undecided | |",
        "|---|---|---|---|---|",
    ]
    for guarantee in GUARANTEES:
        counts = Counter(finding.verdict for finding in findings if finding.guarantee == guarantee)
        numbers = [str(counts[it]) for it in (Verdict.KEPT, Verdict.BROKEN, Verdict.UNDECIDED)]
        lines.append(f"| {' | '.join([guarantee, *numbers, verdict_on(guarantee, findings)])} |")
    lines += ["", "Cases, and the number of statements checked on each:", ""]
    lines += [f"- {case}: {count}" for case, count in Counter(finding.case for finding in findings).items()]
    for doubtful in (Verdict.BROKEN, Verdict.UNDECIDED):
        found = [finding for finding in findings if finding.verdict is doubtful]
        lines += ["", f"## {doubtful.capitalize()}", ""] if found else []
        lines += [f"- {it.guarantee}: {it.case}: {it.what}; {it.excuse} {it.where}".rstrip() for it in found]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{at}.md"
    file.write_text("\n".join([*lines, ""]), "utf-8")
    print("", *lines, "", f"Written to {file}", sep="\n", flush=True)
    return verdict
