"""Signzy and Secrets Manager on the loopback, over TLS, with connections that are kept alive.

    python -m benchmarks.check_link.vendor FOLDER

Writes its authority's certificate to FOLDER/ca.pem, prints its port and answers until it is ended, with ready-made bytes from
plain threads, so that what is measured is the client.
"""

import json
import socket
import ssl
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import trustme

_PENDING = {"result": {"message": "Please wait for sometime"}}
_SECRET = {"Name": "SignzyToken", "VersionId": "1", "SecretString": json.dumps({"token": "bench-token"})}


def _message(body: Mapping[str, object]) -> bytes:
    content = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        len(content),
        content,
    )


_CHECK, _TOKEN = _message(_PENDING), _message(_SECRET)


def _answer(connection: socket.socket, tls: ssl.SSLContext) -> None:
    with suppress(OSError), tls.wrap_socket(connection, server_side=True) as stream, stream.makefile("rb") as requests:
        while head := requests.readline():
            length = 0
            while (line := requests.readline().strip().lower()) != b"":
                length = int(line.removeprefix(b"content-length:")) if line.startswith(b"content-length:") else length
            requests.read(length)
            stream.sendall(_TOKEN if head.startswith(b"POST") else _CHECK)


def _serve(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_answer, args=(connection, tls), daemon=True).start()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        _serve(Path(sys.argv[1]))
