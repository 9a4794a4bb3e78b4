"""One link of the run: how it is started, what is done to it, what it leaves behind."""

import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from botocore.exceptions import ClientError

from operations.acceptance.guarantees import Observation, millis
from operations.acceptance.target import Target
from operations.deployed.stack import as_published
from simulator.client import SimulatorRequest
from simulator.coded import CodedLink

Via = Literal["api", "event"]

#: Seconds of the stack's clock: until what the bus took has to be in the table, and until what is in the table has to be
#: published. G1's 30 s are judged afterwards; the rest of the wait tells late from never.
_ACCEPTANCE_SECONDS, _PUBLICATION_SECONDS = 90, 150
#: G1: an aborted execution is replaced within ten minutes.
_TAKEOVER_SECONDS = 600


@dataclass
class TestedLink:
    """A link that Signzy has sent. expected: the outcomes that are possible."""

    __test__ = False  # not pytest's

    target: Target
    case: str
    link: CodedLink
    expected: set[str]
    is_reported_late: bool = False
    #: Of the starts by the API, and of the cancels.
    statuses: list[int] = field(default_factory=list)
    cancel_statuses: list[int] = field(default_factory=list)
    aborts: int = 0
    aborts_ms: list[float] = field(default_factory=list)
    #: Real seconds of the first start by the API.
    latency: float | None = None
    #: When its item was there at the latest, by the stack's clock.
    accepted_ms: float | None = None
    doing: list[Future[None]] = field(default_factory=list)
    item: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.ids = self.link.new_ids()
        self.verification_id = f"{self.ids['requestId']}-{self.ids['sessionId']}"
        self._started_ms = 0.0
        self._lock = threading.Lock()

    # ── What is done to it ────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, via: Via = "api") -> None:
        """Reports it once, by an entry point."""
        sent_at = datetime.fromtimestamp(self.link.sent_at, UTC).isoformat()
        fields = {**self.ids, "linkSentAt": sent_at, "correlationId": self.case}
        self._started_ms = self.target.clock.now_ms()
        if via == "event":
            self.target.stack.put_link_sent(fields)
            return
        began = time.monotonic()
        status = self.target.call_api("POST", "/verifications", fields).status
        with self._lock:
            self.latency = self.latency or time.monotonic() - began
            self.statuses.append(status)
            if status in {200, 202}:
                self.accepted_ms = self.accepted_ms or self.target.clock.now_ms()

    def await_acceptance(self) -> None:
        """Notes when its item is in the table; gives up with the run's patience."""
        while self.accepted_ms is None and self.target.clock.now_ms() < self._gives_up_ms:
            if self.target.stack.item(self.verification_id):
                self.accepted_ms = self.target.clock.now_ms()
            time.sleep(0.3)

    def cancel_at(self, second: float) -> None:
        """Cancels it so many seconds after it was sent."""
        self._sleep_until(second)
        self.cancel_statuses.append(self.target.call_api("DELETE", f"/verifications/{self.verification_id}").status)

    def abort_at(self, second: float) -> None:
        """Ends the execution that watches it then, as an operator might by mistake."""
        self._sleep_until(second)
        stack = self.target.stack
        name = (stack.item(self.verification_id) or {}).get("executionName", self.verification_id)
        self.aborts_ms.append(self.target.clock.now_ms())
        with suppress(ClientError):  # it has just ended, or is about to be started
            stack.abort(name)
            self.aborts += 1

    def _sleep_until(self, second: float) -> None:
        self.target.clock.sleep(max(0, second - (self.target.clock.now_ms() / 1000 - self.link.sent_at)))

    # ── What it leaves behind ─────────────────────────────────────────────────────────────────────────────────────────

    @property
    def is_taken(self) -> bool:
        """Whether an entry point has taken it: the bus, or the API with 200 or 202."""
        return not self.statuses or bool({200, 202} & set(self.statuses))

    @property
    def _gives_up_ms(self) -> float:
        deadline_ms = (self.link.sent_at + self.target.window.seconds) * 1000
        if self.accepted_ms is None:
            return max(deadline_ms, self._started_ms) + _ACCEPTANCE_SECONDS * 1000
        patience = _TAKEOVER_SECONDS if self.aborts else _PUBLICATION_SECONDS
        return max(deadline_ms, self.accepted_ms) + patience * 1000

    def is_over(self) -> bool:
        """Whether it is published (item is then what is stored), or was waited for long enough."""
        stored = self.target.stack.item(self.verification_id)
        if stored and stored.get("publishedAt"):
            self.item = as_published(stored)
        return self.item is not None or self.target.clock.now_ms() > self._gives_up_ms

    def _failures(self, takeovers: int) -> list[str]:
        names = [self.verification_id, *(f"{self.verification_id}-r{number}" for number in range(1, takeovers))]
        found = [self.target.stack.execution(name) for name in names[:takeovers]]
        return [
            f"an execution is {each['status']}, {each.get('error')}: {each.get('cause')}"
            for each in found
            if each and each["status"] in {"FAILED", "TIMED_OUT", "ABORTED"}
        ]

    def observe(self, requests: list[SimulatorRequest]) -> Observation:
        """All that it has left behind. requests: the simulator's about it. Only once it is published."""
        assert self.item
        return Observation(
            item=self.item,
            events=self.target.stack.outcomes.of(self.verification_id),
            requests=requests,
            window=self.target.window,
            case=self.case,
            accepted_ms=self.accepted_ms or millis(self.item["startedAt"]),
            cancel_statuses=self.cancel_statuses,
            aborts=self.aborts,
            aborts_ms=self.aborts_ms,
            failures=self._failures(self.item["takeovers"]),
            is_slow=self.target.is_slow,
            expected=self.expected,
        )
