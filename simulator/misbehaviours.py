"""Ways in which a server fails to answer, for the simulator of Signzy. Standard library only.

Each takes the open connection of a request and leaves it unusable. They end by themselves, so that the simulator can.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

#: Seconds; longer than any check may take.
_FOR_EVER = 120
_DROP_SECONDS = 0.5


def _drops(drop: bytes) -> Iterator[bytes]:
    ends_at = time.monotonic() + _FOR_EVER
    while time.monotonic() < ends_at:
        time.sleep(_DROP_SECONDS)
        yield drop


def _send_drops(request: BaseHTTPRequestHandler, head: bytes, drop: bytes) -> None:
    with contextlib.suppress(OSError):  # the other side had enough: that is the point
        request.wfile.write(head)
        for each in _drops(drop):
            request.wfile.write(each)


def hang(request: BaseHTTPRequestHandler) -> None:
    """Takes the request and says nothing, until the other side hangs up or for ever is over."""
    request.connection.settimeout(_FOR_EVER)
    with contextlib.suppress(OSError):
        request.connection.recv(1)


def drip_headers(request: BaseHTTPRequestHandler) -> None:
    """A head that never ends."""
    _send_drops(request, b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x")


def drip_body(request: BaseHTTPRequestHandler) -> None:
    """A body that never ends."""
    _send_drops(request, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n", b" ")


def cut_off(request: BaseHTTPRequestHandler) -> None:
    """Hangs up in the middle of a body."""
    head = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"result":'
    request.wfile.write(head)


def close(_request: BaseHTTPRequestHandler) -> None:
    """Hangs up without an answer."""


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
