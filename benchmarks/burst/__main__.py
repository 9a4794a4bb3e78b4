"""make burst: simulates a burst of links against AWS's default quotas."""

import argparse
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.burst import report


def main() -> int:
    """Exits 0."""
    parser = argparse.ArgumentParser(prog="make burst", description=__doc__)
    parser.add_argument("--links", type=int, default=report.LINKS, help=f"links sent (N={report.LINKS})")
    parser.add_argument("--seconds", type=float, default=report.SECONDS, help=f"within (SECONDS={report.SECONDS})")
    parser.add_argument("--write", action="store_true", help="write docs/capacity.md and its picture, for the defaults")
    choices = parser.parse_args()
    head, *body = report.rows(report.bursts(choices.links, choices.seconds))
    table = Table(title=f"{choices.links:,} links within {choices.seconds:g} s", title_justify="left")
    for name in head:
        table.add_column(name, justify="right" if name else "left")
    for row in body:
        table.add_row(*row)
    Console().print(table)
    if choices.write:
        report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
