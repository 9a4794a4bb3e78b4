"""The bill as tables, and docs/cost.md's share of them between two markers."""

from pathlib import Path

from benchmarks.cost import bill, counts
from benchmarks.cost.bill import Assumptions
from benchmarks.look import figures

DOCUMENT = Path(__file__).parents[2] / "docs" / "cost.md"
_BEGIN, _END = "<!-- make cost writes from here -->\n", "<!-- to here -->"

#: Seconds from sending to the click, None for never; and the shares of the mix.
HISTORIES: dict[str, float | None] = {
    "clicked after 10 s": 10,
    "clicked after 30 s": 30,
    "clicked after 60 s": 60,
    "clicked after 120 s": 120,
    "expired": None,
}
MIX = {"clicked after 30 s": 0.70, "clicked after 120 s": 0.15, "expired": 0.15}

Bills = dict[str, dict[str, float]]


def bills(by: Assumptions) -> dict[str, Bills]:
    """USD per 1,000 verifications: for linkwatch and its two peers, each history and the mix, by service."""
    found: dict[str, Bills] = {"linkwatch": {}, "usual": {}, "nested": {}}
    for history, clicked_after in HISTORIES.items():
        counted = {
            "linkwatch": bill.of_linkwatch(counts.linkwatch(clicked_after), by),
            "usual": bill.of_usual(counts.peer("usual_loop", clicked_after), by),
            "nested": bill.of_linkwatch(counts.peer("nested_express", clicked_after), by),
        }
        for who, services in counted.items():
            found[who][history] = {service: 1000 * usd for service, usd in services.items()}
    for of_all in found.values():
        services = next(iter(of_all.values()))
        of_all["the mix"] = {s: sum(share * of_all[h][s] for h, share in MIX.items()) for s in services}
    return found


def rows(by: Assumptions) -> list[list[str]]:
    """The table: a head, and a row for each history."""
    found = bills(by)
    services = list(found["linkwatch"]["expired"])
    table = [["USD per 1,000", *services, "**all**", "usual loop", "nested Express"]]
    for history, of_history in found["linkwatch"].items():
        all_of = {who: sum(of_all[history].values()) for who, of_all in found.items()}
        table.append(
            [
                history,
                *(f"{of_history[service]:.3f}" for service in services),
                f"**{all_of['linkwatch']:.2f}**",
                f"{all_of['usual']:.2f}",
                f"{all_of['nested']:.2f}",
            ]
        )
    return table


def tables(by: Assumptions) -> str:
    """All of it in Markdown."""
    head, *body = rows(by)
    lines = [
        f"Prices as of 2026-11, us-east-1, {by.architecture}; CPU as in [performance.md](performance.md),",
        f"{figures.kept()['date']}; CheckLink with {by.memory_megabytes} MB and one cold start for each verification;",
        f"Signzy answers in {by.vendor_seconds * 1000:.0f} ms.",
        "",
        "| " + " | ".join(head) + " |",
        "|---" + "|--:" * (len(head) - 1) + "|",
        *("| " + " | ".join(row) + " |" for row in body),
        "",
        "| USD a month, whatever happens | |",
        "|---|--:|",
        *(f"| {what} | {usd:.2f} |" for what, usd in bill.by_the_month(by).items()),
        "",
        "| counted | transitions | checks | writes, with the index's |",
        "|---|--:|--:|--:|",
    ]
    for history, clicked_after in HISTORIES.items():
        counted = counts.linkwatch(clicked_after)
        writes = counted.table_writes + counted.index_writes
        lines.append(f"| {history} | {counted.transitions} | {counted.checks} | {writes} |")
    return "\n".join(lines) + "\n"


def with_tables(document: str) -> str:
    """The document with the tables as they are computed now, by the assumptions that it tells."""
    before, rest = document.split(_BEGIN)
    return before + _BEGIN + tables(Assumptions()) + _END + rest.split(_END, 1)[1]


def write() -> None:
    """Puts the tables into docs/cost.md."""
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text("utf-8")), "utf-8")
