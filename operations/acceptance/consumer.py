"""The rule and the queue through which the run receives the stack's outcome events: connected, and removed again."""

import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from operations.deployed.outcome_events import OUTCOMES, OutcomeEvents, listen

#: A new rule, target or queue policy may take effect later: EventBridge names no limit, SQS says up to 60 s.
READY_SECONDS = 90
_SOURCE, _DETAIL_TYPE = "linkwatch.acceptance", "Canary"
_PATTERN = {"source": [*OUTCOMES["source"], _SOURCE], "detail-type": [*OUTCOMES["detail-type"], _DETAIL_TYPE]}
_CANARIES = 5


def connect(client: Callable[[str], Any], bus_name: str, name: str, pause_seconds: float = 5) -> str:
    """Makes queue and rule of this name. Returns the queue's URL when five test events in a row have arrived.

    Raises TimeoutError after 90 s, ClientError.
    """
    url = listen(client, bus_name, name, _PATTERN)
    events, gives_up_at = OutcomeEvents(client, url), time.monotonic() + READY_SECONDS
    while True:
        canaries = [secrets.token_hex(8) for _ in range(_CANARIES)]
        for canary in canaries:
            detail = json.dumps({"verificationId": canary})
            entry = {"EventBusName": bus_name, "Source": _SOURCE, "DetailType": _DETAIL_TYPE, "Detail": detail}
            client("events").put_events(Entries=[entry])
        pauses_until = time.monotonic() + pause_seconds
        while True:
            events.receive(wait_seconds=1)
            if all(events.of(canary) for canary in canaries):
                return url
            if time.monotonic() > pauses_until:
                break
        if time.monotonic() > gives_up_at:
            raise TimeoutError(f"the bus {bus_name} delivered no test events within {READY_SECONDS} s")


def disconnect(client: Callable[[str], Any], bus_name: str, name: str) -> None:
    """Removes rule and queue, whatever is there of them."""
    sqs, rule = client("sqs"), {"EventBusName": bus_name}
    with suppress(ClientError):
        client("events").remove_targets(Rule=name, Ids=["queue"], **rule)
    with suppress(ClientError):
        client("events").delete_rule(Name=name, **rule)
    with suppress(ClientError):
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])
