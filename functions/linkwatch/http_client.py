"""An HTTP client on urllib3 for one server: one connection that is kept alive, and one time budget for a whole request.

urllib3's own time-outs start again with each address, with the TLS handshake and with each piece of an answer, and none covers
the resolver. So the connection class here connects in a thread for which the caller waits no longer than the budget, and every
read of the socket has what is left of it as its time-out. A thread for the whole request would cost a third of a check
(docs/decisions.md).
"""

import io
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from socket import SHUT_RDWR, socket
from threading import Thread
from typing import Any, ClassVar, cast

from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Timeout
from urllib3.connection import HTTPConnection
from urllib3.exceptions import DecodeError, HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError
from urllib3.util import parse_url

#: No more of a body is read, counted as it is decoded. No answer of Signzy's is near it, and a secret has 64 KiB at most
#: (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html).
MAX_BODY_BYTES = 256 * 1024

#: Status, Content-Type (empty without one) and body. The body is empty where it is too long or cannot be decoded.
HttpAnswer = tuple[int, str, bytes]

logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings quote what the server has sent


class HttpFailure(Exception):
    """There is no answer."""


class TooLate(HttpFailure):
    """The request was not written: the time for that was over before the connection was ready."""


class TimedOut(HttpFailure):
    """The server did not answer within the budget, or did not accept a connection within its share of it."""


class NoConnection(HttpFailure):
    """No connection could be made, or it ended before the answer was complete."""


class HttpClient:
    """For one caller at a time. Follows no redirect."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None, proxy_url: str | None = None) -> None:
        """url: http or https; its path precedes those of the requests. tls: for https. proxy_url: http, a proxy to connect
        through. Raises ValueError for other URLs.
        """
        server = parse_url(url)
        if server.scheme not in {"http", "https"} or not server.host:
            raise ValueError("the address of a server should be http(s)://host")
        if proxy_url and not (proxy_url.startswith("http://") and parse_url(proxy_url).host):
            raise ValueError("the address of a proxy should be http://host")
        self.url = url
        # A request that a proxy forwards without a tunnel names the server.
        self._prefix = url if proxy_url and server.scheme == "http" else server.path or ""
        self._exchange = _Exchange()
        options: dict[str, Any] = {"maxsize": 1, "ssl_context": tls}
        pools = ProxyManager(proxy_url, **options) if proxy_url else PoolManager(**options)
        self._pool = pools.connection_from_url(url)
        # urllib3's own connections do not fit its protocol of them either, for pyright.
        self._pool.ConnectionCls = type(  # pyright: ignore[reportAttributeAccessIssue]
            "_Guarded", (_GuardedConnection, self._pool.ConnectionCls), {"exchange": self._exchange}
        )

    def request(
        self,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        ends_at: float,
        seconds_to_write: Callable[[], float] = lambda: float("inf"),
    ) -> HttpAnswer:
        """GET, or POST where there is a body. Returns the whole answer by ends_at (time.monotonic()).

        The request has to be safe to repeat: a kept connection that ends before the first byte of an answer is replaced, once.
        seconds_to_write: for how long the request may still be written; called before connecting and before each
        write. Raises TooLate, TimedOut or NoConnection.
        """
        exchange = self._exchange
        exchange.ends_at, exchange.seconds_to_write = ends_at, seconds_to_write
        try:
            return self._request_once(path, headers, body)
        except NoConnection:
            # A server may close an idle connection at the moment in which it is used (RFC 9110, 9.2.2; RFC 9112, 9.3.1).
            if exchange.is_new_connection or exchange.has_answer:
                raise
        try:
            return self._request_once(path, headers, body)
        except TooLate:
            raise NoConnection from None  # the first request was written

    def close(self) -> None:
        """Closes the connection. The next request makes a new one."""
        if self._exchange.connection:
            self._exchange.connection.close()

    def _request_once(self, path: str, headers: Mapping[str, str], body: bytes | None) -> HttpAnswer:
        exchange = self._exchange
        exchange.is_new_connection = exchange.has_answer = False
        to_write, left = exchange.seconds_left_to_write(), exchange.seconds_left()
        # Half of the time for one address, or one handshake, so that a second address can be tried.
        to_connect = min(left, to_write) / 2
        try:
            response = self._pool.urlopen(
                "GET" if body is None else "POST",
                self._prefix + path,
                body,
                headers,
                retries=False,
                redirect=False,
                assert_same_host=False,  # the pool's host is the proxy's where it forwards without a tunnel
                timeout=Timeout(connect=to_connect, read=left),
                preload_content=False,
            )
            return _read(response)
        except (HTTPError, OSError) as error:
            raise failure_of(error) from None


class _Exchange:
    """What a client's connection has to know about the current request, and what it has seen of it."""

    def __init__(self) -> None:
        self.ends_at = 0.0
        self.seconds_to_write: Callable[[], float] = lambda: 0.0
        self.connection: HTTPConnection | None = None
        self.is_new_connection = False
        self.has_answer = False  # a byte of it

    def seconds_left(self) -> float:
        """More than 0. Raises TimedOut."""
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimedOut
        return left

    def seconds_left_to_write(self) -> float:
        """More than 0. Raises TooLate."""
        left = self.seconds_to_write()
        if left <= 0:
            raise TooLate
        return left


