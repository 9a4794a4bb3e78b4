"""Random histories on the deployed stack, many at a time: make soak N=200 SEED=1.

Each history draws what Signzy answers, the doors and how often it is started, cancels, aborts and faults, and is held against
the promise when it has ended. A failure prints its seed and its timeline; make soak SEED=1 ONLY=17 runs number 17 alone. The
window is short (30 s, a check every 3 s): the five minutes are not the point here.
"""

import argparse
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from botocore.exceptions import ClientError

from local.stack import environment
from local.stack.lifecycle import StackConfig, running_stack
from local.stack.stack import Stack, await_that
from local.stack.accelerated_clock import NoAcceleratedClock, environment_at

WINDOW_SECONDS, INTERVAL_SECONDS, SPEED = 30, 3, 3
LAST_CHECK_LEAD_SECONDS = 2  # the template's default
PARAMETERS = {"WindowSeconds": WINDOW_SECONDS, "PollIntervalSeconds": INTERVAL_SECONDS}
#: What the promise allows beyond the window, with two sweeps and the longest fault on top. Seconds of the stack's clock.
PATIENCE_SECONDS = 400
#: The clock is read before the request is sent; this much later it may arrive, on a busy machine under an accelerated clock.
ARRIVAL_SECONDS = 0.5

BAD_ANSWERS = [
    *("502-html", "upstream-down", "throttled", "truncated-json", "credentials-refused", "401-from-a-gateway"),
    *("redirect-with-a-clicked-body", "over-256-kib", "deep-nesting", "not-utf-8", "error-beside-a-result", "204"),
    *("hang", "drip-headers", "drip-body", "cut-off", "close", "no-http"),
]
REFUSALS = {"credentials-refused", "401-from-a-gateway"}
CLICKS = ["clicked", "clicked-other-device", "clicked-carrier-unknown"]
REJECTIONS = ["unknown-ids", "malformed-request-id"]
FAULTS = [
    ("updateItem", "ProvisionedThroughputExceededException", "watchedBy"),
    ("updateItem", "InternalServerError", ":settledAt"),
    ("updateItem", "InternalServerError", "REMOVE openVerifications"),
    ("putEvents", "InternalException", "VerificationSettled"),
    ("invoke", "ValueError", "-CheckLink-"),
    ("invoke", "Sandbox.Timedout", "-CheckLink-"),
    ("invoke", "Lambda.TooManyRequestsException", "-CheckLink-"),
]


@dataclass
class Plan:
    """What one history does; times are seconds after its start, by the stack's clock."""

    script: list[dict[str, Any]]
    starts: list[str]
    sent_seconds_ago: float
    cancels: list[float]
    aborts: list[float]
    fault: tuple[str, str, str, float, bool] | None


def draw(seed: str) -> Plan:
    """The plan of a seed, the same each time."""
    chance = random.Random(seed)
    script: list[dict[str, Any]] = [
        {"checks": [check], "answer": chance.choice(BAD_ANSWERS)} for check in range(1, 12) if chance.random() < 0.15
    ]
    if chance.random() < 0.1:
        script.append({"checks": [chance.randint(1, 9)], "answer": "pending", "slowBySeconds": chance.uniform(0.5, 8)})
    match chance.choices(["click", "never", "reject"], [6, 3, 1])[0]:
        case "click":
            script.append({"fromSecond": chance.uniform(0, WINDOW_SECONDS), "answer": chance.choice(CLICKS)})
        case "reject":
            script.append({"fromSecond": chance.uniform(0, 20), "answer": chance.choice(REJECTIONS)})
    fault = None
    if chance.random() < 0.3:
        fault = (*chance.choice(FAULTS), chance.uniform(3, 60), chance.random() < 0.3)
    return Plan(
        script=script,
        starts=chance.choices(["api", "event"], k=chance.choice([1, 1, 1, 2, 4])),
        sent_seconds_ago=chance.choice([0, 0, 0, 0, chance.uniform(0, WINDOW_SECONDS + 10)]),
        cancels=[chance.uniform(0, WINDOW_SECONDS)] * chance.choice([0, 0, 0, 1, 2]),
        aborts=sorted(chance.uniform(0, WINDOW_SECONDS + 2) for _ in range(chance.choice([0, 0, 0, 1, 1, 2]))),
        fault=fault,
    )


