"""What watches over the stack is deployed with it, and reads what the functions really write."""

import json
import re
from fnmatch import fnmatchcase

import pytest

from tests.integration.conftest import send_link
from tests.static.template import of_type

PROBE = next(iter(of_type("AWS::Scheduler::Schedule").values()))["Target"]["Input"]
#: Each filter, with the reasons of the lines that it has to match, of those of the fixture lines.
FILTERS = {
    "ChecksMeasured": ["UPSTREAM_DOWN", None],
    "ChecksWithReasonMeasured": ["UPSTREAM_DOWN"],
    "SignzyMeasured": ["UPSTREAM_DOWN", None],
    "UnavailableChecksMeasured": ["UPSTREAM_DOWN"],
    "AvailableChecksMeasured": [None],
    "ProbesAnsweredMeasured": ["UNKNOWN_IDS"],
}
_CONDITION = re.compile(r'\$\.(\w+) (!?=|>=) ("[^"]*"|[0-9]+)')


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
    """CheckLink's log lines of checks that learnt something and of checks that did not, and of a probe."""
    link = send_link(stack, {"checks": [1], "answer": "upstream-down"}, {"answer": "clicked"})
    link.start()
    link.settled()
    stack.functions.invoke("CheckLink", PROBE)
    logged = (line for line in stack.functions.logs_of("CheckLink").splitlines() if line.startswith("{"))
    wanted = {link.verification_id, f"{'0' * 24}-{'0' * 24}"}
    return [line for line in map(json.loads, logged) if line.get("verificationId") in wanted]


@pytest.mark.parametrize(("name", "reasons"), FILTERS.items())
def test_a_metric_filter_matches_the_lines_that_it_is_for(stack, lines, name, reasons):
    """The emulator keeps filters and applies none, so their patterns are read here: conditions joined by &&."""
    filters = stack.client("logs").describe_metric_filters()["metricFilters"]
    deployed = next(each for each in filters if each["filterName"] == stack.resources.physical_id(name))
    conditions = _CONDITION.findall(deployed["filterPattern"])
    assert len(conditions) == deployed["filterPattern"].count("$.")

    matching = [line for line in lines if all(holds(line.get(f), *condition) for f, *condition in conditions)]

    assert [line.get("reason") for line in matching] == reasons
    for transformation in deployed["metricTransformations"]:
        needed = [*transformation["dimensions"].values(), transformation["metricValue"]]
        assert all(value.removeprefix("$.") in line for line in matching for value in needed if value.startswith("$."))


def test_every_metric_filter_is_tried_here():
    assert set(FILTERS) == set(of_type("AWS::Logs::MetricFilter"))


def holds(value: str | int | None, operator: str, wanted: str) -> bool:
    """One condition of a filter pattern; * stands for any text, also at a text's end."""
    if operator == ">=":
        return isinstance(value, int) and value >= int(wanted)
    equal = isinstance(value, str) and fnmatchcase(value, wanted.strip('"'))
    return equal if operator == "=" else not equal
