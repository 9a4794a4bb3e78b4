"""What the acceptance run has found, and its verdicts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

GUARANTEES = ("G1", "G2", "G3", "G4", "G5", "G6", "contract")


class Verdict(StrEnum):
    """Undecided: what was seen does not tell a breach from a fault of what is around the stack."""

    KEPT = "kept"
    BROKEN = "BROKEN"
    UNDECIDED = "undecided"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about one case. where: what to look at if it is not true, or why it is undecided."""

    guarantee: str
    case: str
    what: str
    verdict: Verdict
    where: str = ""

    @classmethod
    def of(  # noqa: PLR0913
        cls, guarantee: str, case: str, what: str, *, is_true: bool, where: str = "", excuse: str = ""
    ) -> "Finding":
        """excuse: why it may seem untrue of a sound stack; empty if there is no such reason."""
        if is_true:
            return cls(guarantee, case, what, Verdict.KEPT, where)
        if excuse:
            return cls(guarantee, case, what, Verdict.UNDECIDED, f"{excuse}; {where}" if where else excuse)
        return cls(guarantee, case, what, Verdict.BROKEN, where)


@dataclass(frozen=True, slots=True)
class GuaranteeCount:
    """How many findings there are about a guarantee, by verdict."""

    guarantee: str
    counts: Counter[Verdict]

    @property
    def verdict(self) -> Verdict:
        """Of the guarantee as a whole: a single breach breaks it."""
        decisive = (Verdict.BROKEN, Verdict.KEPT, Verdict.UNDECIDED)
        return next((verdict for verdict in decisive if self.counts[verdict]), Verdict.NOT_TRIED)


def count_by_guarantee(findings: Iterable[Finding]) -> list[GuaranteeCount]:
    """One for each guarantee, and one for the contract."""
    counts: dict[str, Counter[Verdict]] = {guarantee: Counter() for guarantee in GUARANTEES}
    for finding in findings:
        counts[finding.guarantee][finding.verdict] += 1
    return [GuaranteeCount(guarantee, count) for guarantee, count in counts.items()]


def overall(findings: Iterable[Finding]) -> Verdict:
    """KEPT only if every guarantee was shown, and nothing is undecided."""
    rows = count_by_guarantee(findings)
    if any(row.verdict is Verdict.BROKEN for row in rows):
        return Verdict.BROKEN
    is_shown = all(row.verdict is Verdict.KEPT and not row.counts[Verdict.UNDECIDED] for row in rows)
    return Verdict.KEPT if is_shown else Verdict.UNDECIDED
