"""AWS's default quotas, the token buckets that it counts calls with, and the template's numbers. Times are in seconds.

Quotas are those of an account in a region, as of 2026-11. The Service Quotas console shows your own; a new account may have less.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import loads as load_yaml

_ROOT = Path(__file__).parents[2]
_TEMPLATE: dict[str, Any] = load_yaml((_ROOT / "template.yaml").read_text("utf-8"))
STATES: dict[str, Any] = json.loads((_ROOT / "statemachine" / "link_watch.asl.json").read_text("utf-8"))["States"]

#: region: its names, and for each quota what may be taken at once, and what comes back each second
#: (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)
REGIONS: dict[str, dict[str, Any]] = {
    "large": {
        "names": "us-east-1, us-west-2, eu-west-1",
        "StartExecution": (1300, 300),
        "DescribeExecution": (300, 15),
        "ListExecutions": (200, 5),
        "StateTransition": (5000, 5000),
    },
    "other": {
        "names": "other regions",
        "StartExecution": (800, 150),
        "DescribeExecution": (250, 10),
        "ListExecutions": (100, 2),
        "StateTransition": (800, 800),
    },
}
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_CONCURRENCY = 1000
#: Five batches at a time, up to 300 more each minute (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html).
QUEUE_BATCHES_AT_FIRST, QUEUE_BATCHES_MORE_EACH_SECOND = 5, 5
#: How long a call takes. AWS does not publish it: these are assumed, on the slow side. ListExecutions gives 1,000, Scan 1 MB.
CALL_SECONDS = {
    "StartExecution": 0.05,
    "DescribeExecution": 0.03,
    "ListExecutions": 0.2,
    "Scan": 0.1,
    "PutItem": 0.01,
    "UpdateItem": 0.01,
}


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
