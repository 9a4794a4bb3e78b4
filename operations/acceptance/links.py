"""The links of the run: what is done to each, and what it leaves behind."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from operations.acceptance.guarantees import Observation
from operations.acceptance.target import Target, call_api
from operations.deployed.signed_calls import ApiAnswer
from operations.deployed.stack import as_published
from simulator.coded import CodedLink
from simulator.scenarios import SCENARIOS

#: Seconds of the stack's clock after the deadline or the start until an outcome is given up. G1's 30 s are judged afterwards; the
#: rest tells late from never. After an abort they are what G1 allows after an outage.
_PATIENCE_SECONDS, _TAKEOVER_SECONDS = 150, 600


@dataclass(frozen=True)
class Case:
    """One kind of link: its scenario of the simulator, and the entry points, "api" or "event", that all start it at once.

    Seconds count from when it was sent, by the stack's clock. click: of the click; the scenario's own if it is None. act: what is
    done to it, Link.cancel and so on, at a second. ago: how long ago it was sent when it is started. outcomes: those that are
    possible; the scenario's own if there are none.
    """

    name: str
    scenario: str
    starts: tuple[str, ...] = ("api",)
    click: int | None = None
    act: "Callable[[Link], None] | None" = None
    at: float = 0
    ago: float = 0
    outcomes: tuple[str, ...] = ()


class Link:
    """A link that Signzy has sent, just now or as long ago as its case says."""

    def __init__(self, target: Target, case: Case) -> None:
        self.target, self.case, self.stack, self.clock = target, case, target.stack, target.stack.clock
        self.sent_at = int(self.clock.now_ms() / 1000 - case.ago)
        self.ids = CodedLink(case.scenario, self.sent_at, case.click, target.window.interval).new_ids()
        self.verification_id = f"{self.ids['requestId']}-{self.ids['sessionId']}"
        #: The answers to its starts by the API.
        self.statuses: list[int] = []
        expected = set(case.outcomes or [SCENARIOS[case.scenario]["outcome"]])
        self.seen = Observation(target.window, case.name, is_slow=target.is_slow, expected=expected)

    def start(self) -> None:
        """Starts it by all entry points of its case at once."""
        with ThreadPoolExecutor(len(self.case.starts)) as pool:
            list(pool.map(self._start, self.case.starts))

    def _start(self, via: str) -> None:
        sent_at = datetime.fromtimestamp(self.sent_at, UTC).isoformat()
        fields = {**self.ids, "linkSentAt": sent_at, "correlationId": self.case.name}
        if via == "event":
            self.stack.put_link_sent(fields)
        else:
            self.statuses.append(call_api(self.stack, "POST", "/verifications", fields).status)

    def act(self) -> None:
        """Does what its case says, when it says so."""
        self.clock.sleep(max(0, self.sent_at + self.case.at - self.clock.now_ms() / 1000))
        if self.case.act:
            self.case.act(self)

    def call(self, method: str) -> ApiAnswer:
        """Calls the API about it."""
        return call_api(self.stack, method, f"/verifications/{self.verification_id}")

    def cancel(self) -> None:
        """Cancels it by the API."""
        self.seen.cancel_statuses.append(self.call("DELETE").status)

    def abort(self) -> None:
        """Ends the execution that watches it, as an operator might by mistake."""
        name = (self.stack.item(self.verification_id) or {}).get("executionName", self.verification_id)
        self.seen.aborts_ms.append(self.clock.now_ms())
        with suppress(ClientError):  # it has just ended, or is about to be started
            self.stack.abort(name)
            self.seen.aborts += 1

    def rotate_token(self) -> None:
        """Replaces the token of all links."""
        token = secrets.token_urlsafe(30)
        self.stack.fill_token(token)  # before Signzy's, else a check would read the old one twice
        self.target.take_token(token)

    def is_over(self) -> bool:
        """Whether it is published (then its item is in seen), or was waited for long enough."""
        stored = self.stack.item(self.verification_id)
        if stored and stored.get("publishedAt"):
            self.seen.item = as_published(stored)
            self.seen.failures = self._failures(stored["takeovers"])
            return True
        over_at = self.sent_at + max(self.target.window.seconds, self.case.ago)
        over_at += _TAKEOVER_SECONDS if self.seen.aborts else _PATIENCE_SECONDS
        return self.clock.now_ms() > over_at * 1000

    def _failures(self, takeovers: int) -> list[str]:
        names = [self.verification_id, *(f"{self.verification_id}-r{number}" for number in range(1, takeovers))]
        found = [self.stack.execution(name) or {} for name in names[:takeovers]]
        return [
            f"an execution is {execution['status']}, {execution.get('error')}: {execution.get('cause')}"
            for execution in found
            if execution.get("status") in {"FAILED", "TIMED_OUT", "ABORTED"}
        ]
