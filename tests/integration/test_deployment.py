"""Releases on the emulator: deployed by plain CloudFormation, and by make deploy and make rollback while links are watched."""

import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.checkout import ROOT
from local.stack import Stack
from operations import release
from operations.deployed.outcome_events import listen
from operations.deployed.stack import DeployedStack, outputs_of
from operations.deployments import Deployments
from operations.environment import Environment
from tests.integration.conftest import make, moment, patience, send_link

SENT_SECONDS_AGO = 120


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


def check_link(stack: Stack) -> dict[str, Any]:
    """The version of CheckLink that is called."""
    name = stack.functions.name_of("CheckLink")
    return stack.client("lambda").get_function_configuration(FunctionName=name, Qualifier="live")


def deployed(stack: Stack) -> tuple[str, bool]:
    """Which CheckLink is called, and whether the definition is the next version's."""
    machine = stack.client("stepfunctions").describe_state_machine(stateMachineArn=stack.outputs.StateMachineArn)
    return check_link(stack)["CodeSha256"], "Next version" in machine["definition"]


def deploy(stack: Stack, folder: Path, **variables: str) -> None:
    done = make(stack, "deploy", RELEASE=str(folder), **variables)
    assert done.returncode == 0, done.stdout + done.stderr


# ── Plain CloudFormation ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def plain_stack(stack, released) -> Iterator[DeployedStack]:
    """The release as a stack of its own, as `aws s3 cp` and `aws cloudformation deploy` make it."""
    s3, cloudformation, bucket = stack.client("s3"), stack.client("cloudformation"), f"code-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=bucket)
    for path in released.iterdir():
        s3.put_object(Bucket=bucket, Key=f"v1/{path.name}", Body=path.read_bytes())
    parameters = {"CodeBucket": bucket, "CodePrefix": "v1/", "SignzyBaseUrl": stack.parameters["SignzyBaseUrl"]}
    cloudformation.create_stack(
        StackName="plain",
        TemplateURL=f"https://s3.amazonaws.com/{bucket}/v1/template.yaml",
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="plain", WaiterConfig={"Delay": 1})
    outputs = outputs_of(stack.client, "plain")
    plain = DeployedStack(stack.calls, outputs, "plain", listen(stack.client, outputs.BusName, "plain-outcomes"))
    token = stack.client("secretsmanager").get_secret_value(SecretId=stack.outputs.SignzyTokenArn)["SecretString"]
    plain.fill_token(json.loads(token)["token"])
    yield plain
    cloudformation.delete_stack(StackName="plain")


@pytest.mark.parametrize("entry_point", ["API", "EVENT"])
def test_a_release_that_plain_cloudformation_deployed_watches_a_link(stack, plain_stack, entry_point):
    link = send_link(stack, {"untilSecond": 15, "answer": "pending"}, {"answer": "clicked"})

    if entry_point == "API":
        assert plain_stack.start(link.request_id, link.session_id).status == 202
    else:
        plain_stack.put_link_sent({"requestId": link.request_id, "sessionId": link.session_id})

    item = plain_stack.await_published(link.verification_id, patience(stack))
    assert (item["outcome"], item["source"]) == ("LINK_CLICKED", entry_point)
    assert plain_stack.events(link.verification_id)[0]["detail"]["outcome"] == "LINK_CLICKED"


# ── make deploy, make rollback ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def deployments(stack, released) -> Deployments:
    """The stack was deployed by make deploy twice, so that a deployment with code of ours is kept."""
    deploy(stack, released)
    deploy(stack, released)
    with pytest.MonkeyPatch.context() as shell:
        for name, value in stack.environment.items():
            shell.setenv(name, value)
        return Deployments(Environment.named("local", stack.environment))


