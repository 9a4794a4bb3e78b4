"""One HTTP connection that is kept alive, with one budget of time for all that a request needs.

A socket's time-out starts anew with each address, with the TLS handshake and with each chunk, so that a server could hold a call
for many times as long. Here the name, the connection over all addresses, TLS, and head and body of the answer share one end, a
moment of time.monotonic().
"""

import io
import select
import socket
import ssl
import time
from collections.abc import Callable
from http import client
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

#: More is not read: no answer of Signzy's comes near it, and a secret has 64 KiB at most
#: (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html).
MAX_BODY_BYTES = 256 * 1024

#: socket.getaddrinfo, or what stands in for it in a test: (host, port, 0, SOCK_STREAM) to its list of addresses.
Resolve = Callable[..., list[tuple[Any, ...]]]
#: A whole answer: its status, its Content-Type as the header says it (empty without one), and its body, empty when it was longer
#: than MAX_BODY_BYTES.
HttpAnswer = tuple[int, str, bytes]


class TooLate(Exception):
    """The moment after which no request may be written came first: none was."""


class KeptConnection:
    """The connection to one server. Not for several threads."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None, resolve: Resolve = socket.getaddrinfo) -> None:
        """url: http or https, its path comes before those of the requests; tls: Python's defaults, if None. Raises ValueError
        for another url.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("the address of a server should be http(s)://host")
        if parts.scheme == "http":
            tls = None
        elif tls is None:
            tls = ssl.create_default_context()
        self._path = parts.path
        self._http = _BoundedConnection(parts.hostname, parts.port, tls, resolve)

    def ask(
        self,
        path: str,
        headers: dict[str, str],
        body: bytes | None = None,
        *,
        ends_at: float,
        time_to_write: Callable[[], float] = lambda: float("inf"),
    ) -> HttpAnswer:
        """GET, or POST where there is a body; the whole answer by ends_at (time.monotonic()). What is asked has to be safe to
        repeat.

        time_to_write: seconds for which a request may still be written; it is asked when the connection stands, right before
        each write. Raises TooLate; TimeoutError when the budget is over; OSError or HTTPException when the connection fails.
        """
        was_kept = self._http.still_stands()
        try:
            return self._once(path, headers, body, ends_at, time_to_write)
        except OSError:
            # A kept connection may end in the moment in which it is used, by an idle time-out of the server. One that ends
            # before a byte of the answer came is replaced, once (RFC 9110, 9.2.2; RFC 9112, 9.3.1), if there is time left.
            if not was_kept or self._http.has_answered():
                raise
        return self._once(path, headers, body, ends_at, time_to_write)

    def close(self) -> None:
        """Ends the connection; the next request makes a new one."""
        self._http.close()

    def _once(
        self,
        path: str,
        headers: dict[str, str],
        body: bytes | None,
        ends_at: float,
        time_to_write: Callable[[], float],
    ) -> HttpAnswer:
        try:
            self._http.stand(ends_at, time_to_write)
            self._http.request("GET" if body is None else "POST", self._path + path, body, headers)
            return self._read(self._http.getresponse())
        except BaseException:
            self.close()
            raise

    def _read(self, response: client.HTTPResponse) -> HttpAnswer:
        status, content_type, body = response.status, response.headers.get("Content-Type", ""), b""
        # To its end, or a body cut short passes for whole.
        while chunk := response.read1(MAX_BODY_BYTES):
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                self.close()
                return status, content_type, b""
        if response.length:
            raise client.IncompleteRead(b"", response.length)
        response.close()
        return status, content_type, body


