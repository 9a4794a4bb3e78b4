"""Each alarm is set off by what it is for and goes back, as far as the emulator evaluates alarms.

The emulator knows no embedded metrics and no metric filters: the test makes metrics of what the deployed functions log, as
CloudWatch does. The emulator aggregates all data points of a metric, whatever their dimensions; so the test compares these.
Missing data is nothing to it: SweepMissing does not go off there.
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
from tests.integration.conftest import late_link, patience, send_link
from tests.sample_events import event
from tests.static.alarms import ALARMS
from tests.static.patterns import matches_line

PROBE = {"requestId": "0" * 24, "sessionId": "0" * 24}
SETTLED = event("measure-outcomes")
#: How many of the data points below within the alarm's period.
TIMES = {"StartsUnusuallyMany": 1001}
#: Seconds for which the data point that sets an alarm off remains in the alarm's window.
REMAINS_SECONDS = 30


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
    functions = ("VerificationsApi", "InstantLinkSent", "CheckLink", "RecoverUnfinished", "MeasureOutcomes")
    before = {function: len(stack.logs_of(function)) for function in functions}

    refuse_the_token(stack)
    defer_a_start_and_return_an_event(stack)
    put_a_malformed_event(stack)
    use_up_the_takeovers(stack)
    for outcome in ("UNKNOWN", "REJECTED"):
        detail = SETTLED["detail"] | {"outcome": outcome, "settledAt": "2099-01-01T00:00:00.000Z"}
        stack.invoke("MeasureOutcomes", json.dumps(SETTLED | {"detail": detail}))

    logged = "\n".join(stack.logs_of(function)[before[function] :] for function in functions)
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
    by_api, by_event = send_link(stack, {"answer": "clicked"}), send_link(stack, {"answer": "clicked"})
    calls.refuse(stack, calls.START, by_api.verification_id, 300, times=calls.TRIES)
    calls.refuse(stack, calls.PUT, by_event.verification_id, 300, times=calls.TRIES)
    by_event.put_on_bus()
    by_api.start_by("api")
    by_event.await_that(lambda: stack.item(by_event.verification_id), "the event has come back")


def put_a_malformed_event(stack: Stack) -> None:
    stack.put_link_sent({"requestId": "malformed"})
    await_that(stack.dead_letters, patience(stack), "it is among the dead letters")
    stack.purge_dead_letters()


def use_up_the_takeovers(stack: Stack) -> None:
    link = late_link(stack, 120, {"answer": "pending"})
    link.await_state("Wait For Next Check")
    stack.client("dynamodb").update_item(
        TableName=stack.outputs.TableName,
        Key={"verificationId": {"S": link.verification_id}},
        UpdateExpression="SET takeovers = :ten, startedAt = linkSentAt, openVerifications = :past",
        ExpressionAttributeValues={":ten": {"N": "10"}, ":past": {"S": "2000-01-01T00:00:00.000Z"}},
    )
    stack.abort(link.verification_id)
    stack.recover()
    stack.recover(rearm=True)


def breaches(name: str, value: float) -> bool:
    _, comparison, threshold = ALARMS[name].goes_off.split()
    return value > float(threshold) if comparison == ">" else value < float(threshold)


def sets_off(name: str, published: list[Datum]) -> Datum | None:
    """The data point of ours that sets an alarm off."""
    alarm, times = ALARMS[name], TIMES.get(name, 1)
    own = [datum for datum in published if (datum.metric, datum.dimensions) == (alarm.metric, alarm.dimensions)]
    return next((datum for datum in own if breaches(name, datum.value * times)), None)


OURS = [name for name, alarm in ALARMS.items() if alarm.metric.startswith("linkwatch/") and name != "SweepMissing"]


@pytest.mark.parametrize("name", OURS)
def test_what_an_alarm_is_for_is_published_as_its_metric(published, name):
    assert sets_off(name, published)


def test_a_sweep_publishes_what_sweep_missing_counts(published):
    alarm = ALARMS["SweepMissing"]

    samples = [datum for datum in published if (datum.metric, datum.dimensions) == (alarm.metric, alarm.dimensions)]

    assert breaches("SweepMissing", 0)
    assert not breaches("SweepMissing", len(samples))


@pytest.mark.parametrize(
    "function", ["VerificationsApi", "InstantLinkSent", "CheckLink", "RecoverUnfinished", "MeasureOutcomes"]
)
def test_an_error_of_a_function_is_counted_where_its_alarm_looks(stack, function):
    [alarm] = alarms_of(stack, [f"{function}Errors"]).values()
    now = datetime.fromtimestamp(stack.clock.now_ms() / 1000, UTC)

    assert "FunctionError" in stack.invoke(function, "[0]")

    where = {key: alarm[key] for key in ("Namespace", "MetricName", "Dimensions", "Period")}
    options = {"StartTime": now, "EndTime": now.replace(year=2099), "Statistics": ["Sum"]}
    points = stack.client("cloudwatch").get_metric_statistics(**where, **options)["Datapoints"]
    assert breaches(f"{function}Errors", sum(point["Sum"] for point in points))


def alarms_of(stack: Stack, names: list[str]) -> dict[str, dict[str, Any]]:
    """Alarms as CloudWatch describes them, by logical id."""
    ids = {stack.physical_id(name): name for name in names}
    described = stack.client("cloudwatch").describe_alarms(AlarmNames=list(ids))["MetricAlarms"]
    return {ids[alarm["AlarmName"]]: alarm for alarm in described}


def test_every_alarm_goes_off_and_back(stack, published):
    names = [name for name in ALARMS if name != "SweepMissing"]
    alarms = alarms_of(stack, names)

    def put(points: Mapping[str, dict[str, Any]]) -> None:
        for namespace in {alarm["Namespace"] for alarm in alarms.values()}:
            data = [
                {"MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"], **points[name]}
                for name, alarm in alarms.items()
                if alarm["Namespace"] == namespace
            ]
            stack.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)

    def breaching(name: str) -> dict[str, Any]:
        alarm, datum = alarms[name], sets_off(name, published)
        seconds_ago = max(0, alarm["Period"] * alarm["EvaluationPeriods"] - REMAINS_SECONDS)
        at = datetime.fromtimestamp(stack.clock.now_ms() / 1000 - seconds_ago, UTC)
        value = datum.value if datum else alarm["Threshold"] + 1
        return {"Timestamp": at, "Values": [value], "Counts": [TIMES.get(name, 1)]}

    def states() -> dict[str, str]:
        return {name: alarm["StateValue"] for name, alarm in alarms_of(stack, names).items()}

    put({name: breaching(name) for name in names})

    assert states() == dict.fromkeys(names, "ALARM")

    def all_is_well() -> bool:
        put({name: {"Value": 1 if breaches(name, 0) else 0} for name in names})
        return states() == dict.fromkeys(names, "OK")

    await_that(all_is_well, patience(stack), "every alarm has gone back")


def test_the_dashboard_shows_metrics_that_the_functions_publish(stack, published):
    name = stack.physical_id("Dashboard")
    body = stack.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"]
    lines = [line for widget in json.loads(body)["widgets"] for line in widget["properties"].get("metrics", [])]

    shown = {(line[1], line[2]) for line in lines if line[0] == "linkwatch"}
    shown |= {(metric, keys) for keys, metric in re.findall(r"{linkwatch,([\w,]+)}.*?MetricName=\\+\"(\w+)", body)}

    names = {(datum.metric.split("/")[1], ",".join(sorted(datum.dimensions, reverse=True))) for datum in published}
    assert len(shown) > 10
    assert shown <= names
