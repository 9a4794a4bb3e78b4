"""Prints the tables of docs/capacity.md; takes about five minutes."""

import argparse
import statistics
import sys

from benchmarks.capacity.burst import INTERVAL_SECONDS, Burst
from benchmarks.capacity.quotas import LAMBDA_CONCURRENCY, REGIONS
from benchmarks.capacity.sweep import CASES, TIMEOUT_SECONDS, Account, sweep

#: The transitions of one check, and of a verification that expires with the default schedule: 3 × 30 + 5.
TRANSITIONS_OF_A_CHECK, TRANSITIONS_OF_AN_EXPIRY = 3, 95


def print_steady_load() -> None:
    """Prints what the default quotas allow for any length of time."""
    transitions = [region["StateTransition"][1] for region in REGIONS.values()]
    open_by_transitions = [each / TRANSITIONS_OF_A_CHECK * INTERVAL_SECONDS // 100 * 100 for each in transitions]
    rows = {
        f"open at once, by state transitions ({TRANSITIONS_OF_A_CHECK} for a check)": open_by_transitions,
        "open at once, by Lambda, if all are checked in one moment": [LAMBDA_CONCURRENCY * INTERVAL_SECONDS] * 2,
        f"started a second, if all expire ({TRANSITIONS_OF_AN_EXPIRY} transitions each)": [
            each // TRANSITIONS_OF_AN_EXPIRY for each in transitions
        ],
    }
    print("| default quotas allow | large regions | other regions |\n|---|--:|--:|")
    for name, figures in rows.items():
        print(f"| {name} | {' | '.join(f'{figure:,.0f}' for figure in figures)} |")


def print_bursts(count: int, seconds: float) -> bool:
    """Prints how bursts fare; returns whether every outcome was published."""
    print("| links, regions, entry point | not published | left to a sweep | first check, s ", end="")
    print("| click noticed after, s | last outcome after its deadline, s |\n|---|--:|--:|--:|--:|--:|")
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
    print(f"One sweep over {count:,} open verifications:")
    print("| | large regions: s, started, left | other regions: s, started, left |\n|---|--:|--:|")
    in_time = True
    for name, share in CASES.items():
        cells = []
        for region in REGIONS:
            swept, seconds = sweep(Account(region, count, *share(count)))
            in_time &= seconds < TIMEOUT_SECONDS
            cells.append(f"{seconds:.0f}, {len(swept.recovered):,}, {swept.left + len(swept.failures):,}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
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
