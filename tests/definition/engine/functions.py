"""The deployed functions, called through their handlers as Lambda calls them.

CheckLink asks a real HTTP server on the loopback, which answers at once, by the scenario that is played. A scenario's answers are
those of answers.json, NO_CONNECTION (the server closes the connection), and TIMEOUT and PAST_DEADLINE, which replace the call
of the handler: the server cannot let virtual time pass, and no clock here is ahead of another.
"""

import functools
import importlib.util
import os
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3

from simulator.answers import ANSWERS
from tests.definition.engine.boto3_session import SESSION
from tests.definition.engine.definition import ACCOUNT, REGION, RESOURCES, ROOT, TEMPLATE, deployed
from tests.definition.engine.scenario import IDS

if TYPE_CHECKING:
    from tests.definition.engine.account import Account

#: What the template does not say: a token in place of the secret's, and no logs.
_LOCAL = {
    "AWS_REGION": REGION,
    "SIGNZY_TOKEN": "token",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    "POWERTOOLS_METRICS_DISABLED": "true",
}


def call_function(function: str, account: "Account", event: dict[str, Any]) -> Any:
    """The answer of a function's handler. Raises what the handler raises."""
    ends_at = account.time.now + seconds_of(function) * 1000
    context = SimpleNamespace(
        function_name=function,
        memory_limit_in_mb=512,
        invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}",
        aws_request_id="2f0c1c5e-0000-0000-0000-000000000000",
        get_remaining_time_in_millis=lambda: ends_at - account.time.now,
    )
    return _instance_of(function, tuple(account.parameters.items())).handler(event, context)


def seconds_of(function: str) -> int:
    return RESOURCES[function]["Properties"]["Timeout"]


@functools.cache
def _instance_of(function: str, parameters: tuple[tuple[str, object], ...]) -> ModuleType:
    """A function's module, loaded in the environment that the template gives it. The functions keep nothing of a call in it, so
    that one does for calls at the same time.
    """
    properties = RESOURCES[function]["Properties"]
    given = (TEMPLATE["Globals"]["Function"], properties)
    variables = {name: it for place in given for name, it in place["Environment"]["Variables"].items()}
    deployed_with = {"SignzyBaseUrl": _signzy().url, **dict(parameters)}
    environment = {name: deployed(value, deployed_with) for name, value in variables.items()} | _LOCAL
    name = properties["Handler"].removesuffix(".handler")
    found: Any = importlib.util.spec_from_file_location(f"{name}_in_the_engine", ROOT / "functions" / f"{name}.py")
    module = importlib.util.module_from_spec(found)
    with mock.patch.dict(os.environ, environment), mock.patch.object(boto3, "DEFAULT_SESSION", SESSION):
        found.loader.exec_module(module)
    return module


# ── CheckLink ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class SignzyRequest:
    """A request that reached Signzy. invoked_at: when its execution called CheckLink."""

    at: int
    by: str
    invoked_at: int
    answer: str


def check_link(account: "Account", by: str, invoked_at: int, payload: dict[str, Any]) -> dict[str, Any]:
    """A call of CheckLink by an execution."""
    signzy = _signzy()
    signzy.account, signzy.by, signzy.invoked_at = account, by, invoked_at
    due = signzy.answer_due()
    if due == "TIMEOUT" and account.time.now < account.scenario.deadline:
        signzy.note_request()
    elif due != "PAST_DEADLINE":
        return call_function("CheckLink", account, payload)
    return {"answer": "UNAVAILABLE", "reason": due, "result": None}


class _Signzy(ThreadingHTTPServer):
    """account: of the scenario; by: the execution that asks now; invoked_at: when it called CheckLink."""

    account: "Account"
    by: str
    invoked_at: int
    daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer_due(self) -> str:
        """The name of the scenario's answer now."""
        since_sent = max(self.account.time.now - self.account.scenario.link_sent_at, 0)
        return [answer for since, answer in self.account.scenario.answers if since <= since_sent][-1]

    def note_request(self) -> None:
        name = self.answer_due()
        self.account.requests.append(SignzyRequest(self.account.time.now, self.by, self.invoked_at, name))
        self.account.note(self.by, f"request {len(self.account.requests)}: {name}")


@functools.cache
def _signzy() -> _Signzy:
    """Started by its first use: each process of the pairs of faults has its own."""
    signzy = _Signzy(("127.0.0.1", 0), _Handler)
    threading.Thread(target=signzy.serve_forever, daemon=True).start()
    return signzy


class _Handler(BaseHTTPRequestHandler):
    server: _Signzy  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def do_GET(self) -> None:
        expected = f"/poll-check-verify/request/{IDS.request_id}/session/{IDS.session_id}"
        if self.path != expected or not self.headers["Authorization"]:
            self.server.account.bugs.append(f"Signzy is asked for {self.path}")
        self.server.note_request()
        if (due := self.server.answer_due()) == "NO_CONNECTION":
            self.close_connection = True
            return
        answer = ANSWERS[due].about(IDS.session_id)
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
        pass
