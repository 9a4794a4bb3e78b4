"""Prints the tables of docs/capacity.md; takes about five minutes."""

import argparse
import statistics
import sys

from benchmarks.capacity.burst import INTERVAL_SECONDS, Burst
from benchmarks.capacity.quotas import LAMBDA_CONCURRENCY, REGIONS
from benchmarks.capacity.sweep import CASES, TIMEOUT_SECONDS, Account, sweep

TRANSITIONS_OF_A_CHECK = 3


def print_steady_load() -> None:
    """Prints what the default quotas allow for any length of time."""
    print("| default quotas allow | open at once, by state transitions | by Lambda, if all are checked in one moment |")
    for region in REGIONS.values():
        transitions = region["StateTransition"][1] / TRANSITIONS_OF_A_CHECK * INTERVAL_SECONDS
        print(f"| {region['names']} | {transitions // 100 * 100:,.0f} | {LAMBDA_CONCURRENCY * INTERVAL_SECONDS:,} |")


def print_bursts(count: int, seconds: float) -> bool:
    """Prints how bursts fare; returns whether every outcome was published."""
    print(
        "| links | not published | left to a sweep | first check, s | click noticed, s | last after its deadline, s |"
    )
    lost = 0
    for burst in (
        Burst("large", count, seconds),
        Burst("other", count, seconds),
        Burst("other", count, seconds, via="api"),
        Burst("other", count * 3 // 4, seconds),
        Burst("other", count // 4, seconds),
    ):
        burst.run()
        missing = burst.links - len(burst.published_after_deadline)
        lost += missing
        checks, clicks = (
            f"{statistics.median(values):.0f}, at most {max(values):.0f}"
            for values in (burst.first_check_after, burst.click_noticed_after)
        )
        last = max(0, *burst.published_after_deadline)
        name = f"{burst.links:,}, {burst.region}, {burst.via}"
        print(f"| {name} | {missing} | {burst.deferred:,} | {checks} | {clicks} | {last:.0f} |", flush=True)
    return not lost


def print_sweeps(count: int) -> bool:
    """Prints how far one sweep gets; returns whether each ended before its function's time-out."""
    print(f"| {count:,} open | s | executions started | left to the next sweep | CPU, s |")
    in_time = True
    for region in REGIONS:
        for name, share in CASES.items():
            swept, seconds, cpu = sweep(Account(region, count, *share(count)))
            in_time &= seconds < TIMEOUT_SECONDS
            left = swept.left + len(swept.failures)
            print(f"| {name}, {region} | {seconds:.0f} | {len(swept.recovered):,} | {left:,} | {cpu:.1f} |", flush=True)
    return in_time


def main() -> int:
    """0 if all outcomes were published and all sweeps ended in time, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("--links", type=int, default=20_000, help="of a burst, and open verifications of a sweep")
    parser.add_argument("--seconds", type=float, default=60, help="within which the links are sent")
    given = parser.parse_args()
    print_steady_load()
    all_published = print_bursts(given.links, given.seconds)
    return 0 if print_sweeps(given.links) and all_published else 1


if __name__ == "__main__":
    sys.exit(main())
