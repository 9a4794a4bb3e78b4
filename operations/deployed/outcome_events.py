"""The outcome events of a stack, as a consumer receives them: through a queue on its bus."""

import json
import threading
from collections.abc import Callable
from typing import Any


def listen(client: Callable[[str], Any], bus_name: str, name: str) -> str:
    """Creates a queue and a rule of this name that routes outcome events to it. Returns the queue's URL.

    The queue has its policy from the beginning and the rule comes last: EventBridge does not retry what it may not deliver.
    """
    sqs, events = client("sqs"), client("events")
    made = {"Name": name, "EventBusName": bus_name}
    pattern = json.dumps({"source": ["linkwatch"], "detail-type": ["VerificationSettled"]})
    rule = events.put_rule(**made, EventPattern=pattern, State="DISABLED")["RuleArn"]
    _, partition, _, region, account, _ = rule.split(":", 5)
    arn = f"arn:{partition}:sqs:{region}:{account}:{name}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
    events.put_targets(Rule=name, EventBusName=bus_name, Targets=[{"Id": "queue", "Arn": arn}])
    events.put_rule(**made, EventPattern=pattern, State="ENABLED")
    return url


class OutcomeEvents:
    """The events that have come to the queue, each message once."""

    def __init__(self, client: Callable[[str], Any], url: str) -> None:
        """Client gives boto3's client of a service."""
        self._client = client
        self.url = url
        #: Other processes read the queue, too: received messages stay in it.
        self.is_shared = False
        #: When each event came, by its id: epoch milliseconds.
        self.arrived_ms: dict[str, int] = {}
        self._received: set[str] = set()
        self._events: dict[str, list[dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def of(self, verification_id: str) -> list[dict[str, Any]]:
        """The events of a verification, whole, in the order in which they came."""
        with self._lock:
            self._receive()
            return list(self._events.get(verification_id, []))

    def _receive(self) -> None:
        sqs = self._client("sqs")
        options = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 5, "MessageSystemAttributeNames": ["SentTimestamp"]}
        while got := sqs.receive_message(QueueUrl=self.url, **options).get("Messages"):
            for message in got:
                if message["MessageId"] not in self._received:
                    event = json.loads(message["Body"])
                    self._events.setdefault(event["detail"]["verificationId"], []).append(event)
                    self.arrived_ms[event["id"]] = int(message["Attributes"]["SentTimestamp"])
                    self._received.add(message["MessageId"])
                if not self.is_shared:
                    sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
