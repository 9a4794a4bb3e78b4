"""make cost: USD per 1,000 verifications, by service, beside the usual loop."""

import argparse
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.cost import bill, report
from benchmarks.cost.bill import Assumptions


def main() -> int:
    """Exits 0."""
    parser = argparse.ArgumentParser(prog="make cost", description=__doc__)
    parser.add_argument("--vendor-milliseconds", type=float, default=300, help="how long Signzy takes to answer (300)")
    parser.add_argument("--memory", type=int, default=256, help="CheckLinkMemorySize (256)")
    parser.add_argument("--architecture", choices=["x86_64", "arm64"], default="x86_64")
    parser.add_argument("--cold-starts", type=float, default=1, help="among the checks of one verification (1)")
    parser.add_argument("--write", action="store_true", help="write docs/cost.md's tables, by the defaults")
    choices = parser.parse_args()
    by = Assumptions(choices.vendor_milliseconds / 1000, choices.memory, choices.architecture, choices.cold_starts)
    console = Console(width=None if sys.stdout.isatty() else 100)
    head, *body = report.rows(by)
    table = Table(title="The mix: " + ", ".join(f"{share:.0%} {case}" for case, share in report.MIX.items()))
    table.add_column("USD per 1,000")
    for case, *_ in body:
        table.add_column(case.replace(" after", ""), justify="right")
    for place, what in enumerate(head[1:], 1):
        table.add_row(what.strip("*"), *(row[place].strip("*") for row in body))
    console.print(table)
    for what, usd in bill.by_the_month(by).items():
        console.print(f"{usd:8.2f} USD a month, whatever happens: {what}", highlight=False)
    if choices.write:
        report.write()
        console.print("Written to docs/cost.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
