"""Signzy on the loopback: a real HTTP server that answers CheckLink at once, by the scenario that is played.

A scenario's answers are those of answers.json, NO_CONNECTION (the server closes the connection), TIMEOUT and PAST_DEADLINE
(functions.check_link).
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from simulator.answers import ANSWERS
from tests.definition.engine.account import Account
from tests.definition.engine.record import IDS, SignzyRequest

_PATH = f"/poll-check-verify/request/{IDS.request_id}/session/{IDS.session_id}"


class Signzy:
    """base_url: where it answers, from the first use on."""

    def __init__(self) -> None:
        self._server: ThreadingHTTPServer | None = None

    @property
    def base_url(self) -> str:
        if not self._server:
            self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
            self._server.daemon_threads = True
            threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def expect(self, account: Account, by: str, invoked_at: int) -> None:
        """by: the execution whose check comes next."""
        self._account, self._by, self._invoked_at = account, by, invoked_at

    def instead_of_a_check(self) -> str | None:
        """The reason that replaces a check that is made now, if the scenario has one."""
        if self.answer_due == "TIMEOUT" and self._account.time.now < self._account.scenario.deadline:
            self.note_request()
            return "TIMEOUT"
        return "PAST_DEADLINE" if self.answer_due == "PAST_DEADLINE" else None

    @property
    def answer_due(self) -> str:
        """The name of the scenario's answer now."""
        since_sent = max(self._account.time.now - self._account.scenario.link_sent_at, 0)
        return [answer for since, answer in self._account.scenario.answers if since <= since_sent][-1]

    def note_request(self) -> None:
        record, name = self._account.record, self.answer_due
        record.requests.append(SignzyRequest(self._account.time.now, self._by, self._invoked_at, name))
        self._account.note(self._by, f"request {len(record.requests)}: {name}")

    def note_wrong_request(self, path: str) -> None:
        self._account.record.bugs.append(f"Signzy is asked for {path}")


SIGNZY = Signzy()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def do_GET(self) -> None:
        if self.path != _PATH or not self.headers["Authorization"]:
            SIGNZY.note_wrong_request(self.path)
        SIGNZY.note_request()
        if SIGNZY.answer_due == "NO_CONNECTION":
            self.close_connection = True
            return
        answer = ANSWERS[SIGNZY.answer_due].about(IDS.session_id)
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
        pass
