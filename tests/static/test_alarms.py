"""Every alarm watches a published metric, goes off as it should and reaches somebody; metric filters count checks and probes."""

import json
import re
from typing import Any

import pytest

from local.checkout import ROOT
from tests.static.alarms import ALARMS, alarm_of
from tests.static.patterns import matches_line
from tests.static.template import DEFAULT, FULL, TOPIC, stack

FILTERS = DEFAULT.of_type("AWS::Logs::MetricFilter").values()
DASHBOARD: str = DEFAULT.properties("Dashboard")["DashboardBody"]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text("utf-8")
SECTIONS = {part.partition("\n")[0]: " ".join(part.split()) for part in RUNBOOK.split("\n## ")[1:]}
#: The properties that an alarm may have. Any other, such as ActionsEnabled, changes its meaning.
PROPERTIES = {
    *("AlarmDescription", "Namespace", "MetricName", "Dimensions", "Statistic", "Period", "EvaluationPeriods"),
    *("DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData", "AlarmActions", "OKActions"),
}


def test_the_alarms_mean_what_the_table_says():
    alarms = DEFAULT.of_type("AWS::CloudWatch::Alarm")

    assert {name: alarm_of(properties) for name, properties in alarms.items()} == ALARMS
    assert {key for properties in alarms.values() for key in properties} <= PROPERTIES


@pytest.mark.parametrize("minutes", [2, 5, 10, 15, 30, 60])
def test_a_probe_that_does_not_answer_twice_in_a_row_is_an_alarm(minutes):
    alarm = alarm_of(stack(ProbeMinutes=str(minutes)).properties("ProbeFailing"))

    assert alarm == ALARMS["ProbeFailing"]._replace(over=f"2 of 2 x {minutes * 60} s", missing="breaching")


def test_every_alarm_and_its_end_go_to_the_address_and_the_topic():
    for deployed, actions in ((DEFAULT, []), (FULL, ["${Alarms}", TOPIC])):
        for alarm in deployed.of_type("AWS::CloudWatch::Alarm").values():
            assert alarm["AlarmActions"] == alarm["OKActions"] == actions
    assert FULL.properties("Alarms")["Subscription"] == [{"Protocol": "email", "Endpoint": "on-call@example.com"}]


def test_the_topic_accepts_alarms_of_this_account():
    assert FULL.properties("AlarmsPolicy") == {
        "Topics": ["${Alarms}"],
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
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
            ],
        },
    }


def test_the_dashboard_shows_every_alarm():
    [alarms, *_] = json.loads(DASHBOARD)["widgets"]

    assert alarms["properties"]["alarms"] == [f"${{{name}.Arn}}" for name in ALARMS]


def test_every_metric_of_ours_that_is_watched_or_shown_is_published():
    source = "".join(path.read_text("utf-8") for path in (ROOT / "functions").glob("*.py"))
    watched = {alarm.metric.removeprefix("linkwatch/") for alarm in ALARMS.values() if alarm.dimensions.get("service")}
    shown = re.findall(r'(?:\["linkwatch", |MetricName=\\)"(\w+)', DASHBOARD)

    published = {*re.findall(r'"(\w+)"', source), *(each["MetricTransformations"][0]["MetricName"] for each in FILTERS)}
    assert watched | set(shown) <= published


@pytest.mark.parametrize("name", ALARMS)
def test_the_runbook_has_a_section_with_severity_and_description(name):
    severity, _, description = DEFAULT.properties(name)["AlarmDescription"].partition(": ")

    if of_each_function := re.fullmatch(r"\w+?(Errors|Throttles)", name):
        assert severity in SECTIONS[f"{{Function}}{of_each_function[1]}"]
    else:
        assert f"**{severity}.** *{description.rstrip('.')}" in SECTIONS[name]


# ── Metric filters ────────────────────────────────────────────────────────────────────────────────────────────────────

PROBE = "000000000000000000000000-000000000000000000000000"
SERVICE = {"service": "linkwatch"}
#: As tests/unit/test_check_link.py asserts that it is logged.
LINE = SERVICE | {
    "level": "INFO",
    "message": "Checked",
    "verificationId": "6462150e29c23b4d42352a63-6462",
    "durationMs": 42,
}


def figures_of(line: dict[str, Any]) -> dict[str, tuple[str, dict[str, str], int]]:
    """Unit, dimensions and value of each metric that the filters make of a log line."""
    found = {}
    for properties in FILTERS:
        [made] = properties["MetricTransformations"]
        assert (properties["LogGroupName"], made["MetricNamespace"]) == ("${CheckLinkLogs}", "linkwatch")
        assert set(properties) == {"LogGroupName", "FilterPattern", "MetricTransformations"}
        if matches_line(properties["FilterPattern"], line):
            assert made["MetricName"] not in found
            dimensions = {each["Key"]: line[each["Value"].removeprefix("$.")] for each in made["Dimensions"]}
            value = line.get(made["MetricValue"].removeprefix("$."), made["MetricValue"])
            found[made["MetricName"]] = (made["Unit"], dimensions, int(value))
    return found


# Only the answer to unknown ids proves the network, the URL and the token.
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("CLICKED", None),
        ("PENDING", None),
        ("UNAVAILABLE", "CREDENTIALS_REFUSED"),
        ("REJECTED", "UNKNOWN_IDS"),
        ("REJECTED", "MALFORMED_IDS"),
    ],
)
def test_a_line_is_counted_as_a_check_or_as_a_probe(answer, reason):
    line = LINE | {"answer": answer} | ({"reason": reason} if reason else {})
    with_reason = {"ChecksWithReason": ("Count", SERVICE | {"reason": reason}, 1)} if reason else {}

    assert figures_of(line) == with_reason | {
        "Checks": ("Count", SERVICE | {"answer": answer}, 1),
        "CheckDuration": ("Milliseconds", SERVICE, 42),
        "UnavailableChecks": ("Percent", SERVICE, 100 if answer == "UNAVAILABLE" else 0),
    }
    assert figures_of(line | {"verificationId": PROBE}) == {
        "ProbesAnswered": ("Count", SERVICE, 1 if reason == "UNKNOWN_IDS" else 0)
    }
    assert figures_of(line | {"message": "Something else"}) == {}
    assert figures_of(line | {"verificationId": PROBE, "message": "Something else"}) == {}
