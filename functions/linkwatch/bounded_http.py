"""One HTTP connection that is kept alive, with one budget of time for all that a request needs: the connection and the answer
(bounded_socket.py). A budget ends at a moment of time.monotonic().
"""

import socket
import ssl
import time
from collections.abc import Callable
from http import client
from urllib.parse import urlsplit

from linkwatch.bounded_socket import BoundedSocket, Resolve, connected

#: More is not read: no answer of Signzy's comes near it, and a secret has 64 KiB at most
#: (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html).
MAX_BODY_BYTES = 256 * 1024

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
    """http.client's connection, on a socket whose every step ends with the budget."""

    auto_open = 0  # it is made by stand() alone, before anything is written

    def __init__(self, host: str, port: int | None, tls: ssl.SSLContext | None, resolve: Resolve) -> None:
        self.default_port = client.HTTPS_PORT if tls else client.HTTP_PORT
        super().__init__(host, port or self.default_port)
        self._tls = tls
        self._resolve = resolve
        self._bounded: BoundedSocket | None = None

    def still_stands(self) -> bool:
        """Whether there is a connection from before; one that has something to say unasked is closed."""
        if self.sock is not None and self._bounded and self._bounded.has_something_to_read():
            self.close()
        return self.sock is not None

    def stand(self, ends_at: float, time_to_write: Callable[[], float]) -> None:
        """Has a connection whose steps end at ends_at, and time to write to it. Raises TooLate."""
        if self.sock is None:
            stands_by = time.monotonic() + time_to_write()
            try:
                self._bounded = BoundedSocket(
                    connected(self.host, self.port, self._tls, self._resolve, min(ends_at, stands_by))
                )
            except TimeoutError:
                if stands_by < ends_at:
                    raise TooLate from None
                raise
            self.sock = self._bounded
        if time_to_write() <= 0:
            raise TooLate
        if self._bounded:
            self._bounded.begin(ends_at)

    def has_answered(self) -> bool:
        """Whether a byte came since the last stand()."""
        return self._bounded is not None and self._bounded.has_answered
