"""What watches over the stack is deployed with it, and reads what the functions really write."""

import json
import re

import pytest

from tests.integration.conftest import send_link
from tests.static.template import of_type

FILTERS = of_type("AWS::Logs::MetricFilter")
_CONDITION = re.compile(r'\$\.(\w+) (!?=) "([^"]*)"')


def test_every_alarm_is_there(stack):
    declared = set(of_type("AWS::CloudWatch::Alarm"))

    alarms = stack.client("cloudwatch").describe_alarms()["MetricAlarms"]

    assert {name for name in declared if any(f"-{name}-" in alarm["AlarmName"] for alarm in alarms)} == declared


def test_the_dashboard_is_there_and_names_what_is_deployed(stack):
    client = stack.client("cloudwatch")
    name = client.list_dashboards()["DashboardEntries"][0]["DashboardName"]

    body = client.get_dashboard(DashboardName=name)["DashboardBody"]

    assert json.loads(body)["widgets"]
    assert "${" not in body
    assert stack.outputs.StateMachineArn in body


@pytest.fixture(scope="module")
def lines(stack):
    """CheckLink's log lines of checks that learnt something and of checks that did not."""
    link = send_link(stack, {"checks": [1], "answer": "upstream-down"}, {"answer": "clicked"})
    link.start()
    link.settled()
    logged = (line for line in stack.functions.logs_of("CheckLink").splitlines() if line.startswith("{"))
    return [line for line in map(json.loads, logged) if line.get("verificationId") == link.verification_id]


@pytest.mark.parametrize("name", FILTERS)
def test_a_metric_filter_matches_the_lines_that_it_is_for(lines, name):
    """The emulator keeps filters and applies none, so their patterns are read here: conditions joined by &&."""
    conditions = _CONDITION.findall(FILTERS[name]["FilterPattern"])
    assert conditions

    matching = [line for line in lines if all(holds(line.get(f), is_not, value) for f, is_not, value in conditions)]

    expected = {"UnavailableChecksMeasured": ["UNAVAILABLE"], "ChecksWithReasonMeasured": ["UNAVAILABLE"]}
    expected["AvailableChecksMeasured"] = ["CLICKED"]
    assert [line["answer"] for line in matching] == expected.get(name, ["UNAVAILABLE", "CLICKED"])
    for transformation in FILTERS[name]["MetricTransformations"]:
        needed = [dimension["Value"] for dimension in transformation["Dimensions"]] + [transformation["MetricValue"]]
        assert all(value.removeprefix("$.") in line for line in matching for value in needed if value.startswith("$."))


def holds(value: str | None, operator: str, wanted: str) -> bool:
    """One condition of a filter pattern; "*" matches whatever is there."""
    equal = value is not None if wanted == "*" else value == wanted
    return equal if operator == "=" else not equal
