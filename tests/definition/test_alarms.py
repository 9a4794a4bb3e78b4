"""Each way in which the promise is endangered has an alarm, each alarm its entry in the runbook, and the dashboard shows them."""

import json
import re
from typing import Any

import pytest

from tests.definition.shipped import RESOURCES, ROOT, TEMPLATE

ALARMS = {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == "AWS::CloudWatch::Alarm"}
BODY: str = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Sub"]
DASHBOARD: dict[str, Any] = json.loads(re.sub(r"\$\{[^}]+\}", "x", BODY))
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text("utf-8")


def test_alarms_and_runbook_entries_are_the_same_in_the_same_order():
    assert re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE) == list(ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_the_runbook_says_what_the_alarm_says_how_to_check_and_what_to_do(name):
    entry = RUNBOOK.split(f"## {name}\n")[1].split("\n## ")[0].replace("`", "")

    assert ALARMS[name]["AlarmDescription"].split(",")[0].split(";")[0].rstrip(".") in entry
    assert "\nCheck: " in entry
    assert "\nDo: " in entry


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_reaches_somebody_and_says_what_silence_means(name):
    assert json.dumps(ALARMS[name]["AlarmActions"]).count("HasAlarm") == 2
    assert ALARMS[name]["TreatMissingData"] == ("breaching" if name == "SweepMissing" else "notBreaching")


@pytest.mark.parametrize("name", ALARMS)
def test_a_threshold_is_nothing_at_all_or_a_parameter(name):
    threshold = ALARMS[name]["Threshold"]

    assert threshold in {0, 1} if isinstance(threshold, int) else threshold["Ref"] in TEMPLATE["Parameters"]


def test_the_dashboard_shows_every_alarm():
    shown = re.findall(r"\$\{(\w+)\.Arn\}", BODY.split('"alarms"')[1].split("]", maxsplit=1)[0])

    assert shown == list(ALARMS)


def test_the_dashboards_widgets_fill_their_rows_and_do_not_overlap():
    rows: dict[int, int] = {}
    for widget in DASHBOARD["widgets"]:
        assert widget["x"] == rows.get(widget["y"], 0), widget["properties"]["title"]
        rows[widget["y"]] = widget["x"] + widget["width"]

    assert set(rows.values()) == {24}


def test_every_metric_of_ours_that_is_shown_or_watched_is_made():
    made = set(re.findall(r'add_metric\(\s*"(\w+)"|single_metric\(\s*"(\w+)"', _functions()))
    made = {name for pair in made for name in pair if name} | {
        transformation["MetricName"]
        for resource in RESOURCES.values()
        if resource["Type"] == "AWS::Logs::MetricFilter"
        for transformation in resource["Properties"]["MetricTransformations"]
    }
    watched = {alarm["MetricName"] for alarm in ALARMS.values() if alarm.get("Namespace") == "linkwatch"}
    body = json.dumps(DASHBOARD).replace('\\\\"', '"').replace('\\"', '"')
    shown = set(re.findall(r'\["linkwatch", "(\w+)"|MetricName="(\w+)"', body))
    shown = {name for pair in shown for name in pair if name}

    assert watched | shown <= made
    assert made <= watched | shown


def _functions() -> str:
    return "".join(path.read_text("utf-8") for path in (ROOT / "functions").glob("*.py"))
