"""The outcome events of a stack, as a consumer receives them: through a queue on its bus."""

import json
import threading
from collections.abc import Callable
from typing import Any

_OUTCOMES = {"source": ["linkwatch"], "detail-type": ["VerificationSettled"]}


def listen(client: Callable[[str], Any], bus_name: str, name: str) -> str:
    """Creates a queue and a rule of this name that routes outcome events to it. Returns the queue's URL.

    The queue has its policy from the beginning and the rule comes last: EventBridge does not retry what it may not deliver.
    """
    sqs, events = client("sqs"), client("events")
    made = {"Name": name, "EventBusName": bus_name, "EventPattern": json.dumps(_OUTCOMES)}
    rule = events.put_rule(**made, State="DISABLED")["RuleArn"]
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
    events.put_rule(**made, State="ENABLED")
    return url


class OutcomeEvents:
    """The events that have come to the queue, each once.

    Bus and queue deliver at least once: a second delivery has the id of the first, a second publication another one.
    """

    def __init__(self, client: Callable[[str], Any], url: str) -> None:
        """client: gives boto3's client of a service."""
        self._client = client
        self.url = url
        #: Other processes read the queue, too: received messages stay in it.
        self.is_shared = False
        self._events: dict[str, dict[str, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def of(self, verification_id: str) -> list[dict[str, Any]]:
        """The events of a verification that have been received, whole, in the order in which they came."""
        with self._lock:
            return list(self._events.get(verification_id, {}).values())

    def receive(self, wait_seconds: int = 0) -> None:
        """Reads what has come. wait_seconds: of a long poll; a short one may find nothing although there are messages."""
        sqs = self._client("sqs")
        options = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 5}
        with self._lock:
            while got := sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=wait_seconds, **options).get(
                "Messages"
            ):
                for message in got:
                    event = json.loads(message["Body"])
                    self._events.setdefault(event["detail"]["verificationId"], {}).setdefault(event["id"], event)
                    if not self.is_shared:
                        sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
