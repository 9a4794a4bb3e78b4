"""make burst: simulates a burst of links against AWS's default quotas."""

import argparse
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.burst import report
from benchmarks.burst.account import QUOTAS
from benchmarks.burst.simulation import Links


def main() -> int:
    """Exits 0."""
    usual = Links()
    parser = argparse.ArgumentParser(prog="make burst", description=__doc__)
    parser.add_argument("--links", type=int, default=usual.count, help=f"links sent (N={usual.count})")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help=f"within (SECONDS={usual.seconds})")
    parser.add_argument("--clicked", type=float, default=usual.clicked, help=f"share that is clicked ({usual.clicked})")
    average = usual.mean_seconds_to_click
    parser.add_argument("--mean-seconds-to-click", type=float, default=average, help=f"exponential ({average:g})")
    parser.add_argument("--write", action="store_true", help="write docs/capacity.md and its picture, by the defaults")
    choices = parser.parse_args()
    links = Links(choices.links, choices.seconds, choices.clicked, choices.mean_seconds_to_click)
    head, *body = report.rows(report.bursts(links, [links.count]))
    table = Table(title=f"{links.count:,} links within {links.seconds:g} s", title_justify="left")
    for name in head:
        table.add_column(name, justify="right" if name else "left")
    for row in body:
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print("a / b / c: median, 99 %, most", highlight=False)
    for name, regions in QUOTAS["regions"].items():
        console.print(f"{name}: {regions['names']}", highlight=False)
    if choices.write:
        report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
