"""make deploy and make rollback of releases on the emulator, while links are watched."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from local.checkout import ROOT
from local.stack import Stack
from operations import release
from tests.integration.conftest import Link, late_link, make


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Path:
    """The release of this checkout."""
    return release.write(tmp_path_factory.mktemp("dist") / "linkwatch-this")


@pytest.fixture(scope="module")
def next_release(tmp_path_factory) -> Path:
    """The release of a checkout with another CheckLink and another definition."""
    checkout = tmp_path_factory.mktemp("checkout")
    for part in ("template.yaml", "statemachine", ".aws-sam/build"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, checkout / part)
    with (checkout / ".aws-sam" / "build" / "CheckLink" / "check_link.py").open("a") as module:
        module.write("\n# the next version\n")
    definition = checkout / "statemachine" / "link_watch.asl.json"
    definition.write_text(definition.read_text("utf-8").replace("Watches one", "Next version: watches one"), "utf-8")
    return release.write(tmp_path_factory.mktemp("dist") / "linkwatch-next", checkout)


class Version(NamedTuple):
    """What is called: CheckLink's code and variables, and whether the definition is the next version's."""

    code: str
    variables: dict[str, str]
    is_next: bool


def version_of(stack: Stack) -> Version:
    name = stack.functions.name_of("CheckLink")
    called = stack.client("lambda").get_function_configuration(FunctionName=name, Qualifier="live")
    machine = stack.client("stepfunctions").describe_state_machine(stateMachineArn=stack.outputs.StateMachineArn)
    return Version(called["CodeSha256"], called["Environment"]["Variables"], "Next version" in machine["definition"])


def succeed(stack: Stack, verb: str, **variables: str) -> str:
    done = make(stack, verb, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Upgrade(NamedTuple):
    """links: watched meanwhile, by their outcome; before: what was called."""

    links: list[tuple[str, Link]]
    before: Version


@pytest.fixture(scope="module")
def upgrade(stack, released, next_release) -> Upgrade:
    """make deploy of this release, and of the next one while links are watched."""
    succeed(stack, "deploy", RELEASE=str(released))
    click = [{"untilSecond": 250, "answer": "pending"}, {"answer": "clicked"}]
    links = [("LINK_CLICKED", late_link(stack, 120, *click)) for _ in range(2)]
    links += [("EXPIRED", late_link(stack, 120)) for _ in range(2)]
    links.append(("CANCELLED", late_link(stack, 0)))
    before = version_of(stack)
    succeed(stack, "deploy", RELEASE=str(next_release), TAGS="team=onboarding", PARAMETERS="PollIntervalSeconds=11")
    return Upgrade(links, before)


def test_watched_links_keep_their_outcome_through_an_upgrade_and_a_rollback(stack, upgrade):
    upgraded = version_of(stack)
    assert upgraded.is_next
    assert upgraded.code != upgrade.before.code
    assert upgraded.variables == upgrade.before.variables | {"POLL_INTERVAL_SECONDS": "11"}
    assert stack.cancel(upgrade.links[-1][1].verification_id).status == 200

    assert "CheckLink" in succeed(stack, "rollback", PLAN="1")
    assert version_of(stack) == upgraded
    succeed(stack, "rollback")

    assert version_of(stack) == upgrade.before
    for outcome, link in upgrade.links:
        item = link.settled()
        assert (item["outcome"], item["takeovers"]) == (outcome, 0)


def test_a_release_whose_files_were_changed_is_refused(stack, released, tmp_path):
    for path in released.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "template.yaml").write_text("Resources: {}")

    done = make(stack, "deploy", RELEASE=str(tmp_path))

    assert done.returncode == 2
    assert "template.yaml" in done.stderr
