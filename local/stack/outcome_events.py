"""The outcome events of a stack, as a consumer gets them: out of a queue that was put on its bus."""

import json
import threading
from collections.abc import Callable
from typing import Any


class OutcomeEvents:
    """What has come to the queue so far, each event once."""

    def __init__(self, client: Callable[[str], Any], url: str) -> None:
        """Client gives boto3's client of a service."""
        self._client = client
        self.url = url
        #: Other processes read the queue, too: what is received stays in it.
        self.is_shared = False
        #: When each event came, by its id: epoch milliseconds.
        self.arrived_ms: dict[str, int] = {}
        self._received: set[str] = set()
        self._events: dict[str, list[dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def of(self, verification_id: str) -> list[dict[str, Any]]:
        """The events of a verification, whole."""
        with self._lock:
            self._receive()
            return list(self._events.get(verification_id, []))

    def _receive(self) -> None:
        options = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 5, "MessageSystemAttributeNames": ["SentTimestamp"]}
        while got := self._sqs.receive_message(QueueUrl=self.url, **options).get("Messages"):
            for message in got:
                if message["MessageId"] not in self._received:
                    event = json.loads(message["Body"])
                    self._events.setdefault(event["detail"]["verificationId"], []).append(event)
                    self.arrived_ms[event["id"]] = int(message["Attributes"]["SentTimestamp"])
                    self._received.add(message["MessageId"])
                if not self.is_shared:
                    self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    @property
    def _sqs(self) -> Any:
        return self._client("sqs")
