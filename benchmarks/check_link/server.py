"""Signzy and Secrets Manager on the loopback, over TLS: ready-made bytes from plain threads, so that what is measured is the
client.
"""

import json
import socket
import ssl
import sys
import threading
from contextlib import suppress
from pathlib import Path

import trustme


def _message(body: dict[str, object]) -> bytes:
    content = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        len(content),
        content,
    )


_PENDING = _message({"result": {"message": "Please wait for sometime"}})
_SECRET = _message({"Name": "SignzyToken", "SecretString": json.dumps({"token": "bench-token"})})


def _answer(connection: socket.socket, tls: ssl.SSLContext) -> None:
    with suppress(OSError), tls.wrap_socket(connection, server_side=True) as stream, stream.makefile("rb") as requests:
        while head := requests.readline():
            length = 0
            while (line := requests.readline().strip().lower()) != b"":
                length = int(line.removeprefix(b"content-length:")) if line.startswith(b"content-length:") else length
            requests.read(length)
            stream.sendall(_SECRET if head.startswith(b"POST") else _PENDING)


def main(certificate: Path) -> None:
    """Writes its authority's certificate, prints its port, and answers until it is terminated."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(certificate))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_answer, args=(connection, tls), daemon=True).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
