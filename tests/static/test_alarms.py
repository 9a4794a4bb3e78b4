"""Every alarm watches the right metric, goes off when it should, reaches somebody, and is on the dashboard."""

import json
import re
from typing import Any

import pytest

from local.checkout import ROOT
from tests.static.alarms import ALARMS, THRESHOLDS, alarm_of, alarms_in
from tests.static.template import DEFAULT, TOPIC, stack

BODY: str = DEFAULT.properties("Dashboard")["DashboardBody"]
DASHBOARD: dict[str, Any] = json.loads(BODY)
FILTERS = DEFAULT.of_type("AWS::Logs::MetricFilter")
#: The properties that an alarm may have. Any other, such as ActionsEnabled, changes its meaning.
PROPERTIES = {
    *("AlarmDescription", "Namespace", "MetricName", "Dimensions", "Statistic", "Period", "EvaluationPeriods"),
    *("DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", "AlarmActions", "OKActions"),
}


@pytest.mark.parametrize("name", [*ALARMS, *alarms_in().keys() - ALARMS.keys()])
def test_an_alarm_means_what_the_table_says(name):
    assert alarm_of(alarms_in()[name]) == ALARMS[name]
    assert alarms_in()[name].keys() <= PROPERTIES


@pytest.mark.parametrize("parameter", THRESHOLDS)
def test_a_threshold_is_the_parameter_of_its_alarm_alone(parameter):
    changed = alarms_in(stack(**{parameter: "77"}))

    assert [name for name, alarm in changed.items() if str(alarm["Threshold"]) == "77"] == [THRESHOLDS[parameter]]


@pytest.mark.parametrize(
    ("parameters", "actions"),
    [
        ({}, []),
        ({"AlarmEmail": "on-call@example.com"}, ["${Alarms}"]),
        ({"AlarmTopicArn": TOPIC}, [TOPIC]),
        ({"AlarmEmail": "on-call@example.com", "AlarmTopicArn": TOPIC}, ["${Alarms}", TOPIC]),
    ],
    ids=["nobody", "e-mail", "topic", "both"],
)
def test_every_alarm_and_its_end_go_to_the_address_and_the_topic(parameters, actions):
    for alarm in alarms_in(stack(**parameters)).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == actions


def test_the_topic_accepts_alarms_of_this_account_and_sends_them_to_the_address():
    with_email = stack(AlarmEmail="on-call@example.com")

    assert with_email.properties("Alarms")["Subscription"] == [{"Protocol": "email", "Endpoint": "on-call@example.com"}]
    assert with_email.properties("AlarmsPolicy")["Topics"] == ["${Alarms}"]
    assert with_email.properties("AlarmsPolicy")["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": "${Alarms}",
            "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
        },
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": "${Alarms}",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]


@pytest.mark.parametrize("minutes", ["2", "5", "10", "15", "30", "60"])
def test_a_probe_that_does_not_answer_twice_in_a_row_is_an_alarm(minutes):
    alarm = alarm_of(alarms_in(stack(ProbeMinutes=minutes))["ProbeFailing"])

    assert alarm == ALARMS["ProbeFailing"]._replace(over=f"2 of 2 x {int(minutes) * 60} s", missing="breaching")


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
def test_no_alarm_looks_back_for_more_than_a_day():
    for alarm in alarms_in(stack(ProbeMinutes="60")).values():
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= 24 * 60 * 60


# ── The dashboard ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_dashboard_shows_every_alarm():
    shown = re.findall(r"\$\{(\w+)\.Arn\}", BODY.split('"alarms"')[1].split("]", maxsplit=1)[0])

    assert shown == list(ALARMS)


def test_the_dashboards_widgets_fill_their_rows_and_do_not_overlap():
    rows: dict[int, int] = {}
    for widget in DASHBOARD["widgets"]:
        assert widget["x"] == rows.get(widget["y"], 0), widget["properties"]["title"]
        rows[widget["y"]] = widget["x"] + widget["width"]

    assert set(rows.values()) == {24}


#: AWS's metrics by their namespace and dimensions, as it names them:
#: https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
#: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html (REST APIs)
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
#: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
OF_AWS = {
    ("AWS/States", "StateMachineArn"): {
        *("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsAborted", "ExecutionsTimedOut"),
        "ExecutionThrottled",
    },
    ("AWS/Lambda", "FunctionName"): {"Invocations", "Errors", "Throttles"},
    ("AWS/ApiGateway", "ApiName"): {"Count", "4XXError", "5XXError"},
    ("AWS/Events", "EventBusName", "RuleName"): {"InvocationsFailedToBeSentToDlq"},
    ("AWS/SQS", "QueueName"): {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"},
}


def test_every_metric_of_aws_exists():
    lines = [line for widget in DASHBOARD["widgets"] for line in widget["properties"].get("metrics", [])]
    shown = [(line[0], tuple(line[2:4:2]), line[1]) for line in lines if isinstance(line[0], str)]
    watched = [(*alarm.metric.rsplit("/", 1), tuple(alarm.dimensions)) for alarm in ALARMS.values()]

    for namespace, dimensions, metric in shown + [(space, names, metric) for space, metric, names in watched]:
        assert namespace == "linkwatch" or metric in OF_AWS[namespace, *dimensions]


def our_metrics() -> list[str]:
    watched = {alarm.metric.split("/")[1] for alarm in ALARMS.values() if alarm.metric.startswith("linkwatch/")}
    shown = re.findall(r'\["linkwatch", "(\w+)"|MetricName=\\"(\w+)\\"', BODY)
    return sorted(watched | {name for found in shown for name in found if name})


@pytest.mark.parametrize("metric", our_metrics())
def test_a_metric_that_is_watched_or_shown_is_published(metric):
    source = "".join(path.read_text("utf-8") for path in (ROOT / "functions").glob("*.py"))
    filtered = {each["MetricName"] for properties in FILTERS.values() for each in properties["MetricTransformations"]}

    assert metric in filtered or f'"{metric}"' in source


# CloudWatch finds a metric by all of its dimensions or not at all; SEARCH names them in braces.
@pytest.mark.parametrize("name", FILTERS)
def test_a_metric_of_a_filter_is_read_with_its_dimensions(name):
    [written] = FILTERS[name]["MetricTransformations"]
    metric, keys = written["MetricName"], {dimension["Key"] for dimension in written["Dimensions"]}

    for alarm in ALARMS.values():
        assert alarm.metric != f"linkwatch/{metric}" or set(alarm.dimensions) == keys
    for names in re.findall(rf"SEARCH\('{{linkwatch,([\w,]+)}} service=[^']*MetricName=\\\"{metric}\\\"", BODY):
        assert set(names.split(",")) == keys
