"""Many verifications at once on the emulator, under an accelerated clock: make load N=200 SPEED=3

The unmodified template with its defaults (a window of 300 s, a check every 10). Half of the verifications come through each entry
point, all within RAMP_SECONDS. Exits 0 only if all of them are settled rightly, published once or more, and not checked past
their deadlines. What it times is a small machine with an emulator on it: where that is the limit, it says so.
"""

import argparse
import os
import random
import secrets
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import urllib3
from rich.console import Console
from rich.table import Table

from local.stack import environment
from local.stack.launch import LocalStackFailed
from local.stack.lifecycle import StackConfig, running_stack
from local.stack.stack import Stack
from local.terminal import choices

#: Over this much of the stack's time the links are sent: a Lambda that starts costs this machine a third of a second.
RAMP_SECONDS = 60
INTERVAL_SECONDS, LEAD_SECONDS, WINDOW_SECONDS = 10, 2, 300
#: What guarantee G1 allows beyond the window, and a sweep on top of it.
PATIENCE_SECONDS = WINDOW_SECONDS + 120
#: The clock is read before the request is sent; this much later it may arrive.
ARRIVAL_SECONDS = 0.5
AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Link:
    """One link. clicked_after: seconds after it was sent, or None for never."""

    request_id: str
    session_id: str
    via: str
    clicked_after: float | None

    @property
    def verification_id(self) -> str:
        """Its verification's."""
        return f"{self.request_id}-{self.session_id}"


def links(count: int, seed: str) -> list[Link]:
    """So many links, two thirds of them clicked at some time, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311  no cipher
    return [
        Link(
            secrets.token_hex(12),
            secrets.token_hex(12),
            ("api", "event")[number % 2],
            chance.uniform(3, 280) if chance.random() < 2 / 3 else None,
        )
        for number in range(count)
    ]


def send(stack: Stack, link: Link) -> str:
    """Has Signzy send the link and starts its verification; gives what the entry point answered."""
    script = [] if link.clicked_after is None else [{"fromSecond": link.clicked_after, "answer": "clicked"}]
    stack.signzy.send_link(link.request_id, link.session_id, script=script)
    if link.via == "api":
        return _start(stack, link)
    stack.put_link_sent({"requestId": link.request_id, "sessionId": link.session_id})
    return "event taken"


def _start(stack: Stack, link: Link) -> str:
    """By the API, as callers should: what was not answered, or with a 5xx, is asked once more."""
    said = ""
    for _ in range(2):
        try:
            said = f"API {stack.start(link.request_id, link.session_id).status}"
        except urllib3.exceptions.HTTPError as error:
            said = f"API {type(error).__name__}"
        if said in {"API 200", "API 202"}:
            break
    return said


def run(stack: Stack, sent: Sequence[Link], console: Console) -> tuple[Counter[str], float]:
    """Sends all links and waits until all are published; gives what the entry points answered, and how busy the machine was at
    most (its load of one minute, by core). Raises TimeoutError.
    """
    began_ms, busiest = stack.clock.now_ms(), 0.0

    def sent_in_turn(place: int) -> str:
        due_ms = began_ms + 1000 * RAMP_SECONDS * place / len(sent)
        stack.clock.sleep(max(0, due_ms - stack.clock.now_ms()) / 1000)
        return send(stack, sent[place])

    with console.status("sending") as status, ThreadPoolExecutor(AT_ONCE) as pool:
        answers = Counter(pool.map(sent_in_turn, range(len(sent))))
        while left := _unpublished(stack, len(sent)):
            seconds = (stack.clock.now_ms() - began_ms) / 1000
            if seconds > PATIENCE_SECONDS:
                raise TimeoutError(f"{left} of {len(sent)} are not published {seconds:.0f} s after the first link")
            busiest = max(busiest, os.getloadavg()[0] / (os.cpu_count() or 1))
            status.update(f"{seconds:4.0f} s: {len(sent) - left} of {len(sent)} published")
            time.sleep(1)
    return answers, busiest


def _unpublished(stack: Stack, total: int) -> int:
    table, pages = stack.outputs.TableName, stack.client("dynamodb").get_paginator("scan")
    published = pages.paginate(TableName=table, Select="COUNT", FilterExpression="attribute_exists(publishedAt)")
    return total - sum(page["Count"] for page in published)


@dataclass
class Seen:
    """What became of all: the guarantees' breaches, and times in seconds."""

    outcomes: Counter[str]
    breaches: list[str]
    checks: list[float]
    check_lateness: list[float]
    noticed_after: list[float]
    settled_after_deadline: list[float]
    published_after: list[float]


