"""examples/webhook for its tests: its template, an outcome that it sends, keys that it signs with."""

import base64
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import loads as load_yaml

from tests.unit.outcome_items import EVENT
from webhook import Message, SigningKeys, message_of

ROOT = Path(__file__).parents[2]
TEMPLATE = load_yaml((ROOT / "examples" / "webhook" / "template.yaml").read_text("utf-8"))
DAY = 86_400

CURRENT = f"whsec_{base64.b64encode(b'c' * 32).decode()}"
PREVIOUS = f"whsec_{base64.b64encode(b'p' * 24).decode()}"


#: The sample's outcome, as linkwatch's table has it and boto3 reads it.
STORED = {**EVENT["detail"], "checks": Decimal(30), "result": "null", "status": "SETTLED"}


def outcome_message(**stored: Any) -> Message:
    return message_of(EVENT, STORED | stored)


def keys(current: str = CURRENT, previous: str = "") -> SigningKeys:
    return SigningKeys.parse(json.dumps({"current": current, "previous": previous}))