class _GuardedConnection(HTTPConnection):
    """Part of the connection class: keeps to the budget, and writes only while there is time for it."""

    exchange: ClassVar[_Exchange]

    def connect(self) -> None:
        self.exchange.connection, self.exchange.is_new_connection = self, True
        connect, errors = super().connect, list[BaseException]()

        def try_to_connect() -> None:
            try:
                connect()
            except BaseException as error:  # noqa: BLE001  raised again in the caller's thread
                errors.append(error)

        thread = Thread(target=try_to_connect, daemon=True)
        thread.start()
        thread.join(self.exchange.seconds_left())
        if thread.is_alive():
            if self.sock:
                with suppress(OSError):
                    self.sock.shutdown(SHUT_RDWR)  # ends a proxy's answer that drips
            raise TimedOut
        if errors:
            raise errors[0]
        self.sock = cast("socket", _BoundedSocket(self.sock, self.exchange))

    def request(self, *args: Any, **options: Any) -> None:
        if self.is_closed:
            self.connect()
        self.exchange.seconds_left_to_write()
        super().request(*args, **options)

    @property
    def is_connected(self) -> bool:
        """Whether the connection is open and silent."""
        return super().is_connected and not cast("_BoundedSocket", self.sock).pending()


class _BoundedSocket:
    """A socket whose reads end with the budget."""

    def __init__(self, sock: socket, exchange: _Exchange) -> None:
        self._sock = sock
        self._exchange = exchange

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReader(self._sock, self._exchange))

    def pending(self) -> int:
        """Bytes that TLS has decrypted and nobody has read. Waiting for the socket does not see them."""
        return self._sock.pending() if isinstance(self._sock, ssl.SSLSocket) else 0


class _BoundedReader(io.RawIOBase):
    def __init__(self, sock: socket, exchange: _Exchange) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._exchange = exchange

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._exchange.seconds_left())
        count = self._raw.readinto(buffer)
        if count:
            self._exchange.has_answer = True
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _read(response: BaseHTTPResponse) -> HttpAnswer:
    # A response that was not read to its end closes its connection when it is freed.
    try:
        body = response.read(MAX_BODY_BYTES + 1)
    except DecodeError:
        body = b""
    return response.status, response.headers.get("Content-Type", ""), body if len(body) <= MAX_BODY_BYTES else b""


def failure_of(error: Exception) -> HttpFailure:
    """What an exception of urllib3 or of the operating system means for the request."""
    # The error of a proxy or of a broken connection has the reason among its arguments. NewConnectionError is one of urllib3's
    # time-outs, but means that the name is unknown or the connection was refused.
    is_timeout = any(
        isinstance(cause, (TimeoutError, Urllib3TimeoutError)) and not isinstance(cause, NewConnectionError)
        for cause in (error, *error.args)
    )
    return TimedOut() if is_timeout else NoConnection()