def check_over(stack: Stack, sent: Sequence[Link]) -> Seen:
    """Reads items, events and the simulator's own record of checks."""
    seen = Seen(Counter(), [], [], [], [], [], [])
    for link in sent:
        item = stack.item(link.verification_id) or {}
        seen.outcomes[str(item.get("outcome"))] += 1
        if not stack.events(link.verification_id):
            seen.breaches.append(f"{link.verification_id} has no event")
        expected = "EXPIRED" if link.clicked_after is None else "LINK_CLICKED"
        if item.get("outcome") != expected:
            seen.breaches.append(
                f"{link.verification_id} is {item.get('outcome')} ({item.get('reason')}), not {expected}"
            )
        _time(seen, link, item, [check.at_ms for check in stack.signzy.requests(link.request_id)])
    return seen


def _time(seen: Seen, link: Link, item: dict[str, Any], checks_at_ms: list[int]) -> None:
    sent_at, deadline = _seconds(item["linkSentAt"]), _seconds(item["deadline"])
    settled_at, published_at = _seconds(item["settledAt"]), _seconds(item["publishedAt"])
    schedule_start = int(sent_at)
    seen.checks.append(item["checks"])
    for at_ms in checks_at_ms:
        since = at_ms / 1000 - schedule_start
        is_last = at_ms / 1000 >= deadline - LEAD_SECONDS
        seen.check_lateness.append(since - (WINDOW_SECONDS - LEAD_SECONDS) if is_last else since % INTERVAL_SECONDS)
        if at_ms / 1000 > deadline + ARRIVAL_SECONDS:
            seen.breaches.append(
                f"{link.verification_id} was checked at {at_ms / 1000 - deadline:.1f} s past its deadline"
            )
    if link.clicked_after is not None:
        seen.noticed_after.append(settled_at - sent_at - link.clicked_after)
    seen.settled_after_deadline.append(settled_at - deadline)
    seen.published_after.append(published_at - settled_at)


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def show(console: Console, seen: Seen) -> None:
    """The distributions."""
    table = Table(title="Seconds of the stack's clock", title_justify="left")
    for name in ("", "min", "median", "95 %", "99 %", "max"):
        table.add_column(name, justify="right" if name else "left")
    rows = {
        "checks for each verification": seen.checks,
        "check, after it was due": seen.check_lateness,
        "settled after the click": seen.noticed_after,
        "settled after the deadline": seen.settled_after_deadline,
        "published after settled": seen.published_after,
    }
    for name, values in rows.items():
        cuts = statistics.quantiles(values, n=100, method="inclusive")
        table.add_row(name, *(f"{value:.2f}" for value in (min(values), cuts[49], cuts[94], cuts[98], max(values))))
    console.print(table)
    console.print(", ".join(f"{count} {outcome}" for outcome, count in seen.outcomes.most_common()))


def say_what_the_limit_is(console: Console, seen: Seen, busiest: float, real_seconds: float) -> None:
    """Says whether the machine was too busy for the lateness to be linkwatch's."""
    console.print(
        f"{sum(seen.checks):.0f} checks in {real_seconds:.0f} s; the machine's load was at most {busiest:.1f} for each core."
    )
    if busiest > 1:
        console.print("So the emulator is the limit here, not linkwatch: lateness falls with SPEED.")


def main() -> int:
    """0 if the guarantees held, 1 if not, 2 for a choice that does not exist, 130 on Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="make load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200, help="verifications (N=200)")
    parser.add_argument("--speed", type=float, default=3, help="times real time (SPEED=3)")
    parser.add_argument("--seed", default="1", help="which links are clicked when (SEED=1)")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 100)
    environment.forget_aws()
    wanted, why_not = choices.as_the_machine_can(StackConfig(speed=options.speed))
    if why_not:
        wanted = replace(wanted, speed=1, parameters={})
        console.print("No accelerated clock here: this takes the five minutes that it takes.")
    try:
        with running_stack(wanted) as stack:
            sent, began_at = links(options.count, options.seed), time.monotonic()
            answers, busiest = run(stack, sent, console)
            console.print(f"{len(sent)} links at {wanted.speed:g} times real time: {dict(answers)}")
            seen = check_over(stack, sent)
            show(console, seen)
            say_what_the_limit_is(console, seen, busiest, time.monotonic() - began_at)
    except KeyboardInterrupt:
        return 130
    except (LocalStackFailed, TimeoutError) as error:
        console.print(f"linkwatch: {error}")
        return 1
    for breach in seen.breaches[:20]:
        console.print(breach)
    console.print(f"{len(sent) - len(seen.breaches)} passed, {len(seen.breaches)} failed")
    return 1 if seen.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
