"""What each alarm of our metrics is for is published as that metric, with the alarm's dimensions and beyond its threshold; every
deployed alarm goes off and back.

The emulator knows no embedded metrics and no metric filters: the test makes metrics of what the deployed functions log, as
CloudWatch does. tests/static compares the deployed alarms with the table of them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from local.stack import Stack
from operations.deployed.clock import await_that
from simulator.server import DEFAULT_TOKEN
from tests.integration import calls
from tests.integration.conftest import patience, send_link, sweep
from tests.sample_events import event
from tests.static.alarms import ALARMS
from tests.static.patterns import matches_line

PROBE = {"requestId": "0" * 24, "sessionId": "0" * 24}
SETTLED = event("measure-outcomes")
#: How many of the data points below within the alarm's period.
TIMES = {"StartsUnusuallyMany": 1001}
#: test_recovery.py shows TakeoversRepeated and TakeoversExhausted; of the others a sweep publishes samples of 0.
OF_RECOVERY = {"SweepMissing", "OpenPastDeadline", "TakeoversRepeated", "TakeoversExhausted"}
OURS = [name for name, alarm in ALARMS.items() if alarm.metric.startswith("linkwatch/") and name not in OF_RECOVERY]


class Datum(NamedTuple):
    metric: str
    dimensions: dict[str, str]
    value: float


def embedded_in(line: Mapping[str, Any]) -> Iterator[Datum]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html"""
    for made in line.get("_aws", {}).get("CloudWatchMetrics", []):
        for keys in made["Dimensions"]:
            for metric in made["Metrics"]:
                for value in line[metric["Name"]]:
                    yield Datum(f"{made['Namespace']}/{metric['Name']}", {key: line[key] for key in keys}, value)


def filtered_from(line: dict[str, Any], filters: list[dict[str, Any]]) -> Iterator[Datum]:
    """filters: as CloudWatch Logs describes them."""
    for each in filters:
        if matches_line(each["filterPattern"], line):
            [made] = each["metricTransformations"]
            dimensions = {key: line[field.removeprefix("$.")] for key, field in made["dimensions"].items()}
            value = line.get(made["metricValue"].removeprefix("$."), made["metricValue"])
            yield Datum(f"{made['metricNamespace']}/{made['metricName']}", dimensions, float(value))


@pytest.fixture(scope="module")
def published(stack) -> list[Datum]:
    """What the functions publish when all goes wrong that the alarms of our metrics are for."""
    before = {function: len(stack.logs_of(function)) for function in stack.functions()}

    refuse_the_token(stack)
    defer_a_start_and_return_an_event(stack)
    put_a_malformed_event(stack)
    sweep(stack)
    for outcome in ("UNKNOWN", "REJECTED"):
        detail = SETTLED["detail"] | {"outcome": outcome, "settledAt": "2099-01-01T00:00:00.000Z"}
        stack.invoke("MeasureOutcomes", json.dumps(SETTLED | {"detail": detail}))

    logged = "\n".join(stack.logs_of(function)[seen:] for function, seen in before.items())
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    filters = stack.client("logs").describe_metric_filters()["metricFilters"]
    return [datum for line in lines for datum in (*embedded_in(line), *filtered_from(line, filters))]


def refuse_the_token(stack: Stack) -> None:
    link = send_link(stack)
    stack.signzy.take_token("another")
    for ids in (link.fields, PROBE):
        stack.invoke("CheckLink", json.dumps(ids))
    stack.signzy.take_token(DEFAULT_TOKEN)


def defer_a_start_and_return_an_event(stack: Stack) -> None:
    by_api, by_event = send_link(stack), send_link(stack)
    calls.refuse(stack, calls.START, by_api.verification_id, 3600, times=calls.TRIES)
    calls.refuse(stack, calls.PUT, by_event.verification_id, 3600, times=calls.TRIES)
    by_api.start_by("api")
    by_event.start_by("event")


def put_a_malformed_event(stack: Stack) -> None:
    stack.put_link_sent({"requestId": "malformed"})
    await_that(stack.dead_letters, patience(stack), "it is among the dead letters")
    stack.purge_dead_letters()


def sets_off(name: str, published: list[Datum]) -> bool:
    alarm, times = ALARMS[name], TIMES.get(name, 1)
    _, comparison, threshold = alarm.goes_off.split()
    values = [datum.value * times for datum in published if datum[:2] == (alarm.metric, alarm.dimensions)]
    return any(value > float(threshold) if comparison == ">" else value < float(threshold) for value in values)


@pytest.mark.parametrize("name", OURS)
def test_what_an_alarm_is_for_is_published_as_its_metric(published, name):
    assert sets_off(name, published)


@pytest.mark.parametrize("name", ["SweepMissing", "OpenPastDeadline"])
def test_a_sweep_publishes_what_is_open_past_its_deadline(name, published):
    alarm = ALARMS[name]

    assert [datum for datum in published if datum[:2] == (alarm.metric, alarm.dimensions)]


# The emulator aggregates all data points of a metric, whatever their dimensions, and missing data is nothing to it.
def test_every_deployed_alarm_goes_off_and_back(stack):
    names = {stack.physical_id(name): name for name in ALARMS if name != "SweepMissing"}
    cloudwatch = stack.client("cloudwatch")

    def in_another_state(state: str) -> set[str]:
        """The alarms that are so after a point of each metric, which leaves the alarm's window 30 s later if it breaches."""
        for alarm in cloudwatch.describe_alarms(AlarmNames=list(names))["MetricAlarms"]:
            breaches, is_low = state == "ALARM", alarm["ComparisonOperator"] == "LessThanThreshold"
            seconds_ago = alarm["Period"] * alarm["EvaluationPeriods"] - 30 if breaches else 0
            at = datetime.fromtimestamp(stack.clock.now_ms() / 1000 - seconds_ago, UTC)
            point = {"Timestamp": at, "Value": alarm["Threshold"] + 1 if breaches != is_low else 0}
            datum = {"MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"], **point}
            cloudwatch.put_metric_data(Namespace=alarm["Namespace"], MetricData=[datum])
        described = cloudwatch.describe_alarms(AlarmNames=list(names))["MetricAlarms"]
        return {names[alarm["AlarmName"]] for alarm in described if alarm["StateValue"] != state}

    await_that(lambda: not in_another_state("ALARM"), patience(stack), "every alarm goes off")
    await_that(lambda: not in_another_state("OK"), patience(stack), "every alarm has gone back")


def test_the_dashboard_shows_metrics_that_the_functions_publish(stack, published):
    name = stack.physical_id("Dashboard")
    body = stack.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
    lines = [line for widget in json.loads(body)["widgets"] for line in widget["properties"].get("metrics", [])]

    shown = {(line[1], line[2]) for line in lines if line[0] == "linkwatch"}
    shown = {(metric, keys) for metric, keys in shown if not metric.startswith("Takeovers")}  # see OF_RECOVERY
    shown |= {(metric, keys) for keys, metric in re.findall(r"{linkwatch,([\w,]+)}.*?MetricName=\\+\"(\w+)", body)}

    names = {(datum.metric.split("/")[1], ",".join(sorted(datum.dimensions, reverse=True))) for datum in published}
    assert len(shown) > 10
    assert shown <= names
