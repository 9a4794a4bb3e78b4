"""Prints the tables of docs/capacity.md. The sweep takes about four minutes."""

import argparse
import statistics
import sys

from benchmarks.capacity.burst import INTERVAL_SECONDS, Burst, Links
from benchmarks.capacity.quotas import QUOTAS
from benchmarks.capacity.stand_in import Case
from benchmarks.capacity.sweep import CASES, TIMEOUT_SECONDS, sweep

TRANSITIONS_OF_A_CHECK = 3


def steady() -> bool:
    """What the default quotas allow for any length of time."""
    print(
        "| default quotas allow | state transitions: open at once | Lambda: open at once, if all are checked in one moment |"
    )
    for quotas in QUOTAS["regions"].values():
        transitions = quotas["StateTransition"]["refill"] / TRANSITIONS_OF_A_CHECK * INTERVAL_SECONDS
        lambdas = QUOTAS["everywhere"]["lambda_concurrency"] * INTERVAL_SECONDS
        print(f"| {quotas['names']} | {transitions // 100 * 100:,.0f} | {lambdas:,} |")
    return True


def burst(count: int, seconds: float) -> bool:
    """How a burst fares; whether every link's outcome was published."""
    print(
        "| links | not published | left to a sweep | first check, s | click noticed, s | last outcome after the deadline, s |"
    )
    all_published = True
    for regions, links in (
        ("large", Links(count, seconds)),
        ("other", Links(count, seconds)),
        ("other", Links(count, seconds, via="api")),
        ("other", Links(count // 4, seconds)),
    ):
        seen = Burst(links, regions)
        lost = links.count - len(seen.published_after_deadline)
        all_published = all_published and not lost
        times = " | ".join(
            f"{statistics.median(values):.0f}, at most {max(values):.0f}"
            for values in (seen.first_check_after, seen.click_noticed_after)
        )
        last = max(0, *seen.published_after_deadline)
        print(f"| {links.count:,}, {regions}, {links.via} | {lost} | {len(seen.deferred):,} | {times} | {last:.0f} |")
    return all_published


def sweeps(count: int) -> bool:
    """How far one sweep gets; whether each ended before its function's time-out."""
    print(f"| {count:,} open | s | executions started | left to the next sweep | CPU, s |")
    in_time = True
    for regions in QUOTAS["regions"]:
        for name, share in CASES.items():
            swept = sweep(Case(regions, count, *share(count)))
            in_time = in_time and swept.seconds < TIMEOUT_SECONDS
            figures = f"{swept.seconds:.0f} | {swept.started:,} | {swept.left:,} | {swept.cpu_seconds:.1f}"
            print(f"| {name}, {regions} | {figures} |", flush=True)
    return in_time


def main() -> int:
    """0 if all outcomes were published and all sweeps ended in time, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["steady", "burst", "sweep"], help="without it, all three")
    parser.add_argument(
        "--links", type=int, default=20_000, help="links of the burst, and open verifications of the sweep"
    )
    parser.add_argument("--seconds", type=float, default=60, help="within which the links are sent")
    choices = parser.parse_args()
    runs = {
        "steady": steady,
        "burst": lambda: burst(choices.links, choices.seconds),
        "sweep": lambda: sweeps(choices.links),
    }
    passed = [
        run() for name, run in runs.items() if choices.what in (None, name)
    ]  # all of them, whatever one of them finds
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
