"""Checks of the unit tests: one of a vendor who does as he likes, over a real connection."""

import itertools
import socket
import ssl
import time

import botocore.auth  # noqa: F401  its import takes longer than the checks of these tests may
import trustme

from linkwatch import signzy
from linkwatch.bounded_http import KeptConnection
from linkwatch.model import Answer, CheckResult, Ids, Reason
from tests.unit.vendor import message, vendor

IDS = Ids("6462150E29c23b4d42352a63", "646214d929c23b4d42c1fc39")
PENDING = message('{"result":{"message":"Please wait for sometime"}}')
CLICKED = message('{"result":{"linkClicked":true}}')
REFUSED = message('{"error":{"message":"Invalid authentication credentials"}}', "401 Unauthorized")


class Tokens:
    """Gives its tokens one after the other, as the secret would when it is rotated."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = list(tokens)
        self.fetched = 0

    def token(self, ends_at: float) -> str:  # noqa: ARG002  they are at hand
        return self._tokens[0]

    def fresh_token(self, ends_at: float) -> str | None:  # noqa: ARG002
        self.fetched += 1
        if len(self._tokens) > 1:
            self._tokens.pop(0)
        return self._tokens[0]


def checker(url, tokens=None, interval_seconds=10.0, clock=time.time, **connection) -> signzy.Signzy:
    return signzy.Signzy(KeptConnection(url, **connection), tokens or Tokens("token-1"), interval_seconds, clock)


def check_of(answer, **options) -> CheckResult:
    with vendor(answer) as asked:
        return checker(asked.url, **options).check(IDS, None)


def unavailable(reason: Reason) -> CheckResult:
    return CheckResult(Answer.UNAVAILABLE, reason)


def drip(prefix: bytes, piece: bytes):
    def answer(_, connection: socket.socket) -> None:
        connection.sendall(prefix)
        for _ in itertools.repeat(None, 200):
            connection.sendall(piece)
            time.sleep(0.02)

    return answer


AUTHORITY = trustme.CA()


def served_by(authority: trustme.CA) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    return tls


def vouched_for() -> ssl.SSLContext:
    """Trusts AUTHORITY."""
    tls = ssl.create_default_context()
    AUTHORITY.configure_trust(tls)
    return tls
