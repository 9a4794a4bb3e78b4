"""One check of a scripted server, over a real connection."""

import itertools
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import botocore.auth  # noqa: F401  importing it takes longer than the checks of these tests may
import pytest
import trustme

from linkwatch.http_client import HttpClient
from linkwatch.model import Answer, CheckResult, Ids, Reason
from linkwatch.signzy import Signzy, epoch_seconds
from linkwatch.signzy_token import KeptToken
from tests.unit.scripted_server import message, serving

IDS = Ids("6462150E29c23b4d42352a63", "646214d929c23b4d42c1fc39")
PENDING = message('{"result":{"message":"Please wait for sometime"}}')
CLICKED = message('{"result":{"linkClicked":true}}')
REFUSED = message('{"error":{"message":"Invalid authentication credentials"}}', "401 Unauthorized")


class Tokens:
    """The secret: returns its tokens one after the other, the last one again and again."""

    def __init__(self, *tokens: str, on_read: Callable[[int], None] = lambda _: None) -> None:
        """on_read gets the number of the read, from 1."""
        self._tokens = list(tokens)
        self._on_read = on_read
        self.reads = 0

    def read(self, ends_at: float) -> str:  # noqa: ARG002  it takes no time
        self.reads += 1
        self._on_read(self.reads)
        return self._tokens[min(self.reads, len(self._tokens)) - 1]


def checker(
    url: str,
    tokens: Tokens | None = None,
    interval_seconds: float = 10.0,
    clock: Callable[[], float] = epoch_seconds,
    **connection,
) -> Signzy:
    token = KeptToken((tokens or Tokens("token-1")).read)
    return Signzy(HttpClient(url, **connection), token, interval_seconds, clock)


def check_of(answer, **options) -> CheckResult:
    with serving(answer) as asked:
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


def server_tls(authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "signzy.test").configure_cert(tls)
    return tls


def client_tls() -> ssl.SSLContext:
    """Trusts AUTHORITY."""
    tls = ssl.create_default_context()
    AUTHORITY.configure_trust(tls)
    return tls


@contextmanager
def resolver(resolve: Callable[..., list]) -> Iterator[None]:
    """Replaces the resolver: neither urllib3 nor the operating system takes another one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        yield


def addresses(*servers: tuple[str, int]) -> Callable[..., list]:
    """A resolver with the addresses of these servers for every name."""
    return lambda *_: [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in servers]
