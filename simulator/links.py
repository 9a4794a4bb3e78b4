"""The links that the simulator of Signzy knows, and what it answers about each. Standard library only."""

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from simulator.answers import ANSWERS
from simulator.coded import decoded
from simulator.misbehaviours import MISBEHAVIOURS
from simulator.scenarios import SCENARIOS, Step, step_of


@dataclass(slots=True)
class Link:
    """A link, known or not, when it was sent (epoch milliseconds, the simulator's clock), and the requests about it."""

    session_id: str = ""
    script: list[Step] = field(default_factory=list)
    sent_at_ms: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)


class Links:
    """All links by requestId, and the token that Signzy accepts. Threads share it."""

    def __init__(self, window_seconds: float, token: str) -> None:
        self.token = token
        self._window_seconds = window_seconds
        self._links = defaultdict[str, Link](Link)
        self._lock = threading.Lock()

    def register(self, request_id: str, data: dict[str, Any], now_ms: int) -> None:
        """A link was sent: {"sessionId", "scenario" or "script", "linkSentAtMs"?}. Raises ValueError, KeyError."""
        script = data["script"] if "script" in data else SCENARIOS[data["scenario"]]["script"]
        for step in script:
            if step["answer"] not in ANSWERS and step["answer"] not in MISBEHAVIOURS:
                raise ValueError(f"no such answer: {step['answer']}")
        link = Link(data["sessionId"].lower(), script, data.get("linkSentAtMs", now_ms))
        with self._lock:
            self._links[request_id.lower()] = link

    def step_for(self, request_id: str, session_id: str, now_ms: int) -> Step:
        """Returns the step that answers this check. Ids are unknown unless they are registered or coded (coded.py)."""
        if coded := decoded(request_id, session_id):
            return coded.step(now_ms, self._window_seconds)
        with self._lock:
            link = self._links[request_id.lower()]
            number = 1 + sum(1 for request in link.requests if request["check"])
        if link.session_id != session_id.lower():
            return {"answer": "unknown-ids", "check": number}
        return step_of(link.script, number, (now_ms - link.sent_at_ms) / 1000, self._window_seconds)

    def note(self, request_id: str, request: dict[str, Any]) -> None:
        """Records a request."""
        with self._lock:
            self._links[request_id.lower()].requests.append(request)

    def requests(self, request_id: str) -> list[dict[str, Any]]:
        """Returns the requests about a link, in the order in which they arrived."""
        with self._lock:
            return list(self._links[request_id.lower()].requests)