@pytest.mark.usefixtures("deployments")
def test_watched_links_keep_their_outcome_through_an_upgrade_and_a_rollback(stack, next_release):
    pending = {"untilSecond": 250, "answer": "pending"}
    links = [send_link(stack, pending, {"answer": "clicked"}, sent_seconds_ago=SENT_SECONDS_AGO) for _ in range(2)]
    links += [send_link(stack, sent_seconds_ago=SENT_SECONDS_AGO) for _ in range(2)]
    for link in links:
        assert link.start(linkSentAt=moment(stack, SENT_SECONDS_AGO)).status == 202
    cancelled = send_link(stack)
    assert cancelled.start().status == 202
    before, variables = deployed(stack), check_link(stack)["Environment"]

    deploy(stack, next_release, TAGS="team=onboarding", PARAMETERS="PollIntervalSeconds=11")

    code, is_next = deployed(stack)
    assert is_next
    assert code != before[0]
    assert check_link(stack)["Environment"]["Variables"]["POLL_INTERVAL_SECONDS"] == "11"
    assert stack.cancel(cancelled.verification_id).status == 200

    plan = make(stack, "rollback", PLAN="1")

    assert plan.returncode == 0, plan.stdout + plan.stderr
    assert "CheckLink" in plan.stdout
    assert deployed(stack) == (code, is_next)

    rollback = make(stack, "rollback")

    assert rollback.returncode == 0, rollback.stdout + rollback.stderr
    assert (deployed(stack), check_link(stack)["Environment"]) == (before, variables)
    items = [link.settled() for link in (*links, cancelled)]
    assert [item["outcome"] for item in items] == ["LINK_CLICKED"] * 2 + ["EXPIRED"] * 2 + ["CANCELLED"]
    assert [item["takeovers"] for item in items] == [0] * 5


def test_a_planted_deployment_is_not_seen(stack, deployments):
    planted = json.dumps({"template": "Resources: {}", "parameters": {}, "tags": {}}).encode()
    for name in ("29990101T000000Z", "20260101T000000Z"):
        stack.client("s3").put_object(Bucket=deployments.bucket(), Key=f"deployments/{name}.json", Body=planted)

    names = make(stack, "deployments").stdout.split()

    assert not {"29990101T000000Z", "20260101T000000Z"} & set(names)
    assert make(stack, "rollback", TO="29990101T000000Z").returncode == 2


def test_a_changed_deployment_is_refused(stack, deployments):
    latest = make(stack, "deployments").stdout.split()[0]
    where: dict[str, Any] = {"Bucket": deployments.bucket(), "Key": f"deployments/{latest}.json"}
    kept = stack.client("s3").get_object(**where)["Body"].read()
    stack.client("s3").put_object(**where, Body=kept.replace(b"CheckLink", b"CheckThis"))

    done = make(stack, "rollback", TO=latest)

    stack.client("s3").put_object(**where, Body=kept)
    assert done.returncode == 2
    assert "was changed" in done.stderr


def test_changed_code_is_refused(stack, deployments, released):
    [zipped] = released.glob("MeasureOutcomes-*.zip")  # of all releases in this file
    where: dict[str, Any] = {"Bucket": deployments.bucket(), "Key": f"code/{zipped.name}"}
    stack.client("s3").put_object(**where, Body=b"another")

    done = make(stack, "rollback")

    stack.client("s3").put_object(**where, Body=zipped.read_bytes())
    assert done.returncode == 2
    assert zipped.name in done.stderr


def test_a_release_whose_files_were_changed_is_refused(stack, released, tmp_path):
    for path in released.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "template.yaml").write_text("Resources: {}")

    done = make(stack, "deploy", RELEASE=str(tmp_path))

    assert done.returncode == 2
    assert "template.yaml" in done.stderr


def test_an_environment_that_does_not_exist_is_one_clear_line(stack):
    done = make(stack, "deploy", ENV="production")

    assert done.returncode == 2
    assert done.stderr == "linkwatch: ENV=production is not in samconfig.toml; there are local, dev, prod\n"


@pytest.mark.usefixtures("deployments")
def test_a_deployment_that_is_not_kept_is_one_clear_line(stack):
    done = make(stack, "rollback", TO="20010101T000000Z")

    assert done.returncode == 2
    assert done.stderr.startswith("linkwatch: TO=20010101T000000Z is not kept; there are ")
