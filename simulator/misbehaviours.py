"""Ways in which a server fails to answer, for the simulator of Signzy. Standard library only."""

import contextlib
import time
from http.server import BaseHTTPRequestHandler

#: Seconds; longer than any check may take, so that the simulator can end.
_LONGEST_SECONDS = 120
_DROP_SECONDS = 0.5

#: What is sent in place of an answer, and what follows it every half second; None: the connection is closed.
MISBEHAVIOURS: dict[str, tuple[bytes, bytes | None]] = {
    "hang": (b"", b""),
    "drip-headers": (b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x"),
    "drip-body": (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n", b" "),
    "cut-off": (b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"result":', None),
    "close": (b"", None),
    "no-http": (b"SSH-2.0-OpenSSH_9.2\r\n", None),
}


def misbehave(request: BaseHTTPRequestHandler, name: str) -> None:
    """Leaves the connection of a request unusable. Returns when the client has closed it, as it should, or after a while."""
    head, drop = MISBEHAVIOURS[name]
    ends_at = time.monotonic() + _LONGEST_SECONDS
    request.close_connection = True
    request.connection.settimeout(_DROP_SECONDS)
    with contextlib.suppress(OSError):
        request.wfile.write(head)
        while drop is not None and time.monotonic() < ends_at and not _is_closed(request):
            request.wfile.write(drop)


def _is_closed(request: BaseHTTPRequestHandler) -> bool:
    """Waits for the client."""
    try:
        return not request.connection.recv(1)
    except TimeoutError:
        return False
