"""What the run has found, and the figures beside it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

GUARANTEES = ("G1", "G2", "G3", "G4", "G5", "G6", "contract")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was held against a guarantee. where: what to look at where it does not hold."""

    guarantee: str
    case: str
    what: str
    holds: bool
    where: str = ""


Measured = tuple[float, str]


@dataclass
class Figures:
    """Measured: seconds by the stack's clock, and of which case they are."""

    check_lateness: list[Measured] = field(default_factory=list)
    click_to_event: list[Measured] = field(default_factory=list)
    after_deadline: list[Measured] = field(default_factory=list)
    cold_start: list[Measured] = field(default_factory=list)
    warm_start: list[Measured] = field(default_factory=list)
    transitions_a_check: list[Measured] = field(default_factory=list)

    def rows(self) -> list[dict[str, float | str]]:
        """name, median and worst of each that was measured, and the case of the worst."""
        named = {
            "a check after its due time, s": self.check_lateness,
            "from the click to the event, s": self.click_to_event,
            "settled after the deadline (negative: before), s": self.after_deadline,
            "a start by the API, cold, s": self.cold_start,
            "a start by the API, warm, s": self.warm_start,
            "transitions a check, without the five around them": self.transitions_a_check,
        }
        return [
            {
                "figure": name,
                "median": round(median(value for value, _ in measured), 3),
                "worst": round(max(measured)[0], 3),
                "of": max(measured)[1],
                "measured": len(measured),
            }
            for name, measured in named.items()
            if measured
        ]


@dataclass(frozen=True, slots=True)
class Row:
    """A guarantee in the table: of how many cases how many broke it."""

    guarantee: str
    cases: int
    broken: int

    @property
    def verdict(self) -> str:
        """In a word."""
        return "BROKEN" if self.broken else "kept" if self.cases else "not tried"


def by_guarantee(findings: Iterable[Finding]) -> list[Row]:
    """One row for each guarantee and one for the contract."""
    held: dict[str, dict[str, bool]] = {guarantee: {} for guarantee in GUARANTEES}
    for finding in findings:
        cases = held[finding.guarantee]
        key = f"{finding.case} {finding.where.partition(',')[0]}"
        cases[key] = cases.get(key, True) and finding.holds
    return [Row(guarantee, len(cases), sum(not holds for holds in cases.values())) for guarantee, cases in held.items()]
