"""A vendor for the tests of the look: a real server on the loopback that does what each test tells it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ssl import SSLContext


class Vendor:
    """Answers one connection after the other; remembers each request's head and when a connection was made."""

    def __init__(self, answer: Callable[["Vendor", socket.socket], None], tls: SSLContext | None) -> None:
        self._answer = answer
        self._server = socket.create_server(("127.0.0.1", 0))
        if tls:
            self._server = tls.wrap_socket(self._server, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.getsockname()[1]}/api/v3/us-kyc"
        self.requests: list[str] = []
        self.connections = 0

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve_connection, args=(connection,), daemon=True).start()

    def _serve_connection(self, connection: socket.socket) -> None:
        with connection:
            try:
                while head := read_head(connection):
                    self.requests.append(head)
                    self._answer(self, connection)
            except OSError:
                pass  # the look has hung up: what it does then is its test's matter

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
def vendor(answer: Callable[[Vendor, socket.socket], None] | bytes, tls: SSLContext | None = None) -> Iterator[Vendor]:
    """A vendor that always sends these bytes, or does what the function does with the connection."""
    does = answer if callable(answer) else lambda _, connection: connection.sendall(answer)
    server = Vendor(does, tls)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(2)
