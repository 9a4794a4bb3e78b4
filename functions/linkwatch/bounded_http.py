"""urllib3's connection pools, with one budget of time for a whole answer.

A socket's time-out starts anew with each chunk, so that a server who drips bytes could hold a call for ever. Here the total of
urllib3.Timeout covers the head and the body of the answer as well.
"""

import io
import socket
import time
from http import client as http_client
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

#: For a call without a time-out, which nobody makes.
DEFAULT_SECONDS = 6.0


class _BoundedReader(io.RawIOBase):
    """Reads a socket until a moment of time.monotonic()."""

    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)  # keeps the socket open when http.client lets go of it
        self._ends_at = ends_at

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for the answer is over")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedSocket:
    """As much of a socket as http.client's answer wants: something to read, here with its end."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        # urllib3 has set the time-out on the socket just before the answer is waited for.
        ends_at = time.monotonic() + (self._sock.gettimeout() or DEFAULT_SECONDS)
        return io.BufferedReader(_BoundedReader(self._sock, ends_at))


class _BoundedResponse(http_client.HTTPResponse):
    """An answer whose head and body share one budget of time."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_BoundedSocket(sock), *args, **kwargs)  # pyright: ignore[reportArgumentType]


class _BoundedHTTPConnection(HTTPConnection):
    response_class = _BoundedResponse


class _BoundedHTTPSConnection(HTTPSConnection):
    response_class = _BoundedResponse


# urllib3's own connection classes do not fit its protocol for them either: mutable there, final here.
class HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _BoundedHTTPConnection  # pyright: ignore[reportAssignmentType]


class HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _BoundedHTTPSConnection  # pyright: ignore[reportAssignmentType]
