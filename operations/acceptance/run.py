"""The run: starts links of all kinds within one window, waits for their outcomes, and judges them."""

import json
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import cycle
from typing import Any

from operations.acceptance.findings import Finding
from operations.acceptance.guarantees import Observation, judge
from operations.acceptance.refusals import check_refusals
from operations.acceptance.target import Target
from operations.acceptance.tested_link import TestedLink, Via
from operations.deployed.clock import await_that
from operations.environment import ROOT
from simulator.client import SimulatorRequest
from simulator.coded import CodedLink
from simulator.scenarios import SCENARIOS

#: Real seconds: within which a published event has to arrive, and the simulator's log has to be complete.
_EVENT_SECONDS, _LOG_SECONDS = 60, 90
#: While one version replaces another a link is started this often, every other interval.
_STARTS_WHILE_DEPLOYING = 12
_VIAS: tuple[Via, ...] = ("api", "event")


def _schema(name: str) -> Any:
    """A validator of jsonschema's."""
    # Not at the top: every command imports this module, and with the packages of .venvs/development this import takes seconds.
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    schema: dict[str, Any] = json.loads((ROOT / "contracts" / "schemas" / f"{name}-1.0.schema.json").read_text("utf-8"))
    return Draft202012Validator(schema)


class Run:
    """One acceptance run: play() everything, or start_scenarios() alone, then finish(). tell prints a line of progress."""

    def __init__(self, target: Target, tell: Callable[[str], None]) -> None:
        self.target, self._tell = target, tell
        self._pool = ThreadPoolExecutor(64)
        self._event, self._verification = _schema("verification-settled"), _schema("verification")
        self.links: list[TestedLink] = []
        self.findings: list[Finding] = []
        #: What was measured, by what it is: values, each with its case.
        self.figures: dict[str, list[tuple[float, str]]] = defaultdict(list)

    def play(self) -> None:
        """Does to the stack all that the guarantees are about."""
        self.start_scenarios(SCENARIOS)
        rotation = self._pool.submit(self._rotate_token)
        # One after the other: only what is meant to come at once does, however few Lambdas there are.
        self._start_late()
        self._cancel_some()
        self._abort_some()
        self._start_twenty_times()
        self._start_burst()
        self.findings += check_refusals(self.target, self._tell)
        self._deploy_while_watched()
        rotation.result()

    # ── What is done ──────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, case: str, scenario: str, click: float | None = None, ago: float = 0, *also: str) -> TestedLink:
        """A link, not yet started. click: second of the click; also: possible outcomes other than the scenario's own."""
        sent_at = int(self.target.clock.now_ms() / 1000 - ago)
        coded = CodedLink(scenario, sent_at, None if click is None else int(click), self.target.window.interval)
        link = TestedLink(self.target, case, coded, {SCENARIOS[scenario]["outcome"], *also})
        self.links.append(link)
        return link

    def start(self, link: TestedLink, via: Via = "api") -> None:
        """Starts it, and has noted when it is accepted."""
        link.start(via)
        if via == "event":
            self._do(link, link.await_acceptance)

    def start_scenarios(self, scenarios: Iterable[str], vias: tuple[Via, ...] = _VIAS) -> None:
        """Each of them, one after the other, by the entry points in turn."""
        self._tell("starting a link of each scenario")
        window, turn = self.target.window, cycle(vias)
        clicks = {"clicked-late": window.points()[-1] - 1, "credentials-rotated": 6 * window.interval}
        for scenario in scenarios:
            self.start(self.send(f"scenario {scenario}", scenario, clicks.get(scenario)), next(turn))

    def _do(self, link: TestedLink, act: Callable[..., None], *arguments: Any) -> None:
        link.doing.append(self._pool.submit(act, *arguments))

    def _start_twenty_times(self) -> None:
        case = "twenty starts at once, by both entry points"
        link = self.send(case, "clicked", 4 * self.target.window.interval)
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(link.start, _VIAS * 10))

    def _start_late(self) -> None:
        seconds = self.target.window.seconds
        self.start(self.send("reported after half of its window", "never", ago=seconds / 2))
        late = self.send("reported after its window", "clicked", ago=seconds + 10)
        late.expected, late.is_reported_late = {"UNKNOWN"}, True
        self.start(late, "event")

    def _cancel_some(self) -> None:
        interval = self.target.window.interval
        at_once = self.send("cancelled right after its start", "never")
        at_once.expected = {"CANCELLED"}
        self.start(at_once)
        at_once.cancel_at(0)
        watched = self.send("cancelled while it is watched", "clicked", 4 * interval, 0, "CANCELLED")
        self.start(watched)
        self._do(watched, watched.cancel_at, 1.5 * interval)
        for second in (2 * interval - 0.3, 2 * interval, 2 * interval + 0.3):
            link = self.send("cancelled as it is clicked", "clicked", 2 * interval, 0, "CANCELLED")
            self.start(link)
            self._do(link, link.cancel_at, second)

    def _abort_some(self) -> None:
        window = self.target.window
        moments = {"right after its start": 0.2, "in the middle": window.seconds / 2, "at the end": window.points()[-1]}
        for moment, second in moments.items():
            link = self.send(f"its execution is aborted {moment}", "never", None, 0, "UNKNOWN")
            self.start(link, "event" if moment == "in the middle" else "api")
            self._do(link, link.abort_at, second)
        click = 3 * window.interval
        link = self.send("its execution is aborted as it is clicked", "clicked", click, 0, "UNKNOWN")
        self.start(link)
        self._do(link, link.abort_at, click + 0.2)

    def _start_burst(self) -> None:
        self._tell(f"a burst of {self.target.burst} starts")
        for _, via in zip(range(self.target.burst), cycle(_VIAS), strict=False):
            link = self.send("burst", "clicked", 4 * self.target.window.interval)
            self._do(link, self.start, link, via)

    def _rotate_token(self) -> None:
        self.target.clock.sleep(3.5 * self.target.window.interval)
        self._tell("rotating the token")
        token = secrets.token_urlsafe(30)
        self.target.stack.fill_token(token)  # before Signzy's, else a check would read the old one twice
        self.target.simulator.take_token(token)

    def _deploy_while_watched(self) -> None:
        self._tell("deploying the next version, while links are watched")
        with ThreadPoolExecutor(1) as pool:
            deployment = pool.submit(self.target.deploy_next)
            for number in range(_STARTS_WHILE_DEPLOYING):
                scenario = ("never", "clicked")[number % 2]
                self.start(self.send("watched while a version replaces another", scenario), _VIAS[number % 2])
                wait([deployment], 2 * self.target.window.interval / self.target.clock.speed)
                if deployment.done():
                    break
            deployment.result()
        self._tell("the next version is deployed")

    # ── What it results in ────────────────────────────────────────────────────────────────────────────────────────────

    def finish(self) -> None:
        """Waits for all outcomes, then judges them."""
        waiting, told = list(self.links), 0.0
        while waiting := [
            link for link in waiting if any(not done.done() for done in link.doing) or not link.is_over()
        ]:
            self.target.stack.outcomes.receive(wait_seconds=1)
            if time.monotonic() - told > 5:
                self._tell(f"waiting for {len(waiting)} of {len(self.links)} outcomes")
                told = time.monotonic()
        for link in self.links:
            for done in link.doing:
                done.result()
        self._pool.shutdown()
        published = [link for link in self.links if link.item]
        self._await_events(published)
        requests = self._await_log(published)
        for link in self.links:
            self._judge(link, requests.get(link.ids["requestId"], []))

    def _await_events(self, links: list[TestedLink]) -> None:
        outcomes = self.target.stack.outcomes

        def have_arrived() -> bool:
            outcomes.receive(wait_seconds=1)
            return all(outcomes.of(link.verification_id) for link in links)

        with suppress(TimeoutError):
            await_that(have_arrived, _EVENT_SECONDS, "every verification has its event")

    def _await_log(self, links: list[TestedLink]) -> dict[str, list[SimulatorRequest]]:
        """The simulator's log, as complete as it is after 90 s: CloudWatch Logs may be late."""
        gives_up_at = time.monotonic() + _LOG_SECONDS
        while True:
            requests = self.target.simulator.read_requests([link.ids["requestId"] for link in links])
            lacking = [link for link in links if link.observe(requests[link.ids["requestId"]]).lacks_requests]
            if not lacking or time.monotonic() > gives_up_at:
                return requests
            self._tell(f"waiting for the simulator's log: it lacks requests of {len(lacking)} verifications")
            time.sleep(10 if not self.target.is_emulator else 1)

    def _judge(self, link: TestedLink, requests: list[SimulatorRequest]) -> None:
        where = f"verificationId {link.verification_id}, starts answered {link.statuses}"
        excuse = "too few Lambdas run at once here" if self.target.is_slow else ""
        what, is_answered = "starts are answered with 202 or 200", set(link.statuses) <= {200, 202}
        self.findings.append(Finding.of("contract", link.case, what, is_true=is_answered, where=where, excuse=excuse))
        self._found("G5", link, "one start is answered with 202", link.statuses.count(202) <= 1, where)
        if not link.is_taken:
            return
        self._found(
            "G1", link, "what an entry point took is watched until it is published", link.item is not None, where
        )
        if link.item is None:
            return
        seen = link.observe(requests)
        self.findings += judge(seen)
        self._check_contract(link, seen)
        self._measure(link, seen)

    def _check_contract(self, link: TestedLink, seen: Observation) -> None:
        item, where = seen.item, seen.where
        shown = self.target.call_api("GET", f"/verifications/{link.verification_id}")
        is_shown = shown.status == 200 and shown.body == {key: item.get(key) for key in shown.body}
        self._found("contract", link, "the API shows what is stored", is_shown, where)
        fits = shown.status == 200 and self._verification.is_valid(shown.body)
        self._found("contract", link, "the API's answer fits its schema", fits, where)
        fits = all(self._event.is_valid(event) for event in seen.events)
        self._found("contract", link, "the event fits its schema", fits, where)
        if link.is_reported_late:
            self._found("G2", link, "Signzy is not asked about it", not seen.requests, where)
            self._found("G3", link, "the outcome says so", item["reason"] == "STARTED_TOO_LATE", where)
        if link.case == "scenario never" and item["checks"]:
            states = self.target.stack.states_entered(link.verification_id)
            # A last check that was too late is not counted in checks, but the execution entered its states.
            made = item["checks"] + (item["reason"] == "PAST_DEADLINE")
            is_few = len(states) <= 3 * made + 5
            self._found("contract", link, "three transitions a check and five around them", is_few, where)

    def _found(self, guarantee: str, link: TestedLink, what: str, is_true: bool, where: str) -> None:  # noqa: FBT001
        self.findings.append(Finding.of(guarantee, link.case, what, is_true=is_true, where=where))

    def _measure(self, link: TestedLink, seen: Observation) -> None:
        figures, case, item = self.figures, link.case, seen.item
        if link.latency is not None:
            figures["a start by the API, the first one cold, s"].append((link.latency * self.target.clock.speed, case))
        if link.aborts_ms or link.is_reported_late or link.cancel_statuses:
            return
        sent_s, points = seen.sent_ms / 1000, seen.window.points()
        for request in seen.requests:
            second = request.at_ms / 1000 - sent_s
            due = [point for point in points if point <= second + 0.2]
            if due and "half" not in case:
                figures["a check after its due time, s"].append((second - due[-1], case))
        click = link.link.clicked_at(seen.window.seconds)
        if item["outcome"] == "LINK_CLICKED" and click is not None and seen.events and link.link.scenario != "flaky":
            arrived_ms = self.target.stack.outcomes.arrived_ms[seen.events[0]["id"]]
            figures["from the click to the event, s"].append((arrived_ms / 1000 - sent_s - click, case))
