"""Random scenarios on the deployed stack, many at the same time: python -m tests.integration.scenarios --count 200 --seed 1

A scenario is what Signzy answers, the entry points, how often it is started, cancels, aborts and faults. Each is checked against
the guarantees G1 to G6 when it has ended. A failure prints its seed and its timeline; --seed 1 --only 17 runs number 17 alone.
The window is short (30 s, a check every 3 s), so that many scenarios fit into minutes. The tests play more of them in the
in-process engine; these show the same of the deployed stack.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from local.accelerated_clock import NoAcceleratedClock, environment_at
from local.programs import forget_aws
from local.stack import Stack, StackConfig, running_stack, warm_up_many
from operations.acceptance import guarantees
from operations.acceptance.guarantees import Observation, Window
from operations.deployed.clock import await_that
from operations.deployed.stack import as_published
from tests.integration import calls
from tests.integration.conftest import Link, send_link
from tests.integration.drawn_scenarios import WINDOW_SECONDS, Scenario, draw

INTERVAL_SECONDS, SPEED = 3, 3
LAST_CHECK_LEAD_SECONDS = 2  # the template's default
WINDOW = Window(WINDOW_SECONDS, INTERVAL_SECONDS, LAST_CHECK_LEAD_SECONDS)
PARAMETERS = {"WindowSeconds": WINDOW_SECONDS, "PollIntervalSeconds": INTERVAL_SECONDS}
#: G1: an outcome is published so many seconds after the end of an outage.
RECOVERY_SECONDS = 600


@dataclass
class Run:
    """One scenario as it happens."""

    link: Link
    seed: str
    scenario: Scenario
    began_ms: float
    cancel_statuses: list[int] = field(default_factory=list)
    aborted: list[str] = field(default_factory=list)
    timeline: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stack, self.verification_id = self.link.stack, self.link.verification_id

    @property
    def seconds(self) -> float:
        return (self.stack.clock.now_ms() - self.began_ms) / 1000

    def note(self, what: str) -> None:
        self.timeline.append(f"{self.seconds:6.1f} s  {what}")

    def play(self) -> dict[str, Any]:
        """Does what the scenario says. Returns the item as published. Raises TimeoutError."""
        for fault in self.scenario.faults:
            act = calls.lose_answers if fault.loses_answers else calls.refuse
            act(self.stack, fault.call, self.verification_id, fault.seconds, in_seconds=fault.at)
        acts = [(0.0, "start", entry_point) for entry_point in self.scenario.starts]
        acts += [(at, "cancel", "") for at in self.scenario.cancels] + [
            (at, "abort", "") for at in self.scenario.aborts
        ]
        sent_at = self.began_ms / 1000 - self.scenario.sent_seconds_ago
        link_sent_at = datetime.fromtimestamp(sent_at, UTC).isoformat()
        for at, act, entry_point in sorted(acts, key=lambda planned: planned[0]):
            self.stack.clock.sleep(max(0, at - self.seconds))
            self._act(act, entry_point, link_sent_at)
        over = max([self.seconds, WINDOW_SECONDS, *(fault.at + fault.seconds for fault in self.scenario.faults)])
        patience = over + RECOVERY_SECONDS - self.seconds
        return self.stack.await_published(self.verification_id, patience / self.stack.clock.speed)

    def _act(self, act: str, entry_point: str, link_sent_at: str) -> None:
        if act == "start" and entry_point == "api":
            # Sending the same again is safe. 502 and 504: a Lambda that did not start in time, on a busy machine.
            while (status := self._post(link_sent_at)) in {502, 503, 504}:
                self.stack.clock.sleep(2)
            assert status in {200, 202}, status
        elif act == "start":
            self.link.put_on_bus(linkSentAt=link_sent_at)
            self.note("started by an event")
        elif act == "cancel":
            self.cancel_statuses.append(self.stack.cancel(self.verification_id).status)
            self.note(f"cancelled: {self.cancel_statuses[-1]}")
        else:
            name = (self.stack.item(self.verification_id) or {}).get("executionName", self.verification_id)
            with suppress(ClientError):  # it has just ended, was never started, or the answer is lost
                self.stack.executions.abort(name)
            execution = self.stack.executions.find(name)
            if execution and execution["status"] == "ABORTED":
                self.aborted.append(name)
                self.note(f"aborted {name[49:] or 'the first execution'}")

    def _post(self, link_sent_at: str) -> int:
        status = self.link.start(linkSentAt=link_sent_at).status
        self.note(f"started by the API: {status}")
        return status

    def breaches(self, item: dict[str, Any]) -> list[str]:
        """The broken guarantees; empty where all are kept."""
        events = await_that(lambda: self.stack.events(self.verification_id), 20, "G1: its event has arrived")
        checks = self.stack.signzy.requests(self.link.request_id)
        for check in checks:
            self.timeline.append(f"{(check.at_ms - self.began_ms) / 1000:6.1f} s  check: {check.answer}")
        seen = Observation(
            item=as_published(item),
            events=events,
            requests=checks,
            window=WINDOW,
            cancel_statuses=self.cancel_statuses,
            aborts=len(self.aborted),
            aborts_ms=[self.began_ms + at * 1000 for at in self.scenario.aborts],
            is_disturbed=bool(self.scenario.faults),
            lost_answers=any(fault.call.operation == "invoke" for fault in self.scenario.faults)
            or any("slowBySeconds" in step for step in self.scenario.script),  # CheckLink may not wait so long
            is_slow=True,
        )
        return guarantees.breaches(seen)


def run_one(stack: Stack, seed: str) -> tuple[Run, dict[str, Any] | None, list[str]]:
    """Runs a scenario. Returns it, its item (None where there is none) and the guarantees that it broke."""
    scenario, began_ms = draw(seed), stack.clock.now_ms()
    link = send_link(stack, *scenario.script, sent_seconds_ago=scenario.sent_seconds_ago)
    run = Run(link, seed, scenario, began_ms)
    try:
        item = run.play()
        return run, item, run.breaches(item)
    except TimeoutError as error:
        return run, stack.item(run.verification_id), [str(error)]
    except Exception as error:  # noqa: BLE001  # a scenario that cannot be played has failed
        return run, None, [f"{type(error).__name__}: {error}"]


def run_all(stack: Stack, seeds: list[str], at_once: int) -> tuple[Counter[str], int]:
    """Runs scenarios at the same time and prints progress. Returns the counts of outcomes and of failures."""
    outcomes: Counter[str] = Counter()
    failed, done, began = 0, 0, time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        for future in as_completed([pool.submit(run_one, stack, seed) for seed in seeds]):
            run, item, breaches = future.result()
            done += 1
            outcomes[f"{item['outcome']} {item['reason'] or ''}".strip() if item and "outcome" in item else "none"] += 1
            if breaches:
                failed += 1
                print(f"\nFAILED seed {run.seed}: {'; '.join(breaches)}\n  {run.scenario}\n  {item}")
                print("\n".join(f"  {line}" for line in run.timeline), flush=True)
            if done % 20 == 0 or done == len(seeds):
                print(f"{done} of {len(seeds)} after {time.monotonic() - began:.0f} s, {failed} failed", flush=True)
    return outcomes, failed


@contextmanager
def short_stack() -> Iterator[Stack]:
    """A stack with a short window, under an accelerated clock where the machine can."""
    try:
        environment_at(SPEED)
        speed = SPEED
    except NoAcceleratedClock:
        speed = 1
    with running_stack(StackConfig(speed=speed, parameters=PARAMETERS)) as stack:
        warm_up_many(stack)
        yield stack


def main() -> int:
    """0 if no scenario broke a guarantee."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", help="the number of one scenario, to run it alone")
    parser.add_argument("--at-once", type=int, default=16)
    options = parser.parse_args()
    forget_aws()
    numbers = [options.only] if options.only else range(options.count)
    with short_stack() as stack:
        outcomes, failed = run_all(stack, [f"{options.seed}:{number}" for number in numbers], options.at_once)
    for outcome, count in outcomes.most_common():
        print(f"{count:6} {outcome}")
    print(f"{sum(outcomes.values()) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
