"""examples/webhook for its tests: its template, the event that it sends, keys that it signs with."""

import base64
import json
from pathlib import Path

from cfnlint.decode.cfn_yaml import loads as load_yaml

from webhook import SigningKeys

ROOT = Path(__file__).parents[2]
TEMPLATE = load_yaml((ROOT / "examples" / "webhook" / "template.yaml").read_text("utf-8"))
EVENT = json.loads((ROOT / "events" / "measure-outcomes.json").read_text("utf-8"))
DAY = 86_400

CURRENT = f"whsec_{base64.b64encode(b'c' * 32).decode()}"
PREVIOUS = f"whsec_{base64.b64encode(b'p' * 24).decode()}"


def keys(current: str = CURRENT, previous: str = "") -> SigningKeys:
    return SigningKeys.parse(json.dumps({"current": current, "previous": previous}))
