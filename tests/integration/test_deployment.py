"""make deploy and make rollback of releases on the emulator, while links are watched."""

import shutil
from pathlib import Path
from typing import NamedTuple

from local.checkout import ROOT
from local.stack import Stack
from operations import release
from tests.integration.conftest import Link, late_link, make


def write_next_release(folder: Path) -> Path:
    """The release of a checkout with another CheckLink and another definition."""
    checkout = folder / "checkout"
    checkout.mkdir()
    for part in ("template.yaml", "statemachine", ".aws-sam/build"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, checkout / part)
    with (checkout / ".aws-sam" / "build" / "CheckLink" / "check_link.py").open("a") as module:
        module.write("\n# the next version\n")
    definition = checkout / "statemachine" / "link_watch.asl.json"
    definition.write_text(definition.read_text("utf-8").replace("Watches one", "Next version: watches one"), "utf-8")
    return release.write(folder / "linkwatch-next", checkout)


class Version(NamedTuple):
    """What is called: CheckLink's code and variables, whether the definition is the next version's, the stack's tags."""

    code: str
    variables: dict[str, str]
    is_next: bool
    tags: dict[str, str]


def version_of(stack: Stack) -> Version:
    name = stack.physical_id("CheckLink")
    called = stack.client("lambda").get_function_configuration(FunctionName=name, Qualifier="live")
    machine = stack.client("stepfunctions").describe_state_machine(stateMachineArn=stack.outputs.StateMachineArn)
    described = stack.describe()
    assert described
    tags = {tag["Key"]: tag["Value"] for tag in described["Tags"]}
    return Version(
        called["CodeSha256"], called["Environment"]["Variables"], "Next version" in machine["definition"], tags
    )


def succeed(stack: Stack, verb: str, **variables: str) -> str:
    done = make(stack, verb, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def start_links(stack: Stack) -> list[tuple[str, Link]]:
    """Starts a link that is clicked late and one that is not, with the outcome of each. Their windows end well after a
    deployment: the first check by another version starts Lambdas, too slowly for a last check under an accelerated clock.
    """
    click = [{"untilSecond": 250, "answer": "pending"}, {"answer": "clicked"}]
    return [("LINK_CLICKED", late_link(stack, 0, *click)), ("EXPIRED", late_link(stack, 0))]


def test_watched_links_keep_their_outcome_through_an_upgrade_and_a_rollback(stack, tmp_path):
    succeed(stack, "deploy", RELEASE=str(release.write(tmp_path / "linkwatch-this")), TAGS="team=onboarding")
    next_release = write_next_release(tmp_path)
    links = [*start_links(stack), ("CANCELLED", late_link(stack, 0))]
    before = version_of(stack)

    succeed(stack, "deploy", RELEASE=str(next_release), TAGS="team=payments", PARAMETERS="PollIntervalSeconds=11")
    upgraded = version_of(stack)
    assert upgraded.is_next
    assert upgraded.code != before.code
    assert upgraded.variables == before.variables | {"POLL_INTERVAL_SECONDS": "11"}
    assert (before.tags, upgraded.tags) == ({"team": "onboarding"}, {"team": "payments"})
    assert links[-1][1].cancel().status == 200

    assert "CheckLink" in succeed(stack, "rollback", PLAN="1")
    assert version_of(stack) == upgraded
    links += start_links(stack)
    succeed(stack, "rollback")

    assert version_of(stack) == before
    for outcome, link in links:
        item = link.settled()
        assert (item["outcome"], item["takeovers"]) == (outcome, 0)
