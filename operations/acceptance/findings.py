"""What the acceptance run has found, its verdicts, and its report."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from operations.acceptance.target import Target

GUARANTEES = ("G1", "G2", "G3", "G4", "G5", "G6", "contract")


class Verdict(StrEnum):
    """Undecided: what was seen does not tell a breach from a fault of what is around the stack."""

    KEPT = "kept"
    BROKEN = "BROKEN"
    UNDECIDED = "undecided"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about one case. where: what to look at if it is not true; excuse: why a sound stack may look like that."""

    guarantee: str
    case: str
    what: str
    is_true: bool
    where: str = ""
    excuse: str = ""

    @property
    def verdict(self) -> Verdict:
        """A statement that is not true is undecided if there is an excuse for it."""
        if self.is_true:
            return Verdict.KEPT
        return Verdict.UNDECIDED if self.excuse else Verdict.BROKEN


def verdict_on(guarantee: str, findings: Sequence[Finding]) -> Verdict:
    """On one guarantee: a single breach breaks it."""
    found = {finding.verdict for finding in findings if finding.guarantee == guarantee}
    decisive = (Verdict.BROKEN, Verdict.UNDECIDED, Verdict.KEPT)
    return next((verdict for verdict in decisive if verdict in found), Verdict.NOT_TRIED)


def overall(findings: Sequence[Finding]) -> Verdict:
    """KEPT only if every guarantee was tried and nothing is undecided."""
    found = {verdict_on(guarantee, findings) for guarantee in GUARANTEES}
    if Verdict.BROKEN in found:
        return Verdict.BROKEN
    return Verdict.KEPT if found == {Verdict.KEPT} else Verdict.UNDECIDED


def write_report(target: Target, findings: Sequence[Finding], folder: Path) -> Verdict:
    """Prints the report, writes it in Markdown into the folder, and returns its verdict."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{at[:16].replace(':', '')}Z-{target.region}.md"
    text = "\n".join(_report(target, findings, at)) + "\n"
    file.write_text(text, "utf-8")
    print(f"\n{text}\nWritten to {file}", flush=True)
    return overall(findings)


def _report(target: Target, findings: Sequence[Finding], at: str) -> list[str]:
    window, place = target.window, f"{'an emulator' if target.is_emulator else 'AWS'}, {target.region}"
    lines = [
        f"# Acceptance run of {at[:10]}: {overall(findings)}",
        "",
        f"linkwatch {target.version} on {place}, at {at}, the clock {target.clock.speed:g} times real time.",
        f"A window of {window.seconds} s, a check every {window.interval} s, a burst of {target.burst}.",
        "",
        "| guarantee | kept | broken | undecided | |",
        "|---|---|---|---|---|",
    ]
    for guarantee in GUARANTEES:
        counts = Counter(finding.verdict for finding in findings if finding.guarantee == guarantee)
        numbers = [str(counts[verdict]) for verdict in (Verdict.KEPT, Verdict.BROKEN, Verdict.UNDECIDED)]
        lines.append(f"| {' | '.join([guarantee, *numbers, verdict_on(guarantee, findings)])} |")
    lines += ["", "Cases, and the number of statements checked on each:", ""]
    lines += [f"- {case}: {count}" for case, count in Counter(finding.case for finding in findings).items()]
    for verdict in (Verdict.BROKEN, Verdict.UNDECIDED):
        found = [finding for finding in findings if finding.verdict is verdict]
        lines += ["", f"## {verdict.capitalize()}", ""] if found else []
        lines += [f"- {it.guarantee}: {it.case}: {it.what}; {it.excuse} {it.where}".rstrip() for it in found]
    return lines
