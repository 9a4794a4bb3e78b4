"""The sample events in events/."""

import json
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parents[1] / "events"


def event(name: str) -> dict[str, Any]:
    """What a function gets."""
    return json.loads((EVENTS / f"{name}.json").read_text("utf-8"))


def link_sent(name: str = "instant-link-sent") -> dict[str, Any]:
    """The event on the bus that InstantLinkSent gets in a message of its queue."""
    return json.loads(event(name)["Records"][0]["body"])
