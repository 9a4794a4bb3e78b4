"""A consumer of a stack's outcome events: a queue and a rule on its bus, made for the run."""

import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

#: A new rule, target or queue policy may take effect later: EventBridge names no limit, SQS says up to 60 s.
READY_SECONDS = 90
_CANARY = {"source": "linkwatch.acceptance", "detail-type": "Canary"}
_CANARIES = 5


class OutcomeConsumer:
    """Reads the outcome events of one stack. name: of the queue and of the rule."""

    def __init__(self, client: Callable[[str], Any], bus_name: str, name: str) -> None:
        self._sqs, self._events, self._bus_name, self._name = client("sqs"), client("events"), bus_name, name
        self._url = ""
        self._outcomes: dict[str, dict[str, dict[str, Any]]] = {}
        self._canaries: set[str] = set()
        #: When each event arrived in the queue first, by the event's id: epoch milliseconds.
        self.arrived_ms: dict[str, int] = {}

    def connect(self, pause_seconds: float = 5) -> None:
        """Makes queue and rule; returns when five events in a row have arrived. Raises TimeoutError after 90 s, ClientError."""
        bus_arn = self._events.describe_event_bus(Name=self._bus_name)["Arn"]
        _, partition, _, region, account, _ = bus_arn.split(":", 5)
        arn = f"arn:{partition}:sqs:{region}:{account}:{self._name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {
                "ArnEquals": {
                    "aws:SourceArn": f"arn:{partition}:events:{region}:{account}:rule/{self._bus_name}/{self._name}"
                }
            },
        }
        policy = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}
        # With its policy from the beginning: EventBridge does not retry what it has no permission to deliver.
        self._url = self._sqs.create_queue(QueueName=self._name, Attributes=policy)["QueueUrl"]
        pattern = {
            "source": ["linkwatch", _CANARY["source"]],
            "detail-type": ["VerificationSettled", _CANARY["detail-type"]],
        }
        of_bus = {"EventBusName": self._bus_name}
        self._events.put_rule(Name=self._name, EventPattern=json.dumps(pattern), **of_bus)
        self._events.put_targets(Rule=self._name, Targets=[{"Id": "queue", "Arn": arn}], **of_bus)
        gives_up_at = time.monotonic() + READY_SECONDS
        while not self._canaries_arrive(pause_seconds):
            if time.monotonic() > gives_up_at:
                raise TimeoutError(f"the bus {self._bus_name} delivered no test events within {READY_SECONDS} s")

    def _canaries_arrive(self, pause_seconds: float) -> bool:
        sent = [secrets.token_hex(8) for _ in range(_CANARIES)]
        for name in sent:
            entry = {
                "EventBusName": self._bus_name,
                "Source": _CANARY["source"],
                "DetailType": _CANARY["detail-type"],
                "Detail": json.dumps({"canary": name}),
            }
            self._events.put_events(Entries=[entry])
        gives_up_at = time.monotonic() + pause_seconds
        while True:
            self.receive()
            if self._canaries.issuperset(sent):
                return True
            if time.monotonic() > gives_up_at:
                return False

    def receive(self) -> None:
        """Reads what has arrived. Long polls: a short one may find nothing although there are messages."""
        options = {
            "MaxNumberOfMessages": 10,
            "WaitTimeSeconds": 1,
            "MessageSystemAttributeNames": ["SentTimestamp"],
        }
        while got := self._sqs.receive_message(QueueUrl=self._url, **options).get("Messages"):
            for message in got:
                self._note(json.loads(message["Body"]), int(message["Attributes"]["SentTimestamp"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])

    def _note(self, event: dict[str, Any], sent_ms: int) -> None:
        if event["detail-type"] == _CANARY["detail-type"]:
            self._canaries.add(event["detail"]["canary"])
            return
        # Bus and queue deliver at least once: a second delivery has the same id, a second publication another one.
        self._outcomes.setdefault(event["detail"]["verificationId"], {})[event["id"]] = event
        self.arrived_ms[event["id"]] = min(sent_ms, self.arrived_ms.get(event["id"], sent_ms))

    def events_of(self, verification_id: str) -> list[dict[str, Any]]:
        """The outcome events of a verification that have been received so far, whole."""
        return list(self._outcomes.get(verification_id, {}).values())

    def disconnect(self) -> None:
        """Removes rule and queue, whatever is there of them."""
        of_bus = {"EventBusName": self._bus_name}
        with suppress(ClientError):
            self._events.remove_targets(Rule=self._name, Ids=["queue"], **of_bus)
        with suppress(ClientError):
            self._events.delete_rule(Name=self._name, **of_bus)
        with suppress(ClientError):
            self._sqs.delete_queue(QueueUrl=self._sqs.get_queue_url(QueueName=self._name)["QueueUrl"])
