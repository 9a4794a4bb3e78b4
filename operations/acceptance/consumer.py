"""The rule and the queue through which the run receives the stack's outcome events: connected, and removed again."""

import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from operations.deployed.clock import await_that
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
    events = OutcomeEvents(client, listen(client, bus_name, name, _PATTERN))

    def canaries_arrive() -> bool:
        canaries = [secrets.token_hex(8) for _ in range(_CANARIES)]
        for canary in canaries:
            detail = json.dumps({"verificationId": canary})
            entry = {"EventBusName": bus_name, "Source": _SOURCE, "DetailType": _DETAIL_TYPE, "Detail": detail}
            client("events").put_events(Entries=[entry])
        with suppress(TimeoutError):
            return await_that(lambda: have_arrived(canaries), pause_seconds, "all of them have arrived")
        return False

    def have_arrived(canaries: list[str]) -> bool:
        events.receive(wait_seconds=1)
        return all(events.of(canary) for canary in canaries)

    await_that(canaries_arrive, READY_SECONDS, f"the bus {bus_name} delivers test events")
    return events.url


def disconnect(client: Callable[[str], Any], bus_name: str, name: str) -> None:
    """Removes rule and queue, whatever is there of them."""
    sqs, rule = client("sqs"), {"EventBusName": bus_name}
    with suppress(ClientError):
        client("events").remove_targets(Rule=name, Ids=["queue"], **rule)
    with suppress(ClientError):
        client("events").delete_rule(Name=name, **rule)
    with suppress(ClientError):
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"])
