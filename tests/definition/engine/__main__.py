"""The long runs: random scenarios, the replay of one, and every pair of faults.

python -m tests.definition.engine scenarios --count 10000 --seed 7
python -m tests.definition.engine replay "Scenario(…)"    # as a failure prints it
python -m tests.definition.engine fault-pairs             # --part 0/8: every eighth first fault
"""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from tests.definition.engine import scenario
from tests.definition.engine.faults import BASES, play_pairs_after, single_faults
from tests.definition.engine.generated import SCENARIOS
from tests.definition.engine.world import play


def play_generated(count: int, chosen_seed: int) -> None:
    """Plays this many scenarios and prints their outcomes; shrinks the first that breaks a guarantee and raises its failure."""
    started, outcomes = time.monotonic(), Counter[str]()

    @seed(chosen_seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        print_blob=True,
        verbosity=Verbosity.quiet,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(SCENARIOS)
    def each(generated: scenario.Scenario) -> None:
        account = play(generated)
        outcomes.update([account.item["outcome"]["S"] if account.item else "not accepted"])

    each()
    print(f"{outcomes.total()} scenarios, seed {chosen_seed}: nothing broken, {time.monotonic() - started:.0f} s")
    print(", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common()))


def play_pairs(part: int, parts: int) -> bool:
    """Plays every pair of faults of every base scenario, on all processors; prints figures and failures. part of parts: only
    the pairs of every parts'th first fault. Returns whether none broke a guarantee.
    """
    started, played, broken = time.monotonic(), 0, 0
    # spawn: each process starts a Signzy of its own
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for name, base in BASES.items():
            firsts = list(single_faults(base))[part::parts]
            pairs = 0
            for count, failures in pool.map(play_pairs_after, *zip(*firsts, strict=True)):
                pairs, broken = pairs + count, broken + len(failures)
                for failure in failures[:1]:
                    print(failure)
            played += pairs
            print(f"{time.monotonic() - started:6.0f} s  {len(firsts):4} faults, {pairs:6} pairs  {name}", flush=True)
    print(f"{played} pairs of faults in {len(BASES)} scenarios: {broken or 'nothing'} broken")
    return not broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    generated = commands.add_parser("scenarios")
    generated.add_argument("--count", type=int, default=1000)
    generated.add_argument("--seed", type=int, default=1)
    commands.add_parser("replay").add_argument("scenario", help="as a failure prints it")
    commands.add_parser("fault-pairs").add_argument("--part", default="0/1", help="such as 0/8, for an eighth")
    chosen = parser.parse_args()
    try:
        if chosen.command == "fault-pairs":
            return 0 if play_pairs(*map(int, chosen.part.split("/"))) else 1
        if chosen.command == "scenarios":
            play_generated(chosen.count, chosen.seed)
        else:
            # Written by this program and typed in by whoever runs it.
            print("\n".join(play(eval(chosen.scenario, {**vars(scenario)})).timeline))  # noqa: S307
    except AssertionError as failure:
        print(failure, *getattr(failure, "__notes__", ()), sep="\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
