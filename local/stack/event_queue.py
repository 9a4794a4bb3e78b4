"""The queue between the bus and the event handler, and its dead letters."""

import json
from collections.abc import Callable
from typing import Any

from local.stack.resources import Resources


class EventQueue:
    """Reads, sends again and empties."""

    def __init__(self, client: Callable[[str], Any], resources: Resources) -> None:
        """Client gives boto3's client of a service."""
        self._client = client
        self._resources = resources

    @property
    def _sqs(self) -> Any:
        return self._client("sqs")

    def url(self, logical_id: str) -> str:
        """The URL of a queue of the template."""
        return self._resources.physical_id(logical_id)

    def dead_letters(self) -> list[dict[str, Any]]:
        """The events that could not be started, up to ten of them."""
        got = self._sqs.receive_message(
            QueueUrl=self.url("InstantLinkSentDeadLetters"), MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [json.loads(message["Body"]) for message in got.get("Messages", [])]

    def redrive(self) -> int:
        """Puts the dead letters back into the queue, each once, and says how many there were."""
        dead_letters, queue = self.url("InstantLinkSentDeadLetters"), self.url("InstantLinkSentQueue")
        messages: list[dict[str, Any]] = []
        while got := self._sqs.receive_message(
            QueueUrl=dead_letters, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            messages += got  # all of them first: a malformed event comes back
        for message in messages:
            self._sqs.send_message(QueueUrl=queue, MessageBody=message["Body"])
            self._sqs.delete_message(QueueUrl=dead_letters, ReceiptHandle=message["ReceiptHandle"])
        return len(messages)

    def purge_dead_letters(self) -> None:
        """Empties the queue of dead letters."""
        self._sqs.purge_queue(QueueUrl=self.url("InstantLinkSentDeadLetters"))
