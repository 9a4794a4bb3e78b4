"""An HTTP server on the loopback for programs that a test starts: it answers as told and keeps the requests."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    """A request as received."""

    method: str
    url: str
    path: str
    headers: dict[str, str]
    body: bytes


@contextmanager
def server(answer: Callable[[Received], tuple[int, str]]) -> Iterator[tuple[str, list[Received]]]:
    """Yields its address and the list of its requests. answer: returns the status and the body for a request."""
    received: list[Received] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received.append(Received(self.command, f"http://{headers['host']}{self.path}", self.path, headers, body))
            status, text = answer(received[-1])
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = answer

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002  # the base class's name
            """Logs nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", received
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
