"""What a run will cost, from the prices and counts of make cost."""

from dataclasses import replace

from benchmarks.cost.bill import MINUTES_A_MONTH, PRICES, Assumptions, by_the_month, of_linkwatch
from benchmarks.cost.counts import linkwatch
from operations.acceptance.guarantees import Window

#: Besides the burst: scenarios, cancels, deaths, late starts, and those while a version is deployed.
VERIFICATIONS = 40
#: From the first resource to the last one's removal.
_MINUTES_AROUND = 20
#: The simulator's Lambda has 512 MB and answers in less.
_SIMULATOR_SECONDS, _SIMULATOR_GIGABYTES = 0.05, 0.5


def of_run(window: Window, burst: int) -> dict[str, float]:
    """USD at most, by what it is for: no verification is clicked, and nothing is free."""
    counts, checks = linkwatch(None), len(window.points())
    counts = replace(counts, checks=checks, states=[""] * (3 * checks + 5))
    verifications = VERIFICATIONS + burst
    lambdas = PRICES["lambda"]
    answer = lambdas["request"] + _SIMULATOR_SECONDS * _SIMULATOR_GIGABYTES * lambdas["gigabyte_second_x86_64"]
    minutes = _MINUTES_AROUND + window.seconds / 60
    return {
        f"{verifications} verifications": verifications * sum(of_linkwatch(counts, Assumptions()).values()),
        "the simulator's answers": verifications * checks * answer,
        f"two stacks for {minutes:.0f} minutes": sum(by_the_month(Assumptions()).values()) / MINUTES_A_MONTH * minutes,
    }
