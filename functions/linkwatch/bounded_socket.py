"""A socket with one budget of time for all that happens on it, which ends at a moment of time.monotonic().

A socket's own time-out starts anew with each address, with the TLS handshake and with each chunk, so that a server could hold a
call for many times as long.
"""

import io
import select
import socket
import ssl
import time
from collections.abc import Callable
from threading import Thread
from typing import Any

#: socket.getaddrinfo, or what stands in for it in a test: (host, port, 0, SOCK_STREAM) to its list of addresses.
Resolve = Callable[..., list[tuple[Any, ...]]]


def connected(host: str, port: int, tls: ssl.SSLContext | None, resolve: Resolve, ends_at: float) -> socket.socket:
    """A connection to the host, with TLS where a context is given. Raises TimeoutError when the budget is over; OSError."""
    sock = _reached(_addresses(resolve, host, port, ends_at), ends_at)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is None:
            return sock
        sock.settimeout(_left(ends_at))
        return tls.wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise


def _reached(addresses: list[tuple[Any, ...]], ends_at: float) -> socket.socket:
    """A socket to the first address that answers. Each gets an equal share of the time that those before it left."""
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


class BoundedSocket:
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
    """Reads a bounded socket; keeps it open when http.client lets go of it before the answer's end."""

    def __init__(self, bounded: BoundedSocket, sock: socket.socket) -> None:
        self._bounded = bounded
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._bounded.bound()
        read = self._raw.readinto(buffer)
        if read:
            self._bounded.has_answered = True
        return read

    def close(self) -> None:
        self._raw.close()
        super().close()
