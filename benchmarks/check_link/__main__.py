"""make bench: measures CheckLink beside its peers, prints the table, and writes what docs/performance.md tells.

Nothing here passes or fails: times are for reading. What must not grow (bundle, transitions) is held by tests/definition.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.check_link import bundles, figures, measure, report


def main() -> int:
    """Exits 0, or 130 on Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="process starts of each kind (15)")
    parser.add_argument("--batches", type=int, default=40, help="batches of 250 warm checks (40)")
    parser.add_argument(
        "--write", action="store_true", help="keep the run: benchmarks/measured.json and docs/performance.*"
    )
    choices = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    try:
        with tempfile.TemporaryDirectory() as folder:
            run = _measured(Path(folder), choices, Console(stderr=True))
    except KeyboardInterrupt:
        return 130
    console.print(_table(run))
    console.print(f"CheckLink's bundle, zipped: {run['zipped_bytes'] / 2**20:.2f} MiB (at most 2)")
    if choices.write:
        kept = json.loads(figures.MEASURED.read_text("utf-8")) | run  # the sweep's figures lie there, too
        figures.MEASURED.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        report.write(run)
        console.print("Kept in benchmarks/measured.json, docs/performance.md and docs/pictures/performance.svg")
    return 0


def _measured(folder: Path, choices: argparse.Namespace, console: Console) -> dict:
    with console.status("making the bundles") as status:
        made = bundles.make(folder)
        with measure.vendor(folder) as environment:
            starts = measure.starts(made, environment, choices.runs, status.update)
            loads = measure.loads(made, environment, choices.runs, status.update)
            status.update("warm checks")
            warm = measure.warm(made, environment, choices.batches, 250)
        return figures.measured(starts, loads, warm, bundles.zipped_bytes(made["check_link"], folder))


def _table(run: dict) -> Table:
    table = Table(title=f"{run['machine']}; {run['date']}; {run['runs']} starts of each", title_justify="left")
    for name in ("measure", "min", "median", "max"):
        table.add_column(name, justify="left" if name == "measure" else "right")
    for name in ("yardstick", "median", "ratio", "target"):
        table.add_column(name, justify="left" if name == "yardstick" else "right")
    for row in figures.rows(run):
        ours = [f"{figure:,.0f}" for figure in (row.ours.minimum, row.ours.median, row.ours.maximum)]
        ratios = [f"{row.theirs.median:,.0f}", f"{row.ratio:.2f}", f"≤ {row.target}" if row.target else "–"]
        table.add_row(row.measure, *ours, row.yardstick, *ratios)
    return table


if __name__ == "__main__":
    sys.exit(main())
