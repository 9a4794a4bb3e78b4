"""A simulator of Signzy: its status endpoint over HTTP as its page documents it, and paths that set what it answers.

    python -m simulator.server --port 8099 --window-seconds 300

    GET /api/v3/us-kyc/poll-check-verify/request/{requestId}/session/{sessionId}     Signzy
    PUT /_simulator/links/{requestId}          {"sessionId", "scenario" or "script", "linkSentAtMs"?}   a link was sent
    POST /_simulator/send/{scenario}           any body; sends a link and returns {"result": {"requestId", "sessionId"}}
    GET /_simulator/links/{requestId}/requests the requests about it: when, and the answer
    PUT /_simulator/token                      {"token"}, the only one that Signzy accepts
    GET /_simulator/clock                      {"nowMs"}

It listens on 127.0.0.1. Times are epoch milliseconds by the simulator's own clock, which may run faster than real time. Standard
library only: the emulator's virtual environment runs it.
"""

import argparse
import json
import re
import secrets
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from simulator.answers import SimulatedAnswer, answer_from
from simulator.links import Links
from simulator.misbehaviours import MISBEHAVIOURS, misbehave
from simulator.protocol import ABOUT, CHECK, NOT_FOUND, SIMULATOR_HEADER, answer_to, refusal

#: The token that the simulator accepts until another one is set.
DEFAULT_TOKEN = "simulated-token"  # noqa: S105  # not a secret: nothing real accepts it

_LINK = re.compile("/_simulator/links/([0-9a-fA-F]{24})")
_REQUESTS = re.compile("/_simulator/links/([^/]+)/requests")


def now_ms() -> int:
    return round(time.time() * 1000)


class Simulator(ThreadingHTTPServer):
    """The server and its links."""

    daemon_threads = True  # a request that hangs does not keep the simulator from ending
    request_queue_size = 128  # the default, 5, drops connections when tests start many verifications at once

    def __init__(self, port: int, links: Links) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.links = links


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept alive, as Signzy's are
    server: Simulator  # pyright: ignore[reportIncompatibleVariableOverride]
    _is_kept = False  # whether a check came over this connection before

    def do_GET(self) -> None:
        if self.path == "/_simulator/clock":
            self._say(HTTPStatus.OK, {"nowMs": now_ms()})
        elif match := _REQUESTS.fullmatch(self.path):
            self._say(HTTPStatus.OK, {"requests": self.server.links.requests(match[1])})
        elif match := CHECK.fullmatch(self.path):
            self._check(match[1], match[2])
        else:
            self._answer(ABOUT if self.path == "/" else NOT_FOUND)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        scenario = self.path.removeprefix("/_simulator/send/")
        ids = {"requestId": secrets.token_hex(12), "sessionId": secrets.token_hex(12)}
        try:
            self.server.links.register(
                ids["requestId"], {"sessionId": ids["sessionId"], "scenario": scenario}, now_ms()
            )
        except KeyError:
            return self._say(HTTPStatus.NOT_FOUND, {"error": f"no such scenario: {scenario}"})
        return self._say(HTTPStatus.OK, {"result": ids})

    def do_PUT(self) -> None:
        try:
            data = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            if self.path == "/_simulator/token":
                self.server.links.token = data["token"]
            elif match := _LINK.fullmatch(self.path):
                self.server.links.register(match[1], data, now_ms())
            else:
                return self._say(HTTPStatus.NOT_FOUND, {"error": "no such path"})
        except (KeyError, TypeError, ValueError) as error:
            return self._say(HTTPStatus.BAD_REQUEST, {"error": f"{type(error).__name__}: {error}"})
        return self._say(HTTPStatus.OK, {})

    def _check(self, request_id: str, session_id: str) -> None:
        at_ms = now_ms()
        step = self._step(request_id, session_id, at_ms)
        if step.get("closesKept") and self._is_kept:
            step["answer"] = "close"
        self._is_kept = True
        request = {
            "check": step.get("check"),  # null if it was refused before the script was read
            "atMs": at_ms,
            "path": self.path,
            "answer": step["answer"],
        }
        self.server.links.note(request_id, request)
        time.sleep(step.get("slowBySeconds", 0))
        if step["answer"] in MISBEHAVIOURS:
            misbehave(self, step["answer"])
        else:
            self._answer(answer_to(step, session_id))

    def _step(self, request_id: str, session_id: str, at_ms: int) -> dict[str, Any]:
        is_right_token = self.headers.get("Authorization") == self.server.links.token  # bare: no "Bearer"
        content_type = self.headers.get("Content-Type")
        refused = refusal(request_id, session_id, content_type, is_right_token=lambda: is_right_token)
        return refused or self.server.links.step_for(request_id, session_id, at_ms)

    def _answer(self, answer: SimulatedAnswer) -> None:
        self.send_response(answer.status)
        for name, value in (answer.headers | SIMULATOR_HEADER).items():
            self.send_header(name, value)
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _say(self, status: HTTPStatus, body: dict[str, Any]) -> None:
        self._answer(answer_from({"status": status, "body": body}))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        if not self.path.startswith("/_simulator/"):
            super().log_message(format, *args)


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--window-seconds", type=float, default=300)
    options = parser.parse_args()
    Simulator(options.port, Links(options.window_seconds, DEFAULT_TOKEN)).serve_forever()


if __name__ == "__main__":
    main()
