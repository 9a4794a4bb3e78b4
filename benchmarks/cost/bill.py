"""Counts and durations into USD, for each service."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cost.counts import Counts
from benchmarks.look import figures
from benchmarks.look.report import MEGABYTES_OF_ONE_PROCESSOR

ROOT = Path(__file__).parents[2]
PRICES: dict[str, dict[str, float]] = tomllib.loads(Path(__file__).with_name("prices.toml").read_text("utf-8"))

#: CheckLink's line with Lambda's START, END and REPORT; a door's two lines with those, and API Gateway's access log.
LOG_BYTES_PER_CHECK, LOG_BYTES_PER_START = 650, 1_200
#: A door's own work and its calls of AWS, when it is warm. Assumed: its share of the bill is too small to measure it for.
VIA_SECONDS = 0.1
#: The template's MemorySize.
VIA_MEGABYTES = 512
#: Each combination of dimensions that occurs is one: four answers, some reasons and outcomes, eight without either.
METRICS = 20
MINUTES_A_MONTH = 60 * 24 * 365 / 12


@dataclass(frozen=True)
class Assumptions:
    """What the counts do not say."""

    vendor_seconds: float = 0.3
    memory_megabytes: int = 256
    architecture: str = "x86_64"
    cold_starts: float = 1  # of the checks of one verification: it has a Lambda to itself, the worst case


def of_linkwatch(counts: Counts, by: Assumptions) -> dict[str, float]:
    """USD for one verification, by service."""
    started = figures.kept()["starts"]["check_link"]["answer_cpu_ms"]["median"] / 1000
    return _of(counts, by, started, secrets=by.cold_starts)


def of_usual(counts: Counts, by: Assumptions) -> dict[str, float]:
    """The same for the usual loop: each of its Lambdas starts as the usual stack does."""
    started = figures.kept()["starts"]["usual_sources"]["answer_cpu_ms"]["median"] / 1000
    return _of(counts, by, started, secrets=by.cold_starts)


def _of(counts: Counts, by: Assumptions, cold_cpu_seconds: float, secrets: float) -> dict[str, float]:
    share = by.memory_megabytes / MEGABYTES_OF_ONE_PROCESSOR
    warm = figures.kept()["warm"]["check_cpu"]["median"] / 1e6 / share + by.vendor_seconds
    check_seconds = counts.checks * warm + by.cold_starts * cold_cpu_seconds / share
    megabyte_seconds = check_seconds * by.memory_megabytes + counts.other_lambdas * VIA_SECONDS * VIA_MEGABYTES
    lambdas, machine, table = PRICES["lambda"], PRICES["step_functions"], PRICES["dynamodb"]
    log_bytes = counts.checks * LOG_BYTES_PER_CHECK + counts.other_lambdas * LOG_BYTES_PER_START
    return {
        "Step Functions": counts.transitions * machine["transition"]
        + counts.express_children * machine["express_request"]
        + counts.express_seconds * 64 / 1024 * machine["express_gigabyte_second"],
        "Lambda": (counts.checks + counts.other_lambdas) * lambdas["request"]
        + megabyte_seconds / 1024 * lambdas[f"gigabyte_second_{by.architecture}"],
        "DynamoDB": (counts.table_writes + counts.index_writes) * table["write_request_unit"],
        "EventBridge": counts.events * PRICES["eventbridge"]["event"],
        "API Gateway": PRICES["api_gateway"]["request"],
        "logs, traces, secret": log_bytes / 1e9 * PRICES["cloudwatch"]["log_gigabyte"]
        + 2 * PRICES["xray"]["trace"]
        + secrets * PRICES["secrets_manager"]["call"],
    }


def by_the_month(by: Assumptions) -> dict[str, float]:
    """USD a month, whatever happens: what the template declares, and a sweep each minute."""
    template = (ROOT / "template.yaml").read_text("utf-8")
    alarms = len(re.findall(r"Type: AWS::CloudWatch::Alarm\b", template))
    dashboards = len(re.findall(r"Type: AWS::CloudWatch::Dashboard\b", template))
    prices: dict[str, Any] = PRICES
    sweep = (
        prices["lambda"]["request"]
        + VIA_SECONDS * VIA_MEGABYTES / 1024 * prices["lambda"][f"gigabyte_second_{by.architecture}"]
        + prices["eventbridge"]["scheduled_invocation"]
        + prices["dynamodb"]["read_request_unit"]
        + LOG_BYTES_PER_START / 1e9 * prices["cloudwatch"]["log_gigabyte"]
        + prices["xray"]["trace"]
    )
    return {
        f"{alarms} alarms": alarms * prices["cloudwatch"]["alarm_month"],
        f"{METRICS} custom metrics": METRICS * prices["cloudwatch"]["metric_month"],
        f"{dashboards} dashboard": dashboards * prices["cloudwatch"]["dashboard_month"],
        "the secret": prices["secrets_manager"]["secret_month"],
        "a sweep each minute": sweep * MINUTES_A_MONTH,
    }
