"""make sweep: how far one sweep of recovery gets, against stand-ins with AWS's quotas and latencies; some four minutes."""

import argparse
import sys

from rich.console import Console

from benchmarks.quotas import QUOTAS
from benchmarks.sweep import report
from benchmarks.sweep.run import Swept


def main() -> int:
    """0 if each sweep ended in its time, 1 if one did not."""
    parser = argparse.ArgumentParser(prog="make sweep", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="open verifications (N=20000)")
    parser.add_argument("--latency", type=float, default=1, help="times those assumed in benchmarks/quotas.toml (1)")
    parser.add_argument("--write", action="store_true", help="keep the figures, and write docs/capacity.md")
    choices = parser.parse_args()
    console = Console(highlight=False)

    def tell(regions: str, case: str, swept: Swept) -> None:
        seconds, started, left = report.row(swept)
        console.print(
            f"{QUOTAS['regions'][regions]['names']}: {case}: {seconds} s, {started} started, {left} left to the next sweep"
        )
        refused = {name: f"{swept.refused.get(name, 0)} of {count} refused" for name, count in swept.calls.items()}
        console.print(
            "   ",
            ", ".join(f"{name} {of_it}" for name, of_it in refused.items()),
            f"; {swept.cpu_seconds:.1f} s of CPU",
        )

    seen = report.run(choices.count, choices.latency, tell)
    if choices.write:
        report.keep(choices.count, seen)
    slowest = max(swept.seconds for of_region in seen.values() for swept in of_region.values())
    console.print(f"The slowest took {slowest:.0f} s; its function has {report.TIMEOUT_SECONDS}.")
    return 0 if slowest < report.TIMEOUT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
