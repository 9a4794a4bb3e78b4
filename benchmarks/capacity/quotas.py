"""AWS's default quotas, the token buckets that it counts calls with, and the template's numbers. Times are in seconds."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import loads as load_yaml

_ROOT = Path(__file__).parents[2]
QUOTAS: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
ASSUMED_SECONDS: dict[str, float] = QUOTAS["assumed_seconds"]
STATES: dict[str, Any] = json.loads((_ROOT / "statemachine" / "link_watch.asl.json").read_text("utf-8"))["States"]

_TEMPLATE: dict[str, Any] = load_yaml((_ROOT / "template.yaml").read_text("utf-8"))


def default_of(parameter: str) -> int:
    """The default of one of the template's numbers."""
    return int(_TEMPLATE["Parameters"][parameter]["Default"])


def properties_of(resource: str) -> dict[str, Any]:
    """The properties of one of the template's resources."""
    return _TEMPLATE["Resources"][resource]["Properties"]


@dataclass
class Bucket:
    """A token bucket, full at first. Calls come in order of time."""

    size: float
    refill: float
    _empty_until: float = 0

    @staticmethod
    def of(regions: str, quota: str) -> "Bucket":
        """A default quota in the large or the other regions."""
        allowed = QUOTAS["regions"][regions][quota]
        return Bucket(allowed["bucket"], allowed["refill"])

    def take(self, at: float) -> float:
        """When the token is there, for one that waits in line from this time: this is how state transitions are delayed."""
        self._empty_until = max(self._empty_until, at) + 1 / self.refill
        return max(at, self._empty_until - self.size / self.refill)

    def take_now(self, at: float) -> bool:
        """Takes a token if there is one, and nothing otherwise: this is how calls are refused."""
        if max(self._empty_until, at) + 1 / self.refill - self.size / self.refill > at + 1e-9:
            return False
        self.take(at)
        return True
