"""One link of the run: how it is started, what is done to it, what came of it."""

import json
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from botocore.exceptions import ClientError

from operations.acceptance.guarantees import Seen
from operations.acceptance.place import Place
from simulator.coded import CodedLink

Via = Literal["api", "event"]

#: Sending the same again is safe; Lambdas that start at once may not be in time.
_TRY_AGAIN = {429, 502, 503, 504}
_TRIES = 8


@dataclass
class Watched:
    """A link that was sent so many seconds ago. expected: the outcomes that there may be."""

    place: Place
    case: str
    link: CodedLink
    expected: set[str]
    is_reported_late: bool = False
    statuses: list[int] = field(default_factory=list)
    cancel_statuses: list[int] = field(default_factory=list)
    aborted: list[str] = field(default_factory=list)
    aborts_ms: list[float] = field(default_factory=list)
    #: Real seconds that the API took to accept it.
    latency: float | None = None
    doing: list[Future[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ids = self.link.new_ids()
        self._lock = threading.Lock()

    @property
    def verification_id(self) -> str:
        """As linkwatch has it."""
        return f"{self.ids['requestId']}-{self.ids['sessionId']}"

    @property
    def fields(self) -> dict[str, str]:
        """What a start says of it."""
        sent_at = datetime.fromtimestamp(self.link.sent_at, UTC).isoformat()
        return {**self.ids, "linkSentAt": sent_at, "correlationId": self.case}

    @property
    def second(self) -> float:
        """Seconds since it was sent."""
        return self.place.clock.now_ms() / 1000 - self.link.sent_at

    def start(self, via: Via = "api") -> None:
        """Reports it once, by an entry point; again where the answer says that it is safe."""
        if via == "event":
            self.place.stack.put_link_sent(self.fields)
            return
        began, status = time.monotonic(), 0
        for _ in range(_TRIES):
            began = time.monotonic()
            status = self.place.stack.call_api("POST", "/verifications", self.fields).status
            if status not in _TRY_AGAIN:
                break
            time.sleep(0.5)
        self.latency = self.latency or time.monotonic() - began
        with self._lock:
            self.statuses.append(status)

    def cancel_at(self, second: float) -> None:
        """Cancels it so many seconds after it was sent."""
        self._sleep_until(second)
        self.cancel_statuses.append(self.place.stack.cancel(self.verification_id).status)

    def abort_at(self, second: float) -> None:
        """Ends the execution that watches it then, as an operator might by mistake."""
        self._sleep_until(second)
        stack = self.place.stack
        name = (stack.item(self.verification_id) or {}).get("executionName", self.verification_id)
        self.aborts_ms.append(self.place.clock.now_ms())
        with suppress(ClientError):  # it has just ended, or is about to be started
            stack.executions.abort(name)
            self.aborted.append(name)

    def published(self) -> dict[str, Any] | None:
        """The item, once it is marked published."""
        item = self.place.stack.item(self.verification_id)
        return item if item and item.get("publishedAt") else None

    def seen(self, item: dict[str, Any]) -> Seen:
        """What it has left behind."""
        stack = self.place.stack
        return Seen(
            item=item,
            events=stack.events(self.verification_id),
            checks=self.place.signzy.requests(self.ids["requestId"]),
            window=self.place.window,
            cancel_statuses=self.cancel_statuses,
            aborts=len(self.aborted),
            aborts_ms=self.aborts_ms,
            expected=self.expected,
            may_start_late=self.place.is_emulator,
        )

    def _sleep_until(self, second: float) -> None:
        self.place.clock.sleep(max(0, second - self.second))

    def __str__(self) -> str:
        return json.dumps({"case": self.case, "verificationId": self.verification_id})
