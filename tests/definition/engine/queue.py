"""The queue between the bus and the event handler, with Lambda's poller: batches, visibility and partial batch responses."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.definition.engine.account import Account
from tests.definition.engine.definition import RESOURCES, deployed
from tests.definition.engine.dynamodb import Refused
from tests.sample_events import event

_QUEUE = RESOURCES["InstantLinkSentQueue"]["Properties"]
_POLLER = RESOURCES["InstantLinkSent"]["Properties"]["Events"]["OnQueue"]["Properties"]
_URL = deployed({"Ref": "InstantLinkSentQueue"})
_LONGEST_VISIBILITY = 43_200
_SAMPLE = event("instant-link-sent")["Records"][0]


@dataclass
class Message:
    """visible_at: when it may be received next, in epoch milliseconds."""

    nth: int
    body: str
    sent_at: int
    visible_at: int
    receives: int = 0

    @property
    def record(self) -> dict[str, Any]:
        """As Lambda passes it to a function."""
        counted = {"ApproximateReceiveCount": str(self.receives), "SentTimestamp": str(self.sent_at)}
        named = {"messageId": f"message-{self.nth}", "receiptHandle": f"receipt-{self.nth}-{self.receives}"}
        return {**_SAMPLE, **named, "body": self.body, "attributes": {**_SAMPLE["attributes"], **counted}}


class Queue:
    """invoke: calls the event handler with an SQS event, and then the second argument with its answer, None for a failure."""

    def __init__(
        self, account: Account, invoke: Callable[[dict[str, Any], Callable[[dict[str, Any] | None], None]], None]
    ) -> None:
        self._account, self._invoke = account, invoke
        self.messages: list[Message] = []

    def send(self, nth: int, sent: dict[str, Any]) -> None:
        now = self._account.time.now
        self.messages.append(Message(nth, json.dumps(sent), now, now))
        self._account.time.at(now, self._deliver)

    def change_visibility(self, asked: dict[str, Any]) -> dict[str, Any]:
        """ChangeMessageVisibilityBatch."""
        if asked["QueueUrl"] != _URL:
            raise Refused(f"queue {asked['QueueUrl']}")
        received = {it.record["receiptHandle"]: it for it in self.messages}
        done, failed = [], []
        for entry in asked["Entries"]:
            if not 0 <= entry["VisibilityTimeout"] <= _LONGEST_VISIBILITY:
                raise Refused(f"visibility time-out {entry}")
            if message := received.get(entry["ReceiptHandle"]):
                self._hide(message, entry["VisibilityTimeout"])
                done.append({"Id": entry["Id"]})
            else:
                failed.append({"Id": entry["Id"], "Code": "ReceiptHandleIsInvalid", "SenderFault": True})
        return {"Successful": done, "Failed": failed}

    def _hide(self, message: Message, seconds: int) -> None:
        message.visible_at = self._account.time.now + seconds * 1000
        self._account.time.at(message.visible_at, self._deliver)

    def _deliver(self) -> None:
        visible = [it for it in self.messages if it.visible_at <= self._account.time.now]
        if not (batch := visible[: _POLLER["BatchSize"]]):
            return
        for message in batch:
            message.receives += 1
            self._hide(message, _QUEUE["VisibilityTimeout"])
        exhausted = [it for it in batch if it.receives > _QUEUE["RedrivePolicy"]["maxReceiveCount"]]
        if exhausted:
            self._account.bugs.append("an event went to the dead letters")
            self.messages = [it for it in self.messages if it not in exhausted]
            return

        def delete_handled(answer: dict[str, Any] | None) -> None:
            if answer is not None:
                failed = {it["itemIdentifier"] for it in answer["batchItemFailures"]}
                self.messages = [it for it in self.messages if it not in batch or it.record["messageId"] in failed]

        self._invoke({"Records": [it.record for it in batch]}, delete_handled)
        self._deliver()
