"""A real server on the loopback that does with each request what the test tells it."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ssl import SSLContext


class ScriptedServer:
    """Answers each connection in a thread; remembers each request's head and how many connections were made."""

    def __init__(
        self,
        answer: Callable[["ScriptedServer", socket.socket], None],
        tls: SSLContext | None,
        before_tls: Callable[[], None],
    ) -> None:
        self._answer = answer
        self._tls = tls
        self._before_tls = before_tls
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = self._server.getsockname()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.address[1]}/api/v3/us-kyc"
        self.origin = self.url.removesuffix("/api/v3/us-kyc")
        self.requests: list[str] = []
        self.connections = 0
        self._counts: dict[socket.socket, int] = {}

    def requests_of(self, connection: socket.socket) -> int:
        """How many requests came over this connection."""
        return self._counts[connection]

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve_connection, args=(connection,), daemon=True).start()

    def _serve_connection(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the check has closed the connection
            if self._tls:
                self._before_tls()
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                while head := read_head(connection):
                    self.requests.append(head)
                    self._counts[connection] = self._counts.get(connection, 0) + 1
                    self._answer(self, connection)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


def read_head(connection: socket.socket) -> str:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        chunk = connection.recv(1)
        if not chunk:
            return ""
        head += chunk
    return head.decode()


def message(body: bytes | str, status: str = "200 OK", headers: str = "") -> bytes:
    content = body if isinstance(body, bytes) else body.encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{headers}\r\n".encode() + content


@contextmanager
def serving(
    answer: Callable[[ScriptedServer, socket.socket], None] | bytes,
    tls: SSLContext | None = None,
    before_tls: Callable[[], None] = lambda: None,
) -> Iterator[ScriptedServer]:
    """A server that always sends these bytes, or does what the function does with the connection."""
    does = answer if callable(answer) else lambda _, connection: connection.sendall(answer)
    server = ScriptedServer(does, tls, before_tls)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(2)


@contextmanager
def swallowing() -> Iterator[tuple[str, int]]:
    """An address that never takes a connection: its queue is full, so that the kernel drops what comes."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, contextlib.ExitStack() as waiting:
        address = server.getsockname()
        for _ in range(3):
            caller = waiting.enter_context(socket.socket())
            caller.settimeout(0)
            caller.connect_ex(address)
        yield address


def tunnel(server: tuple[str, int], before_answer: Callable[[], None] = lambda: None):
    """What a proxy does with CONNECT."""

    def answer(_, connection: socket.socket) -> None:
        before_answer()
        with socket.create_connection(server) as onward:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=_copy, args=(onward, connection), daemon=True).start()
            _copy(connection, onward)

    return answer


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
