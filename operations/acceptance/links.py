"""The links of the run: what is done to each, and what it leaves behind."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from operations.acceptance.guarantees import Observation
from operations.acceptance.target import Target, call_api
from operations.deployed.signed_calls import ApiAnswer
from operations.deployed.stack import as_published
from simulator.client import SimulatorRequest
from simulator.coded import CodedLink
from simulator.scenarios import SCENARIOS

#: Seconds of the stack's clock after the deadline or the start until an outcome is given up. G1's 30 s are judged afterwards; the
#: rest tells late from never. After an abort they are what G1 allows after an outage.
_PATIENCE_SECONDS, _TAKEOVER_SECONDS = 150, 600


@dataclass(frozen=True)
class Case:
    """One kind of link. Seconds are counted from when it was sent, by the stack's clock."""

    name: str
    #: Of the simulator.
    scenario: str
    #: The entry points, "api" or "event", that it is started through, all at once.
    starts: tuple[str, ...] = ("api",)
    #: The second of the click; the scenario's own if it is None.
    click: int | None = None
    #: What is done to it (Link.cancel and so on), and at which second.
    act: "Callable[[Link], None] | None" = None
    at: float = 0
    #: How long ago it was sent when it is started.
    ago: float = 0
    #: The outcomes that are possible; the scenario's own if there are none.
    outcomes: tuple[str, ...] = ()


@dataclass(eq=False)
class Link:
    """A link that Signzy has sent, just now or as long ago as its case says."""

    target: Target
    case: Case
    #: The answers to the starts by the API, and to the cancels.
    statuses: list[int] = field(default_factory=list)
    cancel_statuses: list[int] = field(default_factory=list)
    #: How many executions were aborted, and when that was tried, in epoch milliseconds.
    aborts: int = 0
    aborts_ms: list[float] = field(default_factory=list)
    #: As it is published.
    item: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        case = self.case
        self.sent_at = int(self.target.clock.now_ms() / 1000 - case.ago)
        self.ids = CodedLink(case.scenario, self.sent_at, case.click, self.target.window.interval).new_ids()
        self.verification_id = f"{self.ids['requestId']}-{self.ids['sessionId']}"

    def start(self) -> None:
        """Starts it by all entry points of its case at once."""
        with ThreadPoolExecutor(len(self.case.starts)) as pool:
            list(pool.map(self._start, self.case.starts))

    def _start(self, via: str) -> None:
        sent_at = datetime.fromtimestamp(self.sent_at, UTC).isoformat()
        fields = {**self.ids, "linkSentAt": sent_at, "correlationId": self.case.name}
        if via == "event":
            self.target.stack.put_link_sent(fields)
        else:
            self.statuses.append(call_api(self.target.stack, "POST", "/verifications", fields).status)

    def act(self) -> None:
        """Does what its case says, when it says so."""
        self.target.clock.sleep(max(0, self.sent_at + self.case.at - self.target.clock.now_ms() / 1000))
        if self.case.act:
            self.case.act(self)

    def call(self, method: str) -> ApiAnswer:
        """Calls the API about it."""
        return call_api(self.target.stack, method, f"/verifications/{self.verification_id}")

    def cancel(self) -> None:
        """Cancels it by the API."""
        self.cancel_statuses.append(self.call("DELETE").status)

    def abort(self) -> None:
        """Ends the execution that watches it, as an operator might by mistake."""
        stack = self.target.stack
        name = (stack.item(self.verification_id) or {}).get("executionName", self.verification_id)
        self.aborts_ms.append(self.target.clock.now_ms())
        with suppress(ClientError):  # it has just ended, or is about to be started
            stack.executions.abort(name)
            self.aborts += 1

    def rotate_token(self) -> None:
        """Replaces the token of all links."""
        token = secrets.token_urlsafe(30)
        self.target.stack.fill_token(token)  # before Signzy's, else a check would read the old one twice
        self.target.take_token(token)

    @property
    def is_taken(self) -> bool:
        """Whether an entry point has taken it: the bus, or the API with 200 or 202."""
        return "event" in self.case.starts or bool({200, 202} & set(self.statuses))

    def is_over(self) -> bool:
        """Whether it is published (item is then what is stored), or was waited for long enough."""
        stored = self.target.stack.item(self.verification_id)
        if stored and stored.get("publishedAt"):
            self.item = as_published(stored)
        over_at = self.sent_at + max(self.target.window.seconds, self.case.ago)
        over_at += _TAKEOVER_SECONDS if self.aborts else _PATIENCE_SECONDS
        return self.item is not None or self.target.clock.now_ms() > over_at * 1000

    def observe(self, requests: list[SimulatorRequest]) -> Observation:
        """All that it has left behind. requests: the simulator's about it. Only once it is published."""
        assert self.item
        return Observation(
            item=self.item,
            events=self.target.stack.outcomes.of(self.verification_id),
            requests=requests,
            window=self.target.window,
            case=self.case.name,
            cancel_statuses=self.cancel_statuses,
            aborts=self.aborts,
            aborts_ms=self.aborts_ms,
            failures=self._failures(self.item["takeovers"]),
            is_slow=self.target.is_slow,
            expected=set(self.case.outcomes or [SCENARIOS[self.case.scenario]["outcome"]]),
        )

    def _failures(self, takeovers: int) -> list[str]:
        names = [self.verification_id, *(f"{self.verification_id}-r{number}" for number in range(1, takeovers))]
        found = [self.target.stack.executions.find(name) or {} for name in names[:takeovers]]
        return [
            f"an execution is {execution['status']}, {execution.get('error')}: {execution.get('cause')}"
            for execution in found
            if execution.get("status") in {"FAILED", "TIMED_OUT", "ABORTED"}
        ]
