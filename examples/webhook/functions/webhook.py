"""One POST of an outcome, signed according to Standard Webhooks.

The specification is version 1.0.0:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import json
import re
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from http import client as http_client
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

#: Real seconds for the whole of one delivery: name, connection, TLS and answer.
BUDGET_SECONDS = 10.0
#: Pauses double from the first to the longest, and are longer by up to a quarter at random.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 15, 3600

#: As template.yaml's WebhookUrl: https, no user, no fragment; plain http for the loopback address only.
URL_PATTERN = r"^(https://[A-Za-z0-9.-]+|http://127\.0\.0\.1)(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?$"
_LATE = "no answer in time"
_VERIFICATION_ID = re.compile("[0-9a-f]{24}-[0-9a-f]{24}")


class NotDelivered(Exception):
    """It has to be tried again. The message says why and quotes nothing that the receiver has sent."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. webhook_id is the verificationId: receivers deduplicate on it, and an outcome never changes."""

    webhook_id: str
    body: bytes


def message_of(event: Any) -> Message:
    """Returns the outcome event as its schema describes it, without the account that EventBridge adds. Raises NotDelivered."""
    try:
        webhook_id = event["detail"]["verificationId"]
        sent = {name: event[name] for name in ("source", "detail-type", "id", "time", "detail")}
    except (KeyError, TypeError):
        raise NotDelivered("not an outcome event") from None
    if not isinstance(webhook_id, str) or not _VERIFICATION_ID.fullmatch(webhook_id):  # it becomes a header
        raise NotDelivered("not an outcome event")
    return Message(webhook_id, json.dumps(sent).encode())


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys in use: the current one, and the previous one while receivers may still use it."""

    keys: tuple[bytes, ...] = field(repr=False)

    @staticmethod
    def parse(secret: str) -> "SigningKeys":
        """From {"current": "whsec_…", "previous": "whsec_…" or ""}; a key is 24 to 64 bytes in base64. Raises NotDelivered."""
        try:
            given = json.loads(secret)
            texts = [given["current"], *([given["previous"]] if given.get("previous") else [])]
            keys = tuple(base64.b64decode(text.removeprefix("whsec_"), validate=True) for text in texts)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NotDelivered("the secret has no keys") from None  # the cause may quote it
        if not all(24 <= len(key) <= 64 for key in keys):
            raise NotDelivered("the secret has no keys")
        return SigningKeys(keys)

    def headers(self, message: Message, now_seconds: int) -> dict[str, str]:
        """Returns the headers that a receiver verifies, with a signature by each key. now_seconds: epoch."""
        signed = f"{message.webhook_id}.{now_seconds}.".encode() + message.body
        digests = (hmac.digest(key, signed, hashlib.sha256) for key in self.keys)
        return {
            "webhook-id": message.webhook_id,
            "webhook-timestamp": str(now_seconds),
            "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
        }


class Receiver:
    """The server that gets the webhook."""

    def __init__(self, url: str) -> None:
        """Raises ValueError for a URL that the pattern of WebhookUrl refuses."""
        if not re.fullmatch(URL_PATTERN, url):
            raise ValueError("the webhook's URL has to be https")
        parts = urlsplit(url)
        https = parts.scheme == "https"
        self._connection_to = http_client.HTTPSConnection if https else http_client.HTTPConnection
        self._host, self._port = parts.hostname or "", parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def post(self, message: Message, headers: dict[str, str], budget_seconds: float = BUDGET_SECONDS) -> None:
        """Returns when the receiver has answered with a 2xx; raises NotDelivered otherwise, within the budget.

        Only status and headers are read, whose size http.client limits. A redirect is not a 2xx and is not followed.
        """
        connection = self._connection_to(self._host, self._port, timeout=budget_seconds)
        answered: list[int | str] = []
        headers = {"Content-Type": "application/json", "User-Agent": "linkwatch-webhook", **headers}

        def ask() -> None:
            try:
                connection.request("POST", self._target, message.body, headers)
                answered.append(connection.getresponse().status)
            except Exception as error:  # noqa: BLE001  # a closed connection also makes http.client fail in other ways
                answered.append(_LATE if isinstance(error, TimeoutError) else type(error).__name__)

        # A socket's time-out starts again with each address and each byte; a thread can be left when the budget is used up.
        asking = Thread(target=ask, daemon=True)
        asking.start()
        asking.join(budget_seconds)
        answer = answered[0] if answered else _LATE  # before closing, which ends headers that are still arriving
        _close(connection)
        if not isinstance(answer, int) or not 200 <= answer < 300:
            raise NotDelivered(str(answer))


def _close(connection: http_client.HTTPConnection) -> None:
    with suppress(OSError):
        if connection.sock:
            connection.sock.shutdown(socket.SHUT_RDWR)  # ends a thread that still reads
    connection.close()


def pause_seconds(attempt: int, chance: float) -> int:
    """Returns how long to wait after an attempt, counted from 1. chance: 0 to 1, so that failures of one moment spread out."""
    pause = min(FIRST_PAUSE_SECONDS * 2 ** min(attempt - 1, 20), LONGEST_PAUSE_SECONDS)
    return round(pause * (1 + chance / 4))
