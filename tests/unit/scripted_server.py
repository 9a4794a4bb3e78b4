"""A real server on the loopback that does with each request what the test tells it."""

import contextlib
import itertools
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from ssl import SSLContext
from typing import Any

#: What a server does with a connection after each request.
Answer = Callable[["ScriptedServer", socket.socket], None]


class ScriptedServer(socketserver.ThreadingTCPServer):
    """Answers each connection in a thread; keeps the head of each request and counts the connections."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Answer, tls: SSLContext | None, before_tls: Callable[[], None]) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self._answer = answer
        self._tls = tls
        self._before_tls = before_tls
        self.address = ("127.0.0.1", self.server_address[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.address[1]}"
        self.requests: list[str] = []
        self.connections = 0

    def get_request(self):
        self.connections += 1
        return super().get_request()

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        with contextlib.suppress(OSError):  # the client has closed the connection
            if self._tls:
                self._before_tls()
                request = self._tls.wrap_socket(request, server_side=True)
            with request as connection:
                while head := read_head(connection):
                    self.requests.append(head)
                    self._answer(self, connection)


def read_head(connection: socket.socket) -> str:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        chunk = connection.recv(1)
        if not chunk:
            return ""
        head += chunk
    return head.decode()


@contextlib.contextmanager
def serving(
    answer: Answer | bytes, tls: SSLContext | None = None, before_tls: Callable[[], None] = lambda: None
) -> Iterator[ScriptedServer]:
    """A server that always sends these bytes, or does what the function does with the connection."""
    does = answer if callable(answer) else lambda _, connection: connection.sendall(answer)
    with ScriptedServer(does, tls, before_tls) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


@contextlib.contextmanager
def swallowing() -> Iterator[tuple[str, int]]:
    """An address that never takes a connection: its queue is full, so that the kernel drops what comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as waiting:
        address = server.getsockname()
        for _ in range(3):
            caller = waiting.enter_context(socket.socket())
            caller.settimeout(0)
            caller.connect_ex(address)
        yield address


def message(body: bytes | str, status: str = "200 OK", headers: str = "") -> bytes:
    content = body if isinstance(body, bytes) else body.encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{headers}\r\n".encode() + content


def then_close(answer: bytes) -> Answer:
    def send_and_close(_, connection: socket.socket) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    return send_and_close


def drip(prefix: bytes, piece: bytes) -> Answer:
    """Sends the prefix, then a piece every 20 ms for 4 s."""

    def send_slowly(_, connection: socket.socket) -> None:
        connection.sendall(prefix)
        for _ in itertools.repeat(None, 200):
            connection.sendall(piece)
            time.sleep(0.02)

    return send_slowly


def tunnel(server: ScriptedServer, before_answer: Callable[[], None] = lambda: None) -> Answer:
    """What a proxy does with CONNECT."""

    def connect(_, connection: socket.socket) -> None:
        before_answer()
        with socket.create_connection(server.address) as onward:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=_copy, args=(onward, connection), daemon=True).start()
            _copy(connection, onward)

    return connect


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