@dataclass
class History:
    """One history as it happens."""

    stack: Stack
    seed: str
    plan: Plan
    request_id: str = field(default_factory=lambda: secrets.token_hex(12))
    session_id: str = field(default_factory=lambda: secrets.token_hex(12))
    began_ms: float = 0
    cancelled: bool = False
    timeline: list[str] = field(default_factory=list)

    @property
    def verification_id(self) -> str:
        return f"{self.request_id}-{self.session_id}"

    def note(self, what: str) -> None:
        self.timeline.append(f"{(self.stack.clock.now_ms() - self.began_ms) / 1000:6.1f} s  {what}")

    def happen(self) -> dict[str, Any]:
        """Does what the plan says and gives the item as published. Raises TimeoutError."""
        self.began_ms = self.stack.clock.now_ms()
        sent_ms = self.began_ms - self.plan.sent_seconds_ago * 1000
        self.stack.signzy.send_link(self.request_id, self.session_id, script=self.plan.script, link_sent_at_ms=sent_ms)
        if self.plan.fault:
            call, error, text, seconds, after = self.plan.fault
            key = self.request_id if call == "invoke" else self.verification_id
            self.stack.faults.refuse(call, error, [key, text], seconds, after=after)
        acts = [(0.0, "start", door) for door in self.plan.starts]
        acts += [(at, "cancel", "") for at in self.plan.cancels] + [(at, "abort", "") for at in self.plan.aborts]
        link_sent_at = datetime.fromtimestamp(sent_ms / 1000, UTC).isoformat()
        for at, act, door in sorted(acts, key=lambda planned: planned[0]):
            self.stack.clock.sleep(max(0, at - (self.stack.clock.now_ms() - self.began_ms) / 1000))
            self._act(act, door, link_sent_at)
        return await_that(self._published, PATIENCE_SECONDS / self.stack.clock.speed, "it is published")

    def _act(self, act: str, door: str, link_sent_at: str) -> None:
        if act == "start" and door == "api":
            answer = self.stack.start(self.request_id, self.session_id, linkSentAt=link_sent_at)
            self.note(f"started by the API: {answer.status}")
        elif act == "start":
            given = {"requestId": self.request_id, "sessionId": self.session_id, "linkSentAt": link_sent_at}
            self.stack.put_link_sent(given)
            self.note("started by an event")
        elif act == "cancel":
            status = self.stack.cancel(self.verification_id).status
            self.cancelled |= status == 202
            self.note(f"cancelled: {status}")
        else:
            owner = (self.stack.item(self.verification_id) or {}).get("executionName", self.verification_id)
            with suppress(ClientError):  # it has just ended, or has not begun
                self.stack.executions.abort(owner)
                self.note(f"aborted {owner[49:] or 'the first execution'}")

    def _published(self) -> dict[str, Any] | None:
        item = self.stack.item(self.verification_id)
        return item if item and item.get("publishedAt") else None

    # ── The promise ───────────────────────────────────────────────────────────────────────────────────────────────────

    def breaches(self, item: dict[str, Any]) -> list[str]:
        """What of the promise does not hold; nothing, if all is well."""
        events = await_that(lambda: self.stack.events(self.verification_id), 20, "its event has come")
        checks = self.stack.signzy.requests(self.request_id)
        deadline_ms = datetime.fromisoformat(item["deadline"]).timestamp() * 1000
        sent_ms = datetime.fromisoformat(item["linkSentAt"]).timestamp() // 1 * 1000
        for check in checks:
            self.timeline.append(f"{(check.at_ms - self.began_ms) / 1000:6.1f} s  check: {check.answer}")
        held = {
            "every event equals the item": all(e["detail"] == {k: item.get(k) for k in e["detail"]} for e in events),
            "the deadline is where it was": abs(deadline_ms - sent_ms - WINDOW_SECONDS * 1000) < 1,
            "no check starts after the deadline": all(x.at_ms < deadline_ms + ARRIVAL_SECONDS * 1000 for x in checks),
            "one owner checks at a time": self._checks_apart(checks, sent_ms),
            "the outcome is one that the history allows": self._allows(item, {check.answer for check in checks}),
            "what is published is not open": "openVerifications" not in item,
        }
        return [promise for promise, holds in held.items() if not holds]

    def _checks_apart(self, checks: list[Any], sent_ms: float) -> bool:
        # Two requests of one check: a second try after a refused token, or Step Functions' retry of a call that did take effect.
        # After an abort the check of the dead may still be on its way when its successor checks. A late check may be followed at
        # once by that of the next point, and the last point is a second after the one before.
        seconds = [*range(INTERVAL_SECONDS, WINDOW_SECONDS, INTERVAL_SECONDS), WINDOW_SECONDS - LAST_CHECK_LEAD_SECONDS]
        points_ms = [sent_ms + second * 1000 for second in seconds]
        retried = self.plan.fault is not None and self.plan.fault[0] == "invoke"
        aborts_ms = [self.began_ms + at * 1000 for at in self.plan.aborts]
        return retried or all(
            b.at_ms - a.at_ms > 300
            or any(a.at_ms < point_ms <= b.at_ms for point_ms in points_ms)
            or a.answer in REFUSALS
            or any(abs(b.at_ms - at_ms) < 2000 for at_ms in aborts_ms)
            for a, b in pairwise(checks)
        )

    def _allows(self, item: dict[str, Any], answers: set[str]) -> bool:
        outcome, reason = item["outcome"], item["reason"]
        disturbed = bool(self.plan.aborts or self.plan.fault or self.cancelled)
        if answers & set(CLICKS) and not disturbed:
            return outcome == "LINK_CLICKED"
        return {
            "LINK_CLICKED": bool(answers & set(CLICKS)),
            "REJECTED": bool(answers & {*REJECTIONS, "malformed-session-id"}),
            "CANCELLED": self.cancelled,
            "EXPIRED": "pending" in answers,
            "UNKNOWN": reason != "INTERRUPTED" or disturbed,
        }[outcome]


