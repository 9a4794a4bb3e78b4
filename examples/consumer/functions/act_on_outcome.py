"""Decides, once for each verification, what its outcome means for the customer.

An event may arrive twice, and a function may end at any line. So it acts by one conditional write, which is either done or not.
If you act elsewhere (an e-mail, another system), start from this table's stream, or make the act idempotent by verificationId and
do it before the write.
"""

import os
from typing import Any, Literal

import boto3
from botocore.exceptions import ClientError

Decision = Literal["ALLOW", "DENY", "ASK_AGAIN", "REVIEW", "CLOSE"]

_table: Any = boto3.resource("dynamodb").Table(os.environ["DECISIONS_TABLE"])


def decide(outcome: str, result: dict[str, Any] | None) -> Decision:
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
            return "REVIEW"  # the ids are wrong: a defect of the sender
        case _:
            raise ValueError(f"unknown outcome: {outcome}")  # the event waits in the queue


def handler(event: dict[str, Any], _context: object) -> None:
    """Takes a VerificationSettled event. Raises ClientError and ValueError, and Lambda tries again."""
    settled = event["detail"]
    decision = decide(settled["outcome"], settled["result"])
    known = {name: settled[name] for name in ("verificationId", "correlationId", "outcome", "settledAt")}
    try:
        _table.put_item(
            Item={**known, "decision": decision}, ConditionExpression="attribute_not_exists(verificationId)"
        )
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
            raise
        print(f"{settled['verificationId']}: decided before")
        return
    print(f"{settled['verificationId']}: {decision}")
