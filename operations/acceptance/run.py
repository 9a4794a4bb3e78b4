"""The run: what is done to the stack, all of it within one window, and what is held against the guarantees afterwards."""

import json
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import cycle
from typing import Any

from jsonschema import Draft202012Validator

from local.checkout import ROOT
from operations.acceptance.entry_points import refusals
from operations.acceptance.findings import Figures, Finding
from operations.acceptance.guarantees import Seen, judged, millis
from operations.acceptance.place import Place
from operations.acceptance.watched import Via, Watched
from simulator.coded import CodedLink
from simulator.scenarios import SCENARIOS

_EVENT: dict[str, Any] = json.loads(
    (ROOT / "contracts" / "schemas" / "verification-settled-1.0.schema.json").read_text("utf-8")
)
_SHOWN: dict[str, Any] = json.loads(
    (ROOT / "contracts" / "schemas" / "verification-1.0.schema.json").read_text("utf-8")
)
#: G1: the window plus 30 s; on a busy emulator a little more shows by how much it was missed.
_PATIENCE_SECONDS = 45
#: While one version replaces another a link is started this often, in intervals.
_STARTS_WHILE_DEPLOYING = 12

_VIAS: tuple[Via, ...] = ("api", "event")


class Run:
    """One acceptance run. tell is told of progress, a line at a time."""

    def __init__(self, place: Place, burst: int, tell: Callable[[str], None], *, only_scenarios: bool = False) -> None:
        self._place, self._burst, self._tell, self._only_scenarios = place, burst, tell, only_scenarios
        self._pool = ThreadPoolExecutor(64)
        self.watched: list[Watched] = []
        self.findings: list[Finding] = []
        self.figures = Figures()

    def happen(self) -> None:
        """Does all of it, waits for the outcomes and judges them."""
        with self._pool:
            self._start_scenarios()
            doing = [self._pool.submit(self._rotate_token)]
            if not self._only_scenarios:
                # One after the other: only what is meant to come at once does, however small the machine.
                self._late_starts()
                self._cancels()
                self._deaths()
                self._twenty_starts()
                self._burst_of_starts()
                self.findings += refusals(self._place, self._tell)
                self._deploy_while_watched()
            for done in doing:
                done.result()
            self._await_outcomes()
        self._judge()

    # ── What is done ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _send(self, case: str, scenario: str, click: float | None = None, ago: float = 0, *also: str) -> Watched:
        """A link, not yet reported. also: outcomes besides the scenario's own that there may be."""
        sent_at = int(self._place.clock.now_ms() / 1000 - ago)
        link = CodedLink(scenario, sent_at, None if click is None else int(click), self._place.window.interval)
        watched = Watched(self._place, case, link, {SCENARIOS[scenario]["outcome"], *also})
        self.watched.append(watched)
        return watched

    def _start_scenarios(self) -> None:
        """Each of them, one after the other: the first start after a deployment is the cold one."""
        self._tell(f"starting {len(SCENARIOS)} scenarios")
        window, vias = self._place.window, cycle(_VIAS)
        clicks = {"clicked-late": window.points()[-1] - 1, "credentials-rotated": 6 * window.interval}
        for scenario in SCENARIOS:
            watched = self._send(f"scenario {scenario}", scenario, clicks.get(scenario))
            watched.start(via := next(vias))
            if via == "api" and watched.latency is not None:
                latency = watched.latency * self._place.clock.speed
                (self.figures.warm_start if self.figures.cold_start else self.figures.cold_start).append(
                    (latency, scenario)
                )

    def _twenty_starts(self) -> None:
        watched = self._send("twenty starts at once, by both entry points", "clicked", 2 * self._place.window.interval)
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(watched.start, _VIAS * 10))

    def _late_starts(self) -> None:
        seconds = self._place.window.seconds
        self._send("reported after half of its window", "never", ago=seconds / 2).start()
        late = self._send("reported after its window", "clicked", ago=seconds + 10)
        late.expected, late.is_reported_late = {"UNKNOWN"}, True
        late.start("event")

    def _cancels(self) -> None:
        interval = self._place.window.interval
        at_once = self._send("cancelled right after its start", "never")
        at_once.expected = {"CANCELLED"}
        at_once.start()
        at_once.cancel_at(0)
        for number, second in enumerate((1.5 * interval, 2 * interval - 0.3, 2 * interval, 2 * interval + 0.3)):
            against_click = number > 0
            case = "cancelled against a click" if against_click else "cancelled while it is watched"
            watched = self._send(case, "clicked", 2 * interval, 0, "CANCELLED")
            watched.expected -= set() if against_click else {"LINK_CLICKED"}
            watched.start()
            watched.doing.append(self._pool.submit(watched.cancel_at, second))

    def _deaths(self) -> None:
        window = self._place.window
        moments = {"right after its start": 0.2, "in the middle": window.seconds / 2, "at the end": window.points()[-1]}
        for moment, second in moments.items():
            watched = self._send(f"its execution is aborted {moment}", "never", None, 0, "UNKNOWN")
            watched.start("event" if moment == "in the middle" else "api")
            watched.doing.append(self._pool.submit(watched.abort_at, second))
        click = 3 * window.interval
        watched = self._send("its execution is aborted as it is clicked", "clicked", click, 0, "UNKNOWN")
        watched.start()
        watched.doing.append(self._pool.submit(watched.abort_at, click + 0.2))

    def _burst_of_starts(self) -> None:
        self._tell(f"a burst of {self._burst} starts")
        vias = cycle(_VIAS)
        for _ in range(self._burst):
            watched = self._send("burst", "clicked", 4 * self._place.window.interval)
            watched.doing.append(self._pool.submit(watched.start, next(vias)))

    def _rotate_token(self) -> None:
        self._place.clock.sleep(3.5 * self._place.window.interval)
        self._tell("rotating the token")
        token = secrets.token_urlsafe(30)
        self._place.stack.fill_token(token)  # before Signzy's, else a check would find the old one twice
        self._place.signzy.take_token(token)

    def _deploy_while_watched(self) -> None:
        self._tell("deploying the next version, while links are watched")
        with ThreadPoolExecutor(1) as pool:
            deployment = pool.submit(self._place.deploy_next)
            for number in range(_STARTS_WHILE_DEPLOYING):
                scenario = ("never", "clicked")[number % 2]
                self._send("watched while a version replaces another", scenario).start(_VIAS[number % 2])
                wait([deployment], 2 * self._place.window.interval / self._place.clock.speed)
                if deployment.done():
                    break
            deployment.result()
        self._tell("the next version is deployed")

    # ── What came of it ───────────────────────────────────────────────────────────────────────────────────────────────

    def _await_outcomes(self) -> None:
        for watched in self.watched:
            for doing in watched.doing:
                doing.result()
        last_sent_at = max(watched.link.sent_at for watched in self.watched)
        ends_ms = (last_sent_at + self._place.window.seconds + _PATIENCE_SECONDS) * 1000
        waiting, told = list(self.watched), 0.0
        while waiting and self._place.clock.now_ms() < ends_ms:
            waiting = [watched for watched in waiting if not watched.published()]
            if time.monotonic() - told > 5 or not waiting:
                self._tell(f"{len(self.watched) - len(waiting)} of {len(self.watched)} outcomes are published")
                told = time.monotonic()
            time.sleep(0.5)
        time.sleep(self._place.log_seconds)
        self._await_events()

    def _await_events(self) -> None:
        gives_up_at = time.monotonic() + 20
        for watched in self.watched:
            while watched.published() and not self._place.stack.events(watched.verification_id):
                if time.monotonic() > gives_up_at:
                    return
                time.sleep(0.2)

    def _judge(self) -> None:
        for watched in self.watched:
            item = watched.published()
            where = f"verificationId {watched.verification_id}"
            self._found("G1", watched, "what an entry point took is watched to an outcome", item is not None, where)
            if item is None:
                continue
            seen = watched.seen(item)
            asked = ", ".join(f"{(check.at_ms - seen.sent_ms) / 1000:.2f}" for check in seen.checks)
            where = f"{where}, {item['outcome']} {item['reason'] or ''}, Signzy asked after {asked or 'no'} s"
            for what, holds in judged(seen).items():
                guarantee, _, text = what.partition(": ")
                self._found(guarantee, watched, text, holds, where)
            self._hold_against_contract(watched, seen, where)
            self._measure(watched, seen)

    def _hold_against_contract(self, watched: Watched, seen: Seen, where: str) -> None:
        item = seen.item
        shown = self._place.stack.find(watched.verification_id)
        is_shown = shown.status == 200 and shown.body == {key: item.get(key) for key in shown.body}
        self._found("contract", watched, "the API shows what is stored", is_shown, where)
        fits = shown.status == 200 and Draft202012Validator(_SHOWN).is_valid(shown.body)
        self._found("contract", watched, "the API's answer fits its schema", fits, where)
        fits = all(Draft202012Validator(_EVENT).is_valid(event) for event in seen.events)
        self._found("contract", watched, "the event fits its schema", fits, where)
        self._found("G5", watched, "one start is answered with 202", watched.statuses.count(202) <= 1, where)
        answered = set(watched.statuses) <= {200, 202}
        self._found("contract", watched, "starts are answered with 202 or 200", answered, where)
        if watched.is_reported_late:
            self._found("G2", watched, "nobody is asked about it", not seen.checks, where)
            self._found("G3", watched, "it says so", item["reason"] == "STARTED_TOO_LATE", where)

    def _found(self, guarantee: str, watched: Watched, what: str, holds: bool, where: str) -> None:  # noqa: FBT001
        self.findings.append(Finding(guarantee, watched.case, what, holds, where))

    def _measure(self, watched: Watched, seen: Seen) -> None:
        if watched.aborted or watched.is_reported_late or watched.cancel_statuses:
            return
        sent_s, points = seen.sent_ms / 1000, seen.window.points()
        for check in seen.checks:
            second = check.at_ms / 1000 - sent_s
            due = [point for point in points if point <= second + 0.2]
            if due and "half" not in watched.case:
                self.figures.check_lateness.append((second - due[-1], watched.case))
        item = seen.item
        after_deadline = (millis(item["settledAt"]) - millis(item["deadline"])) / 1000
        self.figures.after_deadline.append((after_deadline, watched.case))
        click = watched.link.clicked_at(seen.window.seconds)
        if item["outcome"] == "LINK_CLICKED" and click is not None and watched.link.scenario != "flaky":
            arrived_ms = self._place.stack.outcomes.arrived_ms[seen.events[0]["id"]] if seen.events else float("inf")
            self.figures.click_to_event.append((arrived_ms / 1000 - sent_s - click, watched.case))
        if watched.case == "scenario never":
            states = self._place.stack.executions.states_entered(watched.verification_id)
            self.figures.transitions_a_check.append(((len(states) - 5) / item["checks"], watched.case))
            where = f"verificationId {watched.verification_id}"
            fits = len(states) <= 3 * item["checks"] + 5
            self._found("contract", watched, "three transitions a check and five around them", fits, where)
