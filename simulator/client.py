"""A client of the simulator of Signzy: sets what it answers, and reads the requests that it received."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import urllib3

from simulator.protocol import BASE_PATH


@dataclass(frozen=True, slots=True)
class SimulatorRequest:
    """One request that the simulator got. at_ms: epoch milliseconds by the stack's clock. check: its number among those
    that the link's script answered, from 1; None if it was refused before that (token, header, malformed ids).
    """

    check: int | None
    at_ms: int
    path: str
    answer: str


class SimulatedSignzy:
    """The simulator at one address, http://127.0.0.1:port."""

    def __init__(self, address: str) -> None:
        self.base_url = address + BASE_PATH
        self._address = address
        self._http = urllib3.PoolManager(retries=2, timeout=5)

    def send_link(
        self,
        request_id: str,
        session_id: str,
        scenario: str | None = None,
        script: Sequence[Mapping[str, Any]] | None = None,
        link_sent_at_ms: float | None = None,
    ) -> None:
        """Makes a link known to Signzy. Either scenario (scenarios.json) or script (steps as in scenarios.py) sets how its
        checks are answered. link_sent_at_ms: by the stack's clock, by default now.
        """
        known = {"sessionId": session_id, "scenario": scenario, "script": script, "linkSentAtMs": link_sent_at_ms}
        body = {name: value for name, value in known.items() if value is not None}
        self._call("PUT", f"/_simulator/links/{request_id}", body)

    def requests(self, request_id: str) -> list[SimulatorRequest]:
        """Returns the requests about a link, in the order in which they arrived."""
        found = self._call("GET", f"/_simulator/links/{request_id}/requests")["requests"]
        return [SimulatorRequest(r["check"], r["atMs"], r["path"], r["answer"]) for r in found]

    def take_token(self, token: str) -> None:
        """Sets the only token that Signzy accepts."""
        self._call("PUT", "/_simulator/token", {"token": token})

    def now_ms(self) -> int:
        """Returns the time by the stack's clock, epoch milliseconds."""
        return self._call("GET", "/_simulator/clock")["nowMs"]

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body)
        answer = self._http.request(method, self._address + path, body=content)
        if answer.status != 200:
            raise ValueError(f"the simulator refused {method} {path}: {answer.data.decode(errors='replace')}")
        return json.loads(answer.data)
