"""What the acceptance run has found, and its verdicts."""

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
    kept: int
    broken: int
    undecided: int

    @property
    def verdict(self) -> Verdict:
        """Of the guarantee as a whole: a single breach breaks it."""
        if self.broken:
            return Verdict.BROKEN
        if self.kept:
            return Verdict.KEPT
        return Verdict.UNDECIDED if self.undecided else Verdict.NOT_TRIED


def count_by_guarantee(findings: Iterable[Finding]) -> list[GuaranteeCount]:
    """One for each guarantee, and one for the contract."""
    verdicts: dict[str, list[Verdict]] = {guarantee: [] for guarantee in GUARANTEES}
    for finding in findings:
        verdicts[finding.guarantee].append(finding.verdict)
    counted = (Verdict.KEPT, Verdict.BROKEN, Verdict.UNDECIDED)
    return [GuaranteeCount(name, *(found.count(verdict) for verdict in counted)) for name, found in verdicts.items()]


def overall(findings: Iterable[Finding]) -> Verdict:
    """KEPT only if every guarantee was shown, and nothing is undecided."""
    rows = count_by_guarantee(findings)
    if any(row.broken for row in rows):
        return Verdict.BROKEN
    return Verdict.KEPT if all(row.kept and not row.undecided for row in rows) else Verdict.UNDECIDED
