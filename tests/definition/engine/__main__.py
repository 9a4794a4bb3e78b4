"""The long runs: scenarios that chance draws, the replay of one, and every pair of faults.

python -m engine scenarios --count 10000 --seed 7
python -m engine replay "Scenario(…)"    # as a failure prints it
python -m engine fault-pairs
"""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from tests.definition.engine.account import Account
from tests.definition.engine.faults import BASES, second_faults, single_faults
from tests.definition.engine.generated import scenarios
from tests.definition.engine.result import play
from tests.definition.engine.scenario import End, Fault, Outage, Scenario


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Tally:
    """What generated scenarios came to; it prints progress."""

    def __init__(self) -> None:
        self._sizes, self._outcomes, self._started = Counter[str](), Counter[str](), time.monotonic()

    def add(self, scenario: Scenario, account: Account) -> None:
        item = account.item or {}
        outcome = item["outcome"]["S"] if "publishedAt" in item else "given up" if item else "not accepted"
        self._outcomes[outcome] += 1
        self._sizes.update(
            scenarios=1,
            executions=len(account.executions),
            checks=len(account.record.vendor_checks),
            transitions=sum(len(it.entered_states) for it in account.executions.values()),
            **{"with faults": not scenario.is_healthy, "with a takeover": "-r1" in str(list(account.executions))},
        )
        if (played := self._sizes["scenarios"]) % 250 == 0:
            seconds = time.monotonic() - self._started
            say(f"{played:7} scenarios, {seconds:6.0f} s, {seconds / played:.3f} s each")

    def print(self, verdict: str) -> None:
        say(f"{verdict} in {time.monotonic() - self._started:.0f} s")
        for figure, number in (*self._sizes.items(), *self._outcomes.most_common()):
            say(f"{number:9}  {figure}")


def play_generated(count: int, chosen_seed: int) -> None:
    """Plays so many scenarios; prints progress and figures; shrinks and prints the first that breaks a guarantee."""
    tally = Tally()

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
    @given(scenarios())
    def each(scenario: Scenario) -> None:
        tally.add(scenario, play(scenario))

    each()
    tally.print(f"seed {chosen_seed}: nothing broken")


def play_pairs() -> int:
    """Plays every pair of faults of every base scenario, on all processors; prints figures and what broke."""
    started, played, broken = time.monotonic(), 0, 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for name, base in BASES.items():
            firsts = list(single_faults(base))
            pairs = 0
            for count, failures in pool.map(_pairs_after, *zip(*firsts, strict=True)):
                pairs, broken = pairs + count, broken + len(failures)
                for failure in failures[:1]:
                    say(failure)
            played += pairs
            say(f"{time.monotonic() - started:6.0f} s  {len(firsts):4} faults, {pairs:6} pairs  {name}")
    verdict = "nothing broken" if not broken else f"{broken} BROKEN"
    say(f"{played} pairs of faults in {len(BASES)} scenarios: {verdict}, {time.monotonic() - started:.0f} s")
    return 1 if broken else 0


def _pairs_after(scenario: Scenario, at: int) -> tuple[int, list[str]]:
    """How many second faults there are, and what broke."""
    failures = [failure for pair in second_faults(scenario, at) for failure in [_failure_of(pair)]]
    return len(failures), [failure for failure in failures if failure]


def _failure_of(scenario: Scenario) -> str:
    try:
        play(scenario)
    except AssertionError as failure:
        return str(failure)
    return ""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    generated = commands.add_parser("scenarios")
    generated.add_argument("--count", type=int, default=1000)
    generated.add_argument("--seed", type=int, default=1)
    commands.add_parser("replay").add_argument("scenario", help="as a failure prints it")
    commands.add_parser("fault-pairs")
    return parser.parse_args()


def main() -> int:
    chosen = _arguments()
    if chosen.command == "fault-pairs":
        return play_pairs()
    try:
        if chosen.command == "replay":
            names = {kind.__name__: kind for kind in (Scenario, Fault, End, Outage)}
            # Written by this program and typed in by whoever runs it.
            say("\n".join(play(eval(chosen.scenario, names)).record.timeline))  # noqa: S307
        else:
            play_generated(chosen.count, chosen.seed)
    except AssertionError as failure:
        say("\n".join([str(failure), *getattr(failure, "__notes__", ())]))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
