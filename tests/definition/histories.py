"""The long run of random histories of one verification, and the replay of one.

python -m tests.definition.histories --count 10000 --seed 7
python -m tests.definition.histories --replay "History(…)"    # as a failure prints it
"""

import argparse
import sys
import time
from collections import Counter

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from tests.definition.drawing import drawn
from tests.definition.history import End, Fault, History
from tests.definition.invariants import broken
from tests.definition.recovery import ID, World
from tests.definition.small_aws import Account


def told(history: History) -> Account:
    """Plays a history; raises AssertionError with what it broke, how to replay it and its timeline."""
    world = World(history)
    account = world.play()
    if found := broken(world):
        lines = [*found, "", f"--replay {str(history)!r}", "", *account.timeline]
        raise AssertionError("\n".join(lines))
    return account


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def soak(count: int, chosen_seed: int) -> None:
    """Tells so many histories; prints progress and figures; shrinks and prints the first that breaks something."""
    outcomes, sizes, started = Counter[str](), Counter[str](), time.monotonic()

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
    @given(drawn())
    def each(history: History) -> None:
        account = told(history)
        item = account.table.items.get(ID, {})
        outcomes[item["outcome"]["S"] if "publishedAt" in item else "left to an engineer"] += 1
        sizes.update(
            histories=1,
            executions=len(account.executions),
            checks=len(account.vendor_checks),
            transitions=sum(len(it.entered_states) for it in account.executions.values()),
            **{"with faults": not history.is_well, "with a takeover": "-r1" in str(list(account.executions))},
        )
        if sizes["histories"] % 250 == 0:
            seconds = time.monotonic() - started
            say(f"{sizes['histories']:7} histories, {seconds:6.0f} s, {seconds / sizes['histories']:.3f} s each")

    each()
    say(f"seed {chosen_seed}: nothing broken in {time.monotonic() - started:.0f} s")
    for figure, number in (*sizes.items(), *outcomes.most_common()):
        say(f"{number:9}  {figure}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", help="a history, as a failure prints it")
    chosen = parser.parse_args()
    try:
        if chosen.replay:
            # Written by this program and typed in by whoever runs it.
            history = eval(chosen.replay, {"History": History, "Fault": Fault, "End": End})  # noqa: S307
            say("\n".join(told(history).timeline))
        else:
            soak(chosen.count, chosen.seed)
    except AssertionError as failure:
        say("\n".join([str(failure), *getattr(failure, "__notes__", ())]))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
