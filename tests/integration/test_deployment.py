"""A deployment and a rollback while verifications are watched, and what is deployed beside the functions."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from local.checkout import BUILT_TEMPLATE, ROOT
from local.stack import Stack
from tests.integration.conftest import assert_finished, late_link, make
from tests.static.alarms import ALARMS

#: The rest of the window is longer than both.
SENT_SECONDS_AGO = 60
SCRIPTS = [[{"untilSecond": 280, "answer": "pending"}, {"answer": "clicked"}], [{"answer": "pending"}]]
OUTCOMES = ["LINK_CLICKED"] * 2 + ["EXPIRED"] * 2


@pytest.fixture
def new_version(tmp_path) -> Path:
    """The built template, with another CheckLink and another definition."""
    built = tmp_path / "build"
    shutil.copytree(BUILT_TEMPLATE.parent, built)
    with (built / "CheckLink" / "check_link.py").open("a") as module:
        module.write("\n# the next version\n")
    template = built / "template.yaml"
    template.write_text(template.read_text().replace("asks Signzy once and says", "asks Signzy once, and says"))
    definition = ROOT / "statemachine" / "link_watch.asl.json"
    text = definition.read_text().replace(
        "Watches one Instant Link until", "Watches one Instant Link, the next version, until"
    )
    (tmp_path / "link_watch.asl.json").write_text(text)
    template.write_text(
        template.read_text().replace(os.path.relpath(definition, BUILT_TEMPLATE.parent), "../link_watch.asl.json")
    )
    return template


def check_link(stack: Stack) -> dict[str, Any]:
    """The configuration of the CheckLink that is called."""
    name = stack.functions.name_of("CheckLink")
    return stack.client("lambda").get_function_configuration(FunctionName=name, Qualifier="live")


def deployed(stack: Stack) -> tuple[str, bool]:
    """Which CheckLink is called, and whether the definition is the next version."""
    code = check_link(stack)["CodeSha256"]
    machine = stack.client("stepfunctions").describe_state_machine(stateMachineArn=stack.outputs.StateMachineArn)
    return code, "the next version" in machine["definition"]


def test_verifications_survive_a_deployment_and_a_rollback(stack, new_version):
    links = [late_link(stack, SENT_SECONDS_AGO, *script) for script in SCRIPTS for _ in range(2)]
    before, environment = deployed(stack), check_link(stack)["Environment"]["Variables"]

    deployment = make(stack, "deploy", TEMPLATE=str(new_version), PARAMETERS="PollIntervalSeconds=11")

    assert deployment.returncode == 0, deployment.stdout + deployment.stderr
    code, is_next = deployed(stack)
    assert is_next
    assert code != before[0]
    assert check_link(stack)["Environment"]["Variables"]["POLL_INTERVAL_SECONDS"] == "11"

    rollback = make(stack, "rollback")

    assert rollback.returncode == 0, rollback.stdout + rollback.stderr
    assert deployed(stack) == before
    assert check_link(stack)["Environment"]["Variables"] == environment
    items = [assert_finished(link, outcome) for link, outcome in zip(links, OUTCOMES, strict=True)]
    assert [item["takeovers"] for item in items] == [0] * len(links)


def test_every_alarm_is_there(stack):
    alarms = stack.client("cloudwatch").describe_alarms()["MetricAlarms"]

    assert {name for name in ALARMS if any(f"-{name}-" in alarm["AlarmName"] for alarm in alarms)} == ALARMS.keys()


def test_the_dashboard_names_what_is_deployed(stack):
    client = stack.client("cloudwatch")
    name = client.list_dashboards()["DashboardEntries"][0]["DashboardName"]

    body = client.get_dashboard(DashboardName=name)["DashboardBody"]

    assert json.loads(body)["widgets"]
    assert "${" not in body
    assert stack.outputs.StateMachineArn in body


def test_an_environment_that_does_not_exist_is_an_error_of_one_line(stack):
    done = make(stack, "deploy", ENV="production")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "ENV=production" in done.stderr


def test_a_deployment_that_is_not_kept_is_an_error_of_one_line(stack):
    done = make(stack, "rollback", TO="2001-01-01T00:00:00Z")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "2001-01-01T00:00:00Z" in done.stderr
