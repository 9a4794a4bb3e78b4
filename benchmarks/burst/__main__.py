"""make burst: simulates a burst of links against AWS's default quotas, by the bus and by the API."""

import argparse
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.burst import report
from benchmarks.burst.simulation import Links
from benchmarks.quotas import QUOTAS


def main() -> int:
    """0 if none is lost, 1 if one is."""
    usual = Links()
    parser = argparse.ArgumentParser(prog="make burst", description=__doc__)
    parser.add_argument("--links", type=int, default=usual.count, help=f"links sent (N={usual.count})")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help=f"within (SECONDS={usual.seconds})")
    parser.add_argument("--clicked", type=float, default=usual.clicked, help=f"share that is clicked ({usual.clicked})")
    average = usual.mean_seconds_to_click
    parser.add_argument("--mean-seconds-to-click", type=float, default=average, help=f"exponential ({average:g})")
    parser.add_argument("--write", action="store_true", help="write docs/capacity.md, by the defaults")
    choices = parser.parse_args()
    columns = [
        (regions, Links(choices.links, choices.seconds, via, choices.clicked, choices.mean_seconds_to_click))
        for regions in QUOTAS["regions"]
        for via in ("bus", "api")
    ]
    seen = report.bursts(columns)
    head, *body = report.rows(columns, seen)
    table = Table(title=f"{choices.links:,} links within {choices.seconds:g} s", title_justify="left")
    for name in head:
        table.add_column(name, justify="right" if name else "left")
    for row in body:
        table.add_row(*row)
    console = Console(highlight=False)
    console.print(table)
    for name, regions in QUOTAS["regions"].items():
        console.print(f"{name}: {regions['names']}")
    if choices.write:
        report.write()
    return 1 if any(report.lost(links, s) for (_, links), s in zip(columns, seen, strict=True)) else 0


if __name__ == "__main__":
    sys.exit(main())
