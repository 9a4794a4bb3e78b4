"""The links that the simulator of Signzy knows, and what it answers about each. Standard library only.

A script is a list of steps; the first that fits a check gives its answer. A step fits when all of its conditions do:
    checks        numbers of checks, the first one is 1
    fromSecond    the check comes this many seconds after the link was sent, or later
    untilSecond   the check comes before that
and says
    answer        a name in answers.json, or of misbehaviours.py's misbehaviours
    slowBySeconds (optional) how long the answer takes
    closesKept    (optional) true: a connection over which a check came before is closed instead, without an answer
    phoneNumber   (optional) personal data that the answer carries besides, in each of its objects or behind its text
"""

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.simulator.answers import ANSWERS
from local.simulator.misbehaviours import MISBEHAVIOURS

#: A scenario: {"about", "script", "outcome"}, and "rotateTokenAfterChecks" for who runs it.
SCENARIOS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("scenarios.json").read_text("utf-8"))

Step = dict[str, Any]
_PENDING: Step = {"answer": "pending"}


@dataclass(slots=True)
class Link:
    """One link, sent at sent_at_ms (epoch milliseconds, the simulator's clock), and the requests that asked about it."""

    session_id: str
    script: list[Step]
    sent_at_ms: int
    requests: list[dict[str, Any]] = field(default_factory=list)


class Links:
    """All links by requestId, and the token that Signzy takes. Threads share it."""

    def __init__(self, window_seconds: float, token: str) -> None:
        self.token = token
        self._window_seconds = window_seconds
        self._links: dict[str, Link] = {}
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
        """What this check gets. Ids that nobody registered are unknown.

        Once the window is over a check yields no result, so no click either, whatever the script says. Signzy's page has one
        answer without a result that is no error, "Please wait for sometime": so that is what comes instead.
        """
        with self._lock:
            link = self._links.setdefault(request_id.lower(), Link("", [], 0))
            number = 1 + sum(1 for request in link.requests if request["check"])
        if link.session_id != session_id.lower():
            return {"answer": "unknown-ids", "check": number}
        second = (now_ms - link.sent_at_ms) / 1000
        fitting = (step for step in link.script if _fits(step, number, second))
        step = next(fitting, _PENDING)
        if second >= self._window_seconds and _says_clicked(step["answer"]):
            step = _PENDING
        return {**step, "check": number}

    def note(self, request_id: str, request: dict[str, Any]) -> None:
        """Remembers a request, even one about a link that nobody sent."""
        with self._lock:
            self._links.setdefault(request_id.lower(), Link("", [], 0)).requests.append(request)

    def requests(self, request_id: str) -> list[dict[str, Any]]:
        """The requests about one link, in the order in which they came."""
        with self._lock:
            link = self._links.get(request_id.lower())
            return list(link.requests) if link else []


def _says_clicked(answer: str) -> bool:
    return answer in ANSWERS and ANSWERS[answer].expect["answer"] == "CLICKED"


def _fits(step: Step, check: int, second: float) -> bool:
    return (
        ("checks" not in step or check in step["checks"])
        and second >= step.get("fromSecond", second)
        and ("untilSecond" not in step or second < step["untilSecond"])
    )
