"""Decides, once for each verification that a sender of ours has started, what its outcome means for the customer.

An event is a hint: anybody who may put events on the bus can forge one. So the decision is made on what linkwatch has stored, and
only for a verificationId whose row a sender has written when Signzy answered it (examples/sender). correlationId is whatever the
caller of linkwatch wrote: it decides nothing.

An event may arrive twice, and a Lambda may end at any line. So the act is one conditional write, which either happened or did
not. Where your act is elsewhere (an e-mail, another system), let it start from this table's stream, or make it idempotent by
verificationId and do it before the write.
"""

import json
import os
from typing import Any, Literal

import boto3
from botocore.config import Config

from linkwatch_api import read_verification

# Two calls, each of which fails twice with a back-off of at most 1 s: 2 × (2 × (1 + 2) + 1) = 14 s, below the function's 20 s.
# With the API in place of the first one, 5 + 7 = 12 s.
_config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
_dynamodb: Any = boto3.resource("dynamodb", config=_config)
_decisions = _dynamodb.Table(os.environ["DECISIONS_TABLE"])


class NotStored(Exception):
    """linkwatch has stored no such outcome. It stores before it publishes: the event is forged."""


def decide(outcome: str, result: dict[str, Any] | None) -> Literal["ALLOW", "DENY", "ASK_AGAIN", "REVIEW", "CLOSE"]:
    """Returns what an outcome means. Yours may differ, but "clicked" alone does not mean "the right phone"."""
    match outcome:
        case "LINK_CLICKED" if result and result["phoneMatch"] == "false":
            return "DENY"  # the link was tapped on another line
        case "LINK_CLICKED" if result and result["phoneMatch"] == "true" and result["ipAddressMatch"] is True:
            return "ALLOW"
        case "LINK_CLICKED":
            return "REVIEW"  # the carrier could not tell, or it was another device, or Signzy did not say
        case "EXPIRED" | "UNKNOWN":
            return "ASK_AGAIN"  # it was not tapped, or that is unknown: send a new link
        case "CANCELLED":
            return "CLOSE"
        case "REJECTED":
            return "REVIEW"  # the ids were wrong: a defect of the sender
        case _:
            raise ValueError(f"unknown outcome: {outcome}")


def handler(event: dict[str, Any], _context: object) -> None:
    """Takes one VerificationSettled event. Whatever it raises, Lambda tries again, then keeps the event in OutcomesNotHandled."""
    verification_id = event["detail"]["verificationId"]
    stored = _stored(verification_id)
    if not stored.get("outcome"):
        raise NotStored("an event about an outcome that is not stored: no decision")
    decision = decide(stored["outcome"], stored["result"])
    try:
        _decisions.update_item(
            Key={"verificationId": verification_id},
            ConditionExpression="attribute_exists(verificationId) AND attribute_not_exists(decision)",
            UpdateExpression="SET decision = :decision, outcome = :outcome, settledAt = :settledAt",
            ExpressionAttributeValues={
                ":decision": decision,
                ":outcome": stored["outcome"],
                ":settledAt": stored["settledAt"],
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except _dynamodb.meta.client.exceptions.ConditionalCheckFailedException as refused:
        decision = "decided before" if "Item" in refused.response else "not one of ours, no decision"
    print(f"{verification_id}: {decision}")


def _stored(verification_id: str) -> dict[str, Any]:
    """What linkwatch has stored, from its API in another account (examples/consumer_account), which cannot read the table."""
    if "API_URL" in os.environ:
        return read_verification(os.environ["API_URL"], verification_id) or {}
    key = {"verificationId": verification_id}
    item = _dynamodb.Table(os.environ["TABLE_NAME"]).get_item(Key=key, ConsistentRead=True).get("Item", {})
    return item | {"result": json.loads(item.get("result", "null"))}
