"""Counts and durations into USD, for each service."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cost.counts import Counts

ROOT = Path(__file__).parents[2]
PRICES: dict[str, dict[str, float]] = tomllib.loads(Path(__file__).with_name("prices.toml").read_text("utf-8"))

#: docs/performance.md: CPU of a start with its first check (CheckLink with byte-code, the usual stack without), CPU of a check on
#: a kept connection, and the day of the measurement.
COLD_CPU_SECONDS = {"check_link": 0.17711, "usual_sources": 1.27018}
WARM_CPU_SECONDS = 212.19e-6
MEASURED_ON = "2026-11-26"
#: "At 1,769 MB, a function has the equivalent of one vCPU": https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MEGABYTES_OF_ONE_PROCESSOR = 1769
#: CheckLink's line with Lambda's START, END and REPORT; an entry point's two lines with those, and API Gateway's access log.
LOG_BYTES_PER_CHECK, LOG_BYTES_PER_START = 650, 1_200
#: An entry point's own work and its calls of AWS, when it is warm. Assumed: its share of the bill is too small to measure it for.
VIA_SECONDS = 0.1
#: The template's MemorySize.
VIA_MEGABYTES = 512
#: Each combination of dimensions that occurs is one: four answers, some reasons and outcomes, eight without either.
METRICS = 20
#: Five readers wait for messages for 20 s each (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html).
POLLS_A_MINUTE = 15
MINUTES_A_MONTH = 60 * 24 * 365 / 12


@dataclass(frozen=True)
class Assumptions:
    """What the counts do not say."""

    vendor_seconds: float = 0.3
    memory_megabytes: int = 256
    architecture: str = "x86_64"
    cold_starts: float = 1  # of the checks of one verification: it has a Lambda to itself, the worst case


def of_linkwatch(counts: Counts, by: Assumptions) -> dict[str, float]:
    """USD for one verification that is started by the API, by service."""
    return _of(counts, by, "check_link")


def of_usual_loop(counts: Counts, by: Assumptions) -> dict[str, float]:
    """The same for the usual loop: each of its Lambdas starts as the usual stack does."""
    return _of(counts, by, "usual_sources")


def _of(counts: Counts, by: Assumptions, start: str) -> dict[str, float]:
    share = by.memory_megabytes / MEGABYTES_OF_ONE_PROCESSOR
    warm = WARM_CPU_SECONDS / share + by.vendor_seconds
    check_seconds = counts.checks * warm + by.cold_starts * COLD_CPU_SECONDS[start] / share
    megabyte_seconds = check_seconds * by.memory_megabytes + counts.other_lambdas * VIA_SECONDS * VIA_MEGABYTES
    lambdas, table = PRICES["lambda"], PRICES["dynamodb"]
    log_bytes = counts.checks * LOG_BYTES_PER_CHECK + counts.other_lambdas * LOG_BYTES_PER_START
    return {
        "Step Functions": counts.transitions * PRICES["step_functions"]["transition"],
        "Lambda": (counts.checks + counts.other_lambdas) * lambdas["request"]
        + megabyte_seconds / 1024 * lambdas[f"gigabyte_second_{by.architecture}"],
        "DynamoDB": (counts.table_writes + counts.index_writes) * table["write_request_unit"]
        + counts.table_reads * table["read_request_unit"],
        "EventBridge": counts.events * PRICES["eventbridge"]["event"],
        "API Gateway": PRICES["api_gateway"]["request"],
        "logs, traces, secret": log_bytes / 1e9 * PRICES["cloudwatch"]["log_gigabyte"]
        + 2 * PRICES["xray"]["trace"]
        + by.cold_starts * PRICES["secrets_manager"]["call"],
    }


def saved_by_the_bus() -> float:
    """USD by which a start by an event is cheaper than one by the API: an event, and three requests of the queue, instead of one
    of API Gateway.
    """
    by_event = PRICES["eventbridge"]["event"] + 3 * PRICES["sqs"]["request"]
    return PRICES["api_gateway"]["request"] - by_event


def by_the_month(by: Assumptions) -> dict[str, float]:
    """USD a month, whatever happens: what the template declares, a sweep each minute, and Lambda asking an empty queue."""
    template = (ROOT / "template.yaml").read_text("utf-8")
    alarms = len(re.findall(r'"\$\{\w+\.Arn\}"', template))  # loops make them; the dashboard lists them all
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
        "Lambda asks the queue": POLLS_A_MINUTE * MINUTES_A_MONTH * prices["sqs"]["request"],
    }