def run_one(stack: Stack, seed: str) -> tuple[History, dict[str, Any] | None, list[str]]:
    """Runs a history; its item (None if it has none) and what of the promise it broke."""
    history = History(stack, seed, draw(seed))
    try:
        item = history.happen()
        return history, item, history.breaches(item)
    except TimeoutError as error:
        return history, stack.item(history.verification_id), [str(error)]
    except Exception as error:  # noqa: BLE001  # a history that cannot be run is a failed one, told with its timeline
        return history, None, [f"{type(error).__name__}: {error}"]


def run_all(stack: Stack, seeds: list[str], at_once: int) -> tuple[Counter[str], int]:
    """Runs histories side by side, showing progress; counts outcomes and failures."""
    outcomes: Counter[str] = Counter()
    failed, done, began = 0, 0, time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        for future in as_completed([pool.submit(run_one, stack, seed) for seed in seeds]):
            history, item, breaches = future.result()
            done += 1
            outcomes[f"{item['outcome']} {item['reason'] or ''}".strip() if item and "outcome" in item else "none"] += 1
            if breaches:
                failed += 1
                print(f"\nFAILED seed {history.seed}: {'; '.join(breaches)}\n  {history.plan}\n  {item}")
                print("\n".join(f"  {line}" for line in history.timeline), flush=True)
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
        yield stack


def main() -> int:
    """0 if no history broke the promise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", help="the number of one history, to run it alone")
    parser.add_argument("--at-once", type=int, default=16)
    options = parser.parse_args()
    environment.forget_aws()
    numbers = [options.only] if options.only else range(options.count)
    with short_stack() as stack:
        outcomes, failed = run_all(stack, [f"{options.seed}:{number}" for number in numbers], options.at_once)
    for outcome, count in outcomes.most_common():
        print(f"{count:6} {outcome}")
    print(f"{sum(outcomes.values()) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
