"""make deploy and make rollback of releases on the emulator, while links are watched."""

import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from local.checkout import ROOT
from local.stack import Stack
from operations import release
from operations.deployed.stack import describe_stack, outputs_in
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


# ── make deploy, make rollback ────────────────────────────────────────────────────────────────────────────────────────


def start_links(stack: Stack) -> list[tuple[str, Link]]:
    """Starts a link that is clicked late and one that is not, with the outcome of each. Their windows end well after a
    deployment: the first check by another version starts Lambdas, too slowly for a last check under an accelerated clock.
    """
    click = [{"untilSecond": 250, "answer": "pending"}, {"answer": "clicked"}]
    return [("LINK_CLICKED", late_link(stack, 0, *click)), ("EXPIRED", late_link(stack, 0))]


class Upgrade(NamedTuple):
    """links: watched meanwhile, by their outcome; before: what was called; bucket: where deployments are kept."""

    links: list[tuple[str, Link]]
    before: Version
    bucket: str


@pytest.fixture(scope="module")
def upgrade(stack, released, next_release) -> Upgrade:
    """make deploy of this release, and of the next one while links are watched."""
    succeed(stack, "deploy", RELEASE=str(released))
    links = [*start_links(stack), ("CANCELLED", late_link(stack, 0))]
    before = version_of(stack)
    succeed(stack, "deploy", RELEASE=str(next_release), TAGS="team=onboarding", PARAMETERS="PollIntervalSeconds=11")
    bucket = outputs_in(describe_stack(stack.client, f"{stack.stack_name}-deployments"))["BucketName"]
    return Upgrade(links, before, bucket)


def test_watched_links_keep_their_outcome_through_an_upgrade_and_a_rollback(stack, upgrade):
    upgraded = version_of(stack)
    assert upgraded.is_next
    assert upgraded.code != upgrade.before.code
    assert upgraded.variables == upgrade.before.variables | {"POLL_INTERVAL_SECONDS": "11"}
    assert stack.cancel(upgrade.links[-1][1].verification_id).status == 200

    assert "CheckLink" in succeed(stack, "rollback", PLAN="1")
    assert version_of(stack) == upgraded
    links = [*upgrade.links, *start_links(stack)]
    succeed(stack, "rollback")

    assert version_of(stack) == upgrade.before
    for outcome, link in links:
        item = link.settled()
        assert (item["outcome"], item["takeovers"]) == (outcome, 0)


def test_a_planted_deployment_is_not_seen(stack, upgrade):
    planted = json.dumps({"template": "Resources: {}", "parameters": {}, "tags": {}}).encode()
    for name in ("29990101T000000Z", "20260101T000000Z"):
        stack.client("s3").put_object(Bucket=upgrade.bucket, Key=f"deployments/{name}.json", Body=planted)

    names = succeed(stack, "deployments").split()
    done = make(stack, "rollback", TO="29990101T000000Z")

    assert not {"29990101T000000Z", "20260101T000000Z"} & set(names)
    assert done.returncode == 2
    assert done.stderr.startswith("linkwatch: TO=29990101T000000Z is not kept; there are ")


@pytest.mark.parametrize("folder", ["deployments", "code"])
def test_a_rollback_to_what_was_changed_is_refused(folder, stack, upgrade, released):
    s3, [zipped] = stack.client("s3"), released.glob("MeasureOutcomes-*.zip")  # of both releases
    name = zipped.name if folder == "code" else f"{succeed(stack, 'deployments').split()[0]}.json"
    where = {"Bucket": upgrade.bucket, "Key": f"{folder}/{name}"}
    kept = s3.get_object(**where)["Body"].read()
    s3.put_object(**where, Body=kept.replace(b"CheckLink", b"CheckThis") + b" ")

    done = make(stack, "rollback")

    s3.put_object(**where, Body=kept)
    assert done.returncode == 2
    assert name.removesuffix(".json") in done.stderr


def test_a_release_whose_files_were_changed_is_refused(stack, released, tmp_path):
    for path in released.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "template.yaml").write_text("Resources: {}")

    done = make(stack, "deploy", RELEASE=str(tmp_path))

    assert done.returncode == 2
    assert "template.yaml" in done.stderr
