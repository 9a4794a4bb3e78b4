"""What watches over the stack is deployed with it, and reads what the functions really write."""

import json

import pytest

from tests.integration.conftest import send_link
from tests.static.filter_patterns import FILTERS, matches
from tests.static.template import of_type

PROBE = next(iter(of_type("AWS::Scheduler::Schedule").values()))["Target"]["Input"]


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
    """CheckLink's log lines of a check that learnt nothing, of one that did, and of a probe."""
    link = send_link(stack, {"checks": [1], "answer": "upstream-down"}, {"answer": "clicked"})
    link.start()
    link.settled()
    stack.functions.invoke("CheckLink", PROBE)
    logged = (line for line in stack.functions.logs_of("CheckLink").splitlines() if line.startswith("{"))
    wanted = {link.verification_id, f"{'0' * 24}-{'0' * 24}"}
    return [line for line in map(json.loads, logged) if line.get("verificationId") in wanted]


@pytest.mark.parametrize("name", FILTERS)
def test_a_metric_filter_matches_the_lines_that_it_is_for(lines, name):
    """The emulator keeps filters and applies none, so their patterns are read here."""
    matching = [line for line in lines if matches(name, line)]

    expected = {"UnavailableChecksMeasured": ["UPSTREAM_DOWN"], "ChecksWithReasonMeasured": ["UPSTREAM_DOWN"]}
    expected |= {"AvailableChecksMeasured": [None]}
    expected |= {"ProbesAnsweredMeasured": ["UNKNOWN_IDS"], "ProbesFailedMeasured": []}
    assert [line.get("reason") for line in matching] == expected.get(name, ["UPSTREAM_DOWN", None])
    for transformation in FILTERS[name]["MetricTransformations"]:
        needed = [dimension["Value"] for dimension in transformation["Dimensions"]] + [transformation["MetricValue"]]
        assert all(value.removeprefix("$.") in line for line in matching for value in needed if value.startswith("$."))
