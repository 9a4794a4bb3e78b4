"""What bursts come to, and what default quotas allow for good: the tables of docs/capacity.md, and docs/capacity.svg."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from benchmarks.burst import picture
from benchmarks.burst.account import QUOTAS, Account
from benchmarks.burst.simulation import Links, burst
from benchmarks.burst.watch import Seen, path
from benchmarks.cost import counts
from benchmarks.cost.report import HISTORIES, MIX
from tests.definition.shipped import default_of

_DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT, PICTURE = _DOCS / "capacity.md", _DOCS / "capacity.svg"
_BEGIN, _END = "<!-- make burst writes from here -->\n", "<!-- to here -->"
#: What the document tells of, and the picture shows.
COUNTS, PICTURED = (5_000, 10_000, 20_000), 10_000
#: What the promise allows beyond the window.
GRACE_SECONDS = 30
#: How many executions are aborted at once in the document's example.
ABORTED = 10_000

#: By kind of region and the number of links.
Bursts = dict[tuple[str, int], Seen]
Rows = list[list[str]]


def bursts(links: Links, numbers: Iterable[int]) -> Bursts:
    """Bursts of so many links in each kind of region; what else links says holds for all."""
    return {
        (regions, number): burst(replace(links, count=number), Account.with_default_quotas(regions))
        for regions in QUOTAS["regions"]
        for number in numbers
    }


def rows(seen: Bursts) -> Rows:
    """A head, and a row for each measure."""
    measures: dict[str, Callable[[Seen], str]] = {
        "most transitions in a second": lambda s: f"{max(s.transitions_at.values()):,}",
        "most CheckLinks at once": lambda s: f"{s.most_lambdas:,}",
        "starts answered 503": lambda s: f"{s.refused['start']:,}",
        "start late, s": lambda s: _spread(s.start_lateness),
        "check late, s": lambda s: _spread(s.check_lateness),
        "checks due": lambda s: f"{len(s.check_lateness) + s.checks_failed:,}",
        "… that Lambda refused to the end": lambda s: f"{s.checks_failed:,}",
        "… not made, past the deadline": lambda s: f"{s.checks_past_deadline:,}",
        "click noticed after, s": lambda s: _spread(s.click_noticed_after),
        "clicks that no check saw": lambda s: f"{s.clicks_missed:,}",
        "verifications without a check": lambda s: f"{s.without_check:,}",
        "settled after the deadline": lambda s: f"{sum(late > 0 for late in s.settled_after_deadline):,}",
        "… at most, s": lambda s: f"{max(0, *s.settled_after_deadline):.1f}",
        "published after the deadline, at most, s": lambda s: f"{max(0, *s.published_after_deadline):.1f}",
        "… more than 30 s, which breaks the promise": lambda s: (
            f"{sum(late > GRACE_SECONDS for late in s.published_after_deadline):,}"
        ),
    }
    head = ["", *(f"{regions}, {number:,}" for regions, number in seen)]
    return [head, *([measure, *(tell(s) for s in seen.values())] for measure, tell in measures.items())]


def _spread(values: list[float]) -> str:
    if len(values) < 2:  # nobody clicked, or a single link
        return "–"
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return f"{cuts[49]:.1f} / {cuts[98]:.1f} / {max(values):.1f}"


def for_good() -> Rows:
    """What default quotas allow in the long run; rounded down."""
    _, for_a_check, _ = path()
    interval, lambdas = default_of("PollIntervalSeconds"), QUOTAS["everywhere"]["lambda_concurrency"]
    counted = {history: counts.linkwatch(clicked_after) for history, clicked_after in HISTORIES.items()}
    most = counted["expired"].transitions
    mixed = sum(share * counted[history].transitions for history, share in MIX.items())
    rates: dict[str, Callable[[dict[str, int]], float]] = {
        "state transitions a second": lambda q: q["transition_refill"],
        f"open at once, {len(for_a_check)} transitions every {interval} s each": lambda q: (
            q["transition_refill"] / len(for_a_check) * interval // 100 * 100
        ),
        "open at once, before a check may find no Lambda free at its first try": lambda _: lambdas * interval,
        f"started a second, if all expire ({most} transitions)": lambda q: q["transition_refill"] / most,
        f"started a second, by cost.md's mix ({mixed:.0f} transitions)": lambda q: q["transition_refill"] / mixed,
        f"seconds until {ABORTED:,} executions, aborted at once, are all taken over, at least": lambda q: (
            (ABORTED - q["start_execution_bucket"]) / q["start_execution_refill"]
        ),
    }
    kinds = QUOTAS["regions"].values()
    head = ["default quotas allow", *(kind["names"] for kind in kinds)]
    return [head, *([what, *(f"{int(rate(kind)):,}" for kind in kinds)] for what, rate in rates.items())]


def _table(table: Rows) -> str:
    head, *body = table
    lines = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in body)]) + "\n"


def with_tables(document: str, seen: Bursts) -> str:
    """The document with its two tables as they are computed now."""
    first, *parts = document.split(_BEGIN)
    tables = (_table(for_good()), _table(rows(seen)))
    return first + "".join(
        _BEGIN + table + _END + part.split(_END, 1)[1] for table, part in zip(tables, parts, strict=True)
    )


def pictured(seen: Bursts) -> str:
    """The picture of one of the document's bursts."""
    of_one = {regions: s for (regions, number), s in seen.items() if number == PICTURED}
    return picture.drawn(of_one, PICTURED, Links().seconds)


def write() -> None:
    """Writes the document's tables and draws its picture."""
    seen = bursts(Links(), COUNTS)
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text("utf-8"), seen), "utf-8")
    PICTURE.write_text(pictured(seen), "utf-8")
