"""The simulator of Signzy as a Lambda, deployed beside linkwatch: it answers as the local one does."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
import urllib3

from linkwatch.http_client import HttpClient
from linkwatch.model import Ids
from linkwatch.signzy import Signzy
from linkwatch.signzy_answer import classify
from linkwatch.signzy_token import KeptToken
from operations.deployed.stack import CloudFormationStack
from simulator.coded import CodedLink
from simulator.server import DEFAULT_TOKEN
from tests.integration.conftest import Link, make

NAME = "linkwatch-simulator"
#: Of a window of 300 s, far enough from every step of the scripts: time passes between two questions.
SECONDS = [5, 70, 301]
INTERVAL = 40

Ask = Callable[[str], urllib3.BaseHTTPResponse]


@pytest.fixture(scope="module")
def outputs(stack) -> Iterator[dict[str, str]]:
    deployed = make(stack, "simulator", PARAMETERS="ConcurrentRequests=5", CONFIRM="no")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    described = stack.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
    yield {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
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


@pytest.mark.parametrize("scenario", ["clicked", "invalid-ids", "upstream-down"])
def test_a_scenario_is_answered_as_by_the_local_simulator(scenario, stack, ask):
    local = Signzy(HttpClient(stack.signzy.base_url), KeptToken(lambda _: DEFAULT_TOKEN), poll_interval_seconds=2)

    for second in SECONDS:
        sent_at = round(stack.clock.now_ms() / 1000) - second
        ids = CodedLink(scenario, sent_at, interval=INTERVAL).new_ids()
        here = ask(path_of(ids))
        there = local.check(Ids(ids["requestId"], ids["sessionId"]), None)

        answered = classify(here.status, here.data, here.headers["Content-Type"], ids["sessionId"])
        assert answered == there, second


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

    time.sleep(1)
    messages = [e["message"] for e in stack.client("logs").filter_log_events(logGroupName=group)["events"]]

    assert sum(ids["requestId"] in message for message in messages) == 1
    assert not any(token in message for message in messages)


def test_make_send_starts_a_verification_of_a_link_that_is_coded_into_its_ids(stack):
    for via in ("api", "event"):
        sent = make(stack, "send", SCENARIO="clicked", CLICK="15", VIA=via)
        assert sent.returncode == 0, sent.stderr
        verification_id = sent.stdout.strip()

        link = Link(stack, *verification_id.split("-"))

        assert link.settled()["outcome"] == "LINK_CLICKED"
        assert 15 <= link.checks_at()[-1] < 35
