"""A check of a scripted server, over a real connection."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import trustme

from linkwatch.http_client import HttpClient
from linkwatch.model import Answer, CheckResult, Ids, Reason
from linkwatch.signzy import Signzy
from linkwatch.signzy_token import KeptToken
from tests.unit.scripted_server import message

IDS = Ids("6462150E29c23b4d42352a63", "646214d929c23b4d42c1fc39")
PENDING = message('{"result":{"message":"Please wait for sometime"}}')
CLICKED = message('{"result":{"linkClicked":true}}')
REFUSED = message('{"error":{"message":"Invalid authentication credentials"}}', "401 Unauthorized")


AUTHORITY = trustme.CA()
CLIENT_TLS = ssl.create_default_context()
AUTHORITY.configure_trust(CLIENT_TLS)


def server_tls(authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "signzy.test").configure_cert(tls)
    return tls


class Tokens:
    """The secret: returns its tokens one after the other, the last one again and again."""

    def __init__(self, *tokens: str, on_read: Callable[[int], None] = lambda _: None) -> None:
        """on_read gets the number of the read, from 1."""
        self._tokens = tokens
        self._on_read = on_read
        self.ends_at: list[float] = []

    @property
    def reads(self) -> int:
        return len(self.ends_at)

    def read(self, ends_at: float) -> str:
        self.ends_at.append(ends_at)
        self._on_read(self.reads)
        return self._tokens[min(self.reads, len(self._tokens)) - 1]


def checker(
    url: str, tokens: Tokens | None = None, clock: Callable[[], float] = time.time, proxy_url: str | None = None
) -> Signzy:
    token = KeptToken((tokens or Tokens("token-1")).read)
    return Signzy(HttpClient(url, CLIENT_TLS, proxy_url), token, 10, clock)


def unavailable(reason: Reason) -> CheckResult:
    return CheckResult(Answer.UNAVAILABLE, reason)


@contextmanager
def resolver(resolve: Callable[..., list]) -> Iterator[None]:
    """Replaces the resolver: neither urllib3 nor the operating system takes another one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        yield


def addresses(*found: tuple[str, int]) -> Callable[..., list]:
    """A resolver with these addresses for every name."""
    return lambda *_: [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in found]
