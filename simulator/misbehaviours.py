"""Ways in which a server fails to answer, for the simulator of Signzy. Standard library only.

Each gets the open connection of a request and leaves it unusable. Each ends by itself, so that the simulator can end.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

#: Seconds; longer than any check may take.
_LONGEST_SECONDS = 120
_DROP_SECONDS = 0.5


def _drip(drop: bytes) -> Iterator[bytes]:
    ends_at = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < ends_at:
        time.sleep(_DROP_SECONDS)
        yield drop


def _send_drip(request: BaseHTTPRequestHandler, head: bytes, drop: bytes) -> None:
    with contextlib.suppress(OSError):  # the client has closed the connection, as it should
        request.wfile.write(head)
        for each in _drip(drop):
            request.wfile.write(each)


def hang(request: BaseHTTPRequestHandler) -> None:
    """Reads the request and does not answer until the client closes the connection or the longest time is over."""
    request.connection.settimeout(_LONGEST_SECONDS)
    with contextlib.suppress(OSError):
        request.connection.recv(1)


def drip_headers(request: BaseHTTPRequestHandler) -> None:
    """Sends headers without an end."""
    _send_drip(request, b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x")


def drip_body(request: BaseHTTPRequestHandler) -> None:
    """Sends a body without an end."""
    _send_drip(request, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n", b" ")


def cut_off(request: BaseHTTPRequestHandler) -> None:
    """Closes the connection in the middle of a body."""
    head = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"result":'
    request.wfile.write(head)


def close(_request: BaseHTTPRequestHandler) -> None:
    """Closes the connection without an answer."""


def no_http(request: BaseHTTPRequestHandler) -> None:
    """Answers in another protocol."""
    request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


MISBEHAVIOURS: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {
    "hang": hang,
    "drip-headers": drip_headers,
    "drip-body": drip_body,
    "cut-off": cut_off,
    "close": close,
    "no-http": no_http,
}
