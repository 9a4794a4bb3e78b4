"""An example of a receiver: python receive.py PORT DATABASE, with the signing key in WEBHOOK_SECRET

Run it behind your TLS proxy. It verifies the signature over the bytes as received, before it parses them; it stores an outcome
before it answers, so that no accepted outcome is lost; and it stores each verification once, however often it arrives.
"""

import os
import re
import sqlite3
import sys
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

MAX_BODY_BYTES = 256 * 1024  # an event on EventBridge is no longer


def is_new(database: str, verification_id: str, outcome: str) -> bool:
    """Stores an outcome; returns False if it is stored already. Act in the same transaction. Raises sqlite3.Error."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS outcomes (verification_id TEXT PRIMARY KEY, outcome TEXT)")
        added = connection.execute("INSERT OR IGNORE INTO outcomes VALUES (?, ?)", (verification_id, outcome))
        return added.rowcount == 1


class Receiver(BaseHTTPRequestHandler):
    """Takes one POST."""

    timeout = 10
    webhook: Webhook
    database: str

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,7}", length) or int(length) > MAX_BODY_BYTES:
            return self._answer(413)
        body = self.rfile.read(int(length))
        try:
            event: Any = self.webhook.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError):  # ValueError: headers that the library cannot read
            return self._answer(401)
        verification_id, outcome = event["detail"]["verificationId"], event["detail"]["outcome"]
        said = outcome if is_new(self.database, verification_id, outcome) else "known already"
        print(f"{verification_id}: {said}", flush=True)
        return self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's names
        """Logs nothing of a request."""


if __name__ == "__main__":
    Receiver.webhook, Receiver.database = Webhook(os.environ["WEBHOOK_SECRET"]), sys.argv[2]
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
