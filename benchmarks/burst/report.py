"""What bursts come to, what default quotas allow for good, and how far a sweep gets: the tables of docs/capacity.md."""

import statistics
from collections.abc import Callable
from pathlib import Path

from benchmarks.burst.account import Account
from benchmarks.burst.simulation import Links, burst
from benchmarks.burst.watch import INTERVAL_SECONDS, Seen, path
from benchmarks.cost import counts
from benchmarks.cost.report import CLICKED_AFTER, MIX
from benchmarks.quotas import QUOTAS
from benchmarks.sweep import report as sweep_report

DOCUMENT = Path(__file__).parents[2] / "docs" / "capacity.md"
_BEGIN, _END = "<!-- make burst writes from here -->\n", "<!-- to here -->"
#: What the document tells of: the kind of region, and the links.
COLUMNS = [
    ("large", Links(20_000)),
    ("other", Links(20_000)),
    ("other", Links(20_000, via="api")),
    ("other", Links(5_000)),
]

Rows = list[list[str]]


def bursts(columns: list[tuple[str, Links]]) -> list[Seen]:
    """What came of each."""
    return [burst(links, Account.with_default_quotas(regions)) for regions, links in columns]


def rows(columns: list[tuple[str, Links]], seen: list[Seen]) -> Rows:
    """A head, and a row for each measure."""
    head = ["", *(f"{links.count:,}, {regions}, {links.via}" for regions, links in columns)]
    measures: dict[str, Callable[[Links, Seen], str]] = {
        "lost, given up, or refused": lambda links, s: f"{lost(links, s):,}",
        "start deferred to a sweep": lambda _, s: f"{s.deferred:,}",
        "longest wait in the queue, s": lambda _, s: f"{s.longest_in_the_queue:.0f}",
        "first check, s after the link was sent": lambda _, s: _spread(s.first_check_after),
        "click noticed, s after it": lambda _, s: _spread(s.click_noticed_after),
        "last outcome published, s after its deadline": lambda _, s: f"{max(0, *s.published_after_deadline):.0f}",
    }
    table = [[measure, *map(tell, [links for _, links in columns], seen)] for measure, tell in measures.items()]
    return [head, *table]


def lost(links: Links, seen: Seen) -> int:
    """How many links have no published outcome, and how many starts the API refused."""
    return links.count - len(seen.published_after_deadline) + seen.refused_at_the_api


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.0f}, at most {max(values):.0f}" if values else "–"  # nobody clicked


def for_good() -> Rows:
    """What default quotas allow in the long run; rounded down."""
    _, for_a_check, _ = path()
    counted = {case: counts.linkwatch(clicked_after).transitions for case, clicked_after in CLICKED_AFTER.items()}
    mixed = sum(share * counted[case] for case, share in MIX.items())
    lambdas = QUOTAS["everywhere"]["lambda_concurrency"] * INTERVAL_SECONDS
    rates: dict[str, Callable[[int], float]] = {
        f"open at once, by state transitions ({len(for_a_check)} for a check)": lambda transitions: (
            transitions / len(for_a_check) * INTERVAL_SECONDS // 100 * 100
        ),
        "open at once, by Lambda, if all are checked in one moment": lambda _: lambdas,
        f"started a second, if all expire ({counted['expired']} transitions)": lambda t: t / counted["expired"],
        f"started a second, by cost.md's mix ({mixed:.0f} transitions)": lambda t: t / mixed,
    }
    kinds = QUOTAS["regions"].values()
    head = ["default quotas allow", *(kind["names"] for kind in kinds)]
    return [
        head,
        *(
            [what, *(f"{int(rate(kind['StateTransition']['refill'])):,}" for kind in kinds)]
            for what, rate in rates.items()
        ),
    ]


def markdown(table: Rows) -> str:
    """A table as the document has it."""
    head, *body = table
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in body)]) + "\n"


def with_tables(document: str, seen: list[Seen]) -> str:
    """The document with its three tables as they are now."""
    first, *parts = document.split(_BEGIN)
    tables = map(markdown, (for_good(), rows(COLUMNS, seen), sweep_report.table()))
    return first + "".join(
        _BEGIN + table + _END + part.split(_END, 1)[1] for table, part in zip(tables, parts, strict=True)
    )


def write() -> None:
    """Writes the document's tables."""
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text("utf-8"), bursts(COLUMNS)), "utf-8")
