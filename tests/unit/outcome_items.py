"""What the tests of the examples share: verifications as linkwatch's table has them, and keys of a webhook."""

import base64
import json
from typing import Any

from tests.sample_events import event

#: The outcome event of VERIFICATION_ID, as it comes from the bus.
EVENT = event("measure-outcomes")
VERIFICATION_ID: str = EVENT["detail"]["verificationId"]
CLICKED = {
    "transactionId": "t-1",
    "carrier": "T-Mobile USA",
    "lineType": "Mobile",
    "countryCode": "US",
    "phoneMatch": "true",
    "ipAddressMatch": True,
}

CURRENT = f"whsec_{base64.b64encode(b'c' * 32).decode()}"
PREVIOUS = f"whsec_{base64.b64encode(b'p' * 24).decode()}"


def open_item(verification_id: str = VERIFICATION_ID, **fields: str) -> dict[str, Any]:
    """An item in DynamoDB's types, whose outcome is not stored yet."""
    texts = {
        name: EVENT["detail"][name] for name in ("schemaVersion", "requestId", "sessionId", "linkSentAt", "deadline")
    }
    texts |= {"verificationId": verification_id, "status": "WATCHING", "executionName": verification_id, **fields}
    return {name: {"S": value} for name, value in texts.items()}


def settled_item(
    outcome: str, result: dict[str, Any] | None = None, verification_id: str = VERIFICATION_ID, **fields: str
) -> dict[str, Any]:
    """An item in DynamoDB's types, with its outcome."""
    ends = {"status": "SETTLED", "outcome": outcome, "reason": "", "settledAt": "2026-11-23T10:05:02.500Z"}
    item = open_item(verification_id, **ends, result=json.dumps(result), **fields)
    return item | ({} if outcome == "CANCELLED" else {"checks": {"N": "30"}})
