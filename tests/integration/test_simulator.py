"""The simulator of Signzy as a Lambda, deployed beside linkwatch."""

import json
from collections.abc import Callable, Iterator

import pytest
import urllib3

from operations.deployed.clock import await_that
from operations.deployed.stack import CloudFormationStack
from simulator.coded import CodedLink
from tests.integration.conftest import Link, make, patience

NAME = "linkwatch-simulator"

Ask = Callable[..., urllib3.BaseHTTPResponse]


@pytest.fixture(scope="module")
def outputs(stack) -> Iterator[dict[str, str]]:
    deployed = make(stack, "simulator", PARAMETERS="ConcurrentRequests=5", CONFIRM="no")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    yield CloudFormationStack(stack.client, NAME).all_outputs()
    stack.client("cloudformation").delete_stack(StackName=NAME)


@pytest.fixture(scope="module")
def token(stack, outputs) -> str:
    secret = stack.client("secretsmanager").get_secret_value(SecretId=outputs["TokenArn"])["SecretString"]
    return json.loads(secret)["token"]


@pytest.fixture(scope="module")
def ask(stack, outputs, token) -> Ask:
    """A GET of a path, with the right token. The emulator has the function URL's host under its own address."""
    host = outputs["SignzyBaseUrl"].removeprefix("https://").partition("/")[0]
    headers = {"Host": host, "Authorization": token, "Content-Type": "application/json"}
    return lambda path, **changes: urllib3.request("GET", stack.emulator.endpoint + path, headers=headers | changes)


def path_of(ids: dict[str, str]) -> str:
    return f"/api/v3/us-kyc/poll-check-verify/request/{ids['requestId']}/session/{ids['sessionId']}"


@pytest.mark.parametrize(("second", "is_clicked"), [(5, None), (70, True)])
def test_a_link_that_is_coded_into_its_ids_is_clicked_at_its_second(second, is_clicked, stack, ask):
    ids = CodedLink("clicked", round(stack.clock.now_ms() / 1000) - second, click=40).new_ids()

    assert ask(path_of(ids)).json()["result"].get("linkClicked") is is_clicked


def test_it_says_that_it_is_a_simulator_and_answers_only_its_token_and_its_ids(ask):
    about, ids = ask("/"), CodedLink("clicked", 0).new_ids()

    assert about.json()["simulator"] is True
    assert "not Signzy" in about.headers["X-Simulator"]
    assert ask(path_of(ids), Authorization="another").status == 401
    assert b"Invalid requestId or sessionId" in ask(path_of({"requestId": "0" * 24, "sessionId": "1" * 24})).data


def test_it_logs_each_request_once_and_never_its_token(stack, ask, token):
    ids = CodedLink("never", round(stack.clock.now_ms() / 1000)).new_ids()
    ask(path_of(ids))
    group = CloudFormationStack(stack.client, NAME).physical_id("SimulatorLogs")

    def logged() -> list[str] | None:
        messages = [e["message"] for e in stack.client("logs").filter_log_events(logGroupName=group)["events"]]
        return messages if any(ids["requestId"] in message for message in messages) else None

    messages = await_that(logged, patience(stack), "the request is logged")

    assert sum(ids["requestId"] in message for message in messages) == 1
    assert not any(token in message for message in messages)


@pytest.mark.parametrize("via", ["api", "event"])
def test_make_send_starts_a_verification_of_a_link_that_is_coded_into_its_ids(via, stack):
    sent = make(stack, "send", SCENARIO="clicked", CLICK="15", VIA=via)

    assert sent.returncode == 0, sent.stderr
    link = Link(stack, *sent.stdout.strip().split("-"))
    assert link.settled()["outcome"] == "LINK_CLICKED"
    assert link.checks_at()[-1] >= 15