class _BoundedConnection(client.HTTPConnection):
    """http.client's connection, on a stream whose every step ends with the budget."""

    auto_open = 0  # it is made by stand() alone, before anything is written

    def __init__(self, host: str, port: int | None, tls: ssl.SSLContext | None, resolve: Resolve) -> None:
        self.default_port = client.HTTPS_PORT if tls else client.HTTP_PORT
        super().__init__(host, port or self.default_port)
        self._tls = tls
        self._resolve = resolve
        self._stream: _Stream | None = None

    def still_stands(self) -> bool:
        """Whether there is a connection from before; one that has something to say unasked is closed."""
        if self.sock is not None and self._stream and self._stream.has_something_to_read():
            self.close()
        return self.sock is not None

    def stand(self, ends_at: float, time_to_write: Callable[[], float]) -> None:
        """Has a connection whose steps end at ends_at, and time to write to it. Raises TooLate."""
        if self.sock is None:
            stands_by = time.monotonic() + time_to_write()
            try:
                self._stream = _Stream(self._connected(min(ends_at, stands_by)))
            except TimeoutError:
                if stands_by < ends_at:
                    raise TooLate from None
                raise
            self.sock = self._stream
        if time_to_write() <= 0:
            raise TooLate
        if self._stream:
            self._stream.begin(ends_at)

    def has_answered(self) -> bool:
        """Whether a byte came since the last stand()."""
        return self._stream is not None and self._stream.has_answered

    def _connected(self, ends_at: float) -> socket.socket:
        sock = self._reached(ends_at)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is None:
                return sock
            sock.settimeout(_left(ends_at))
            return self._tls.wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise

    def _reached(self, ends_at: float) -> socket.socket:
        """A socket to the first address that answers. Each gets an equal share of the time that those before it left."""
        addresses = _addresses(self._resolve, self.host, self.port, ends_at)
        for place, (family, kind, protocol, _, address) in enumerate(addresses):
            try:
                return _connected_to(address, (family, kind, protocol), _left(ends_at) / (len(addresses) - place))
            except OSError:
                if place == len(addresses) - 1:
                    raise
        raise OSError("the name has no address")


def _connected_to(address: Any, kind: tuple[int, int, int], seconds: float) -> socket.socket:
    sock = socket.socket(*kind)
    try:
        sock.settimeout(seconds)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _addresses(resolve: Resolve, host: str, port: int, ends_at: float) -> list[tuple[Any, ...]]:
    """The resolver blocks for as long as it likes, and takes no time-out (glibc: 5 s a try, two tries for each server:
    https://man7.org/linux/man-pages/man5/resolv.conf.5.html). So a thread waits for it, which is left to end by itself.
    """
    found: list[list[tuple[Any, ...]]] = []
    failed: list[Exception] = []

    def ask() -> None:
        try:
            found.append(resolve(host, port, 0, socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001  raised below, where somebody waits for it
            failed.append(error)

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_left(ends_at))
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError("the name was not resolved in time")
    return found[0]


def _left(ends_at: float) -> float:
    """Seconds, more than none. Raises TimeoutError."""
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time for the answer is over")
    return left


class _Stream:
    """As much of a socket as http.client wants, its every step bounded by one end."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._ends_at = 0.0
        self.has_answered = False

    def begin(self, ends_at: float) -> None:
        self._ends_at = ends_at
        self.has_answered = False

    def has_something_to_read(self) -> bool:
        """The end of the connection is something to read, too."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(0)) or (isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0)

    def sendall(self, data: bytes) -> None:
        self.bound()
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self, self._sock))

    def bound(self) -> None:
        """The socket's next step ends with the budget. Raises TimeoutError."""
        self._sock.settimeout(_left(self._ends_at))

    def close(self) -> None:
        self._sock.close()


class _Reader(io.RawIOBase):
    """Reads a stream's socket; keeps it open when http.client lets go of it before the answer's end."""

    def __init__(self, stream: _Stream, sock: socket.socket) -> None:
        self._stream = stream
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._stream.bound()
        read = self._raw.readinto(buffer)
        if read:
            self._stream.has_answered = True
        return read

    def close(self) -> None:
        self._raw.close()
        super().close()
