"""The alarms and the dashboard are deployed with the stack."""

import json

from tests.static.alarms import ALARMS


def test_every_alarm_is_there(stack):
    alarms = stack.client("cloudwatch").describe_alarms()["MetricAlarms"]

    assert {name for name in ALARMS if any(f"-{name}-" in alarm["AlarmName"] for alarm in alarms)} == ALARMS.keys()


def test_the_dashboard_is_there_and_names_what_is_deployed(stack):
    client = stack.client("cloudwatch")
    name = client.list_dashboards()["DashboardEntries"][0]["DashboardName"]

    body = client.get_dashboard(DashboardName=name)["DashboardBody"]

    assert json.loads(body)["widgets"]
    assert "${" not in body
    assert stack.outputs.StateMachineArn in body
