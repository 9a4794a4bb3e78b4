"""The bill as tables, and docs/cost.md's share of them between two markers."""

from pathlib import Path

from benchmarks.cost import bill, counts
from benchmarks.cost.bill import Assumptions

DOCUMENT = Path(__file__).parents[2] / "docs" / "cost.md"
_BEGIN, _END = "<!-- make cost writes from here -->\n", "<!-- to here -->"

#: Seconds from sending to the click, None for never; and the shares of the mix.
CLICKED_AFTER: dict[str, float | None] = {
    "clicked after 10 s": 10,
    "clicked after 30 s": 30,
    "clicked after 60 s": 60,
    "clicked after 120 s": 120,
    "expired": None,
}
MIX = {"clicked after 30 s": 0.70, "clicked after 120 s": 0.15, "expired": 0.15}

Bills = dict[str, dict[str, float]]


def bills(by: Assumptions) -> tuple[Bills, Bills]:
    """USD per 1,000 verifications, by service, for each case and the mix: linkwatch's and the usual loop's."""
    ours = {case: bill.of_linkwatch(counts.linkwatch(after), by) for case, after in CLICKED_AFTER.items()}
    theirs = {case: bill.of_usual_loop(counts.usual_loop(after), by) for case, after in CLICKED_AFTER.items()}
    return _per_1000(ours), _per_1000(theirs)


def _per_1000(of_one: Bills) -> Bills:
    of_all = {case: {service: 1000 * usd for service, usd in bill.items()} for case, bill in of_one.items()}
    services = of_all["expired"]
    return of_all | {"the mix": {s: sum(share * of_all[case][s] for case, share in MIX.items()) for s in services}}


def rows(by: Assumptions) -> list[list[str]]:
    """The table: a head, and a row for each case and the mix."""
    ours, theirs = bills(by)
    table = [["USD per 1,000", *ours["expired"], "**all**", "usual loop"]]
    for case, by_service in ours.items():
        all_of_it, usual = sum(by_service.values()), sum(theirs[case].values())
        table.append([case, *(f"{usd:.3f}" for usd in by_service.values()), f"**{all_of_it:.2f}**", f"{usual:.2f}"])
    return table


def tables(by: Assumptions) -> str:
    """All of it in Markdown."""
    head, *body = rows(by)
    lines = [
        f"Prices as of 2026-11, us-east-1, {by.architecture}; CPU as in [performance.md](performance.md),",
        f"{bill.MEASURED_ON}; CheckLink with {by.memory_megabytes} MB and one cold start for each verification;",
        f"Signzy answers in {by.vendor_seconds * 1000:.0f} ms; started by the API",
        f"(by an event: {1000 * bill.saved_by_the_bus():.4f} less).",
        "",
        "| " + " | ".join(head) + " |",
        "|---" + "|--:" * (len(head) - 1) + "|",
        *("| " + " | ".join(row) + " |" for row in body),
        "",
        "| USD a month, whatever happens | |",
        "|---|--:|",
        *(f"| {what} | {usd:.2f} |" for what, usd in bill.by_the_month(by).items()),
        "",
        "| counted | transitions | checks | reads | writes, with the index's |",
        "|---|--:|--:|--:|--:|",
    ]
    for case, clicked_after in CLICKED_AFTER.items():
        it = counts.linkwatch(clicked_after)
        lines.append(
            f"| {case} | {it.transitions} | {it.checks} | {it.table_reads} | {it.table_writes + it.index_writes} |"
        )
    return "\n".join(lines) + "\n"


def with_tables(document: str) -> str:
    """The document with the tables as they are computed now, by the assumptions that it tells."""
    before, rest = document.split(_BEGIN)
    return before + _BEGIN + tables(Assumptions()) + _END + rest.split(_END, 1)[1]


def write() -> None:
    """Puts the tables into docs/cost.md."""
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text("utf-8")), "utf-8")
