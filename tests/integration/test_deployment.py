"""A deployment and a rollback while verifications are watched: none of them notices."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from local.checkout import BUILT_TEMPLATE, ROOT
from local.stack import Stack
from tests.integration.conftest import make, moment, send_link

SENT_SECONDS_AGO = 120


@pytest.fixture
def new_version(tmp_path) -> Path:
    """What was built, with another CheckLink and another definition."""
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
    """The version of CheckLink that is called."""
    name = stack.functions.name_of("CheckLink")
    return stack.client("lambda").get_function_configuration(FunctionName=name, Qualifier="live")


def deployed(stack: Stack) -> tuple[str, bool]:
    """Which CheckLink is called, and whether the definition is the next version."""
    code = check_link(stack)["CodeSha256"]
    machine = stack.client("stepfunctions").describe_state_machine(stateMachineArn=stack.outputs.StateMachineArn)
    return code, "the next version" in machine["definition"]


def test_verifications_that_run_survive_a_deployment_and_a_rollback(stack, new_version):
    pending = {"untilSecond": 250, "answer": "pending"}
    links = [send_link(stack, pending, {"answer": "clicked"}, sent_seconds_ago=SENT_SECONDS_AGO) for _ in range(2)]
    links += [send_link(stack, sent_seconds_ago=SENT_SECONDS_AGO) for _ in range(2)]
    for link in links:
        assert link.start(linkSentAt=moment(stack, SENT_SECONDS_AGO)).status == 202
    before = deployed(stack)

    deployment = make(stack, "deploy", TEMPLATE=str(new_version))

    assert deployment.returncode == 0, deployment.stdout + deployment.stderr
    code, is_next = deployed(stack)
    assert is_next
    assert code != before[0]
    assert make(stack, "deployments").stdout.split()

    rollback = make(stack, "rollback")

    assert rollback.returncode == 0, rollback.stdout + rollback.stderr
    assert deployed(stack) == before
    items = [link.settled() for link in links]
    assert [item["outcome"] for item in items] == ["LINK_CLICKED"] * 2 + ["EXPIRED"] * 2
    assert [item["takeovers"] for item in items] == [0] * 4
    due = [*range(SENT_SECONDS_AGO + 10, 300, 10), 298]
    # The first point may have passed before the start was taken, and each version's first call starts a Lambda, which takes
    # longer than an interval of this clock on a busy machine: its check comes late, and takes the next one's place.
    made = [item["checks"] for item in items[2:]]
    assert all(len(due) - 3 <= checks <= len(due) for checks in made), made


def test_a_parameter_alone_makes_a_version_that_is_called(stack):
    before = check_link(stack)

    deployment = make(stack, "deploy", TEMPLATE=str(BUILT_TEMPLATE), PARAMETERS="PollIntervalSeconds=11")

    assert deployment.returncode == 0, deployment.stdout + deployment.stderr
    assert check_link(stack)["Environment"]["Variables"]["POLL_INTERVAL_SECONDS"] == "11"
    assert make(stack, "rollback").returncode == 0
    assert check_link(stack)["Environment"] == before["Environment"]


def test_an_environment_that_does_not_exist_is_one_clear_line(stack):
    done = make(stack, "deploy", ENV="production")

    assert done.returncode == 2
    assert done.stderr == "linkwatch: ENV=production is not in samconfig.toml; there are local, dev, prod\n"


def test_a_deployment_that_is_not_kept_is_one_clear_line(stack):
    done = make(stack, "rollback", TO="2001-01-01T00:00:00Z")

    assert done.returncode == 2
    assert done.stderr.startswith("linkwatch: TO=2001-01-01T00:00:00Z is not kept; there are ")
