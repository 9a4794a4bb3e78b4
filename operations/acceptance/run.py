"""The run: starts links of all kinds within one window, waits for their outcomes, and judges them."""

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache, partial
from itertools import cycle
from typing import Any

from operations.acceptance.guarantees import Finding, Window, judge
from operations.acceptance.links import Case, Link
from operations.acceptance.refusals import check_refusals
from operations.acceptance.target import Target
from operations.environment import ROOT
from simulator.scenarios import SCENARIOS

_VIAS = ("api", "event")
#: Real seconds within which a published event has to arrive and the simulator's log to be complete: CloudWatch Logs may be late.
_LOG_SECONDS = 90


def cases(window: Window) -> list[Case]:
    """What is played before the burst, in this order."""
    interval, middle, last = window.interval, window.seconds / 2, window.points()[-1]
    clicks = {"clicked-late": last - 1, "credentials-rotated": 6 * interval}
    every = [Case(f"scenario {it}", it, (_VIAS[n % 2],), clicks.get(it)) for n, it in enumerate(SCENARIOS)]
    # Whatever an abort leads to, the answers that Signzy gave must explain it.
    aborted = partial(Case, act=Link.abort, outcomes=("LINK_CLICKED", "EXPIRED", "UNKNOWN"))
    cancelled = partial(Case, scenario="clicked", act=Link.cancel, outcomes=("LINK_CLICKED", "CANCELLED"))
    return [
        *every,
        Case("the token is rotated", "never", act=Link.rotate_token, at=3.5 * interval),
        # Its last check may be refused: an instance whose token Signzy has just refused reads the rotated one up to 30 s later.
        Case("reported after half of its window", "never", ago=middle, outcomes=("EXPIRED", "UNKNOWN")),
        Case("reported after its window", "clicked", ("event",), ago=window.seconds + 10, outcomes=("UNKNOWN",)),
        cancelled("cancelled right after its start", outcomes=("CANCELLED",)),
        cancelled("cancelled while it is watched", click=4 * interval, at=1.5 * interval),
        cancelled("cancelled just before it is clicked", click=2 * interval, at=2 * interval - 0.3),
        cancelled("cancelled as it is clicked", click=2 * interval, at=2 * interval),
        cancelled("cancelled just after it is clicked", click=2 * interval, at=2 * interval + 0.3),
        aborted("its execution is aborted right after its start", "never", at=0.2),
        aborted("its execution is aborted in the middle", "never", ("event",), at=middle),
        aborted("its execution is aborted at the end", "never", at=last),
        aborted("its execution is aborted as it is clicked", "clicked", click=3 * interval, at=3 * interval + 0.2),
        Case("twenty starts at once, by both entry points", "clicked", _VIAS * 10, 4 * interval),
    ]


class Run:
    """One run: play() everything, or start() single cases, then finish(). tell prints a line of progress."""

    def __init__(self, target: Target, tell: Callable[[str], None]) -> None:
        self.target, self._tell = target, tell
        self.links: list[Link] = []
        self.findings: list[Finding] = []
        self._pool = ThreadPoolExecutor(64)
        self._doing: list[Future[Any]] = []

    def play(self) -> None:
        """Does to the stack all that the guarantees are about."""
        self._tell("starting a link of each case")
        # One after the other: only what is meant to come at once does, however few Lambdas there are.
        for case in cases(self.target.window):
            self.start(case)
        self._tell(f"a burst of {self.target.burst} starts")
        for number in range(self.target.burst):
            case = Case("burst", "clicked", (_VIAS[number % 2],), 4 * self.target.window.interval)
            self._doing.append(self._pool.submit(self.start, case))
        self.findings += check_refusals(self.target, self._tell)
        self._deploy_while_watched()

    def start(self, case: Case) -> Link:
        """Starts a link, and does in the background what its case says."""
        link = Link(self.target, case)
        self.links.append(link)
        link.start()
        if case.act:
            self._doing.append(self._pool.submit(link.act))
        return link

    def _deploy_while_watched(self) -> None:
        self._tell("deploying the next version, while links are watched")
        deployment = self._pool.submit(self.target.deploy_next)
        for scenario, via in cycle((("never", "api"), ("clicked", "event"))):
            self.start(Case("watched while a version replaces another", scenario, (via,)))
            wait([deployment], 2 * self.target.window.interval / self.target.stack.clock.speed)
            if deployment.done():
                break
        deployment.result()
        self._tell("the next version is deployed")

    def finish(self) -> None:
        """Waits for all outcomes, then judges them."""
        for done in self._doing:
            done.result()
        self._pool.shutdown()
        waiting = self.links
        while waiting := [link for link in waiting if not link.is_over()]:
            self._tell(f"waiting for {len(waiting)} of {len(self.links)} outcomes")
            time.sleep(5)
        self._await_events_and_log()
        for link in self.links:
            self.findings += _judge(link)

    def _await_events_and_log(self) -> None:
        """Reads them until they are complete, or for 90 s."""
        published, gives_up_at = [link for link in self.links if link.seen.item], time.monotonic() + _LOG_SECONDS
        while True:
            self.target.stack.outcomes.receive(wait_seconds=1)
            requests = self.target.read_requests([link.ids["requestId"] for link in published])
            for link in published:
                link.seen.events = self.target.stack.outcomes.of(link.verification_id)
                link.seen.requests = requests[link.ids["requestId"]]
            lacking = [link for link in published if not link.seen.events or link.seen.lacks_requests]
            if not lacking or time.monotonic() > gives_up_at:
                break
            self._tell(f"waiting for the events of, or the simulator's log about, {len(lacking)} verifications")
            time.sleep(5)
        if published and not any(link.seen.events for link in published):
            raise TimeoutError("no outcome event has arrived: the run's own rule or queue does not work")


def _judge(link: Link) -> list[Finding]:
    seen, item, answered, accepted = link.seen, link.seen.item, set(link.statuses), {200, 202}
    found = partial(Finding, case=link.case.name, where=f"verificationId {link.verification_id}, answered {answered}")
    slow = "few Lambdas run at once here" if link.target.is_slow else ""
    is_taken = "event" in link.case.starts or bool(answered & accepted)
    is_watched = "what an entry point took is watched until it is published"
    findings = [
        found("contract", what="starts are answered with 202 or 200", is_true=answered <= accepted, excuse=slow),
        found("G5", what="one start is answered with 202", is_true=link.statuses.count(202) <= 1),
        found("G1", what=is_watched, is_true=bool(item) or not is_taken),
    ]
    if not item:
        return findings
    shown = link.call("GET")
    is_shown = shown.status == 200 and shown.body == {key: item.get(key) for key in shown.body}
    events_fit = all(_schema("verification-settled").is_valid(event) for event in seen.events)
    is_shown &= _schema("verification").is_valid(shown.body)
    return [
        *findings,
        *judge(seen),
        found("contract", what="the API shows what is stored", is_true=is_shown),
        found("contract", what="the event fits its schema", is_true=events_fit),
    ]


@cache
def _schema(name: str) -> Any:
    """A validator of jsonschema's."""
    # Not at the top: every command imports this module, and with the packages of .venvs/development this import takes seconds.
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    text = (ROOT / "contracts" / "schemas" / f"{name}-1.0.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))
