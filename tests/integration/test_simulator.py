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
from operations.deployed.resources import Resources
from simulator.coded import CodedLink
from simulator.server import DEFAULT_TOKEN
from tests.integration.conftest import Link, make, patience

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
    return lambda path, **changes: urllib3.request("GET", stack.endpoint + path, headers=headers | changes)


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


def test_it_says_that_it_is_a_simulator(ask):
    answer = ask("/")

    assert answer.json()["simulator"] is True
    assert "not Signzy" in answer.headers["X-Simulator"]


def test_it_refuses_another_token(ask):
    ids = CodedLink("clicked", 0).new_ids()

    assert ask(path_of(ids), Authorization="another").status == 401


def test_it_does_not_know_ids_that_it_did_not_make(ask):
    answer = ask(path_of({"requestId": "0" * 24, "sessionId": "1" * 24}))

    assert b"Invalid requestId or sessionId" in answer.data


def test_it_logs_each_request_once_and_never_its_token(stack, ask, token):
    ids = CodedLink("never", round(stack.clock.now_ms() / 1000)).new_ids()
    ask(path_of(ids))
    group = Resources(stack.client, NAME).physical_id("SimulatorLogs")

    time.sleep(1)
    messages = [e["message"] for e in stack.client("logs").filter_log_events(logGroupName=group)["events"]]

    assert sum(ids["requestId"] in message for message in messages) == 1
    assert not any(token in message for message in messages)


def test_a_link_that_is_coded_into_its_ids_is_watched(stack):
    ids = CodedLink("clicked", round(stack.clock.now_ms() / 1000), click=15).new_ids()
    link = Link(stack, ids["requestId"], ids["sessionId"])

    link.start()

    assert link.settled()["outcome"] == "LINK_CLICKED"
    assert 15 <= link.checks_at()[-1] < 35


@pytest.mark.parametrize("via", ["api", "event"])
def test_make_send_starts_a_verification_of_such_a_link(via, stack):
    sent = make(stack, "send", SCENARIO="clicked", CLICK="15", VIA=via)

    assert sent.returncode == 0, sent.stderr
    assert stack.await_published(sent.stdout.strip(), patience(stack))["outcome"] == "LINK_CLICKED"


def test_make_send_refuses_a_bad_choice_in_one_line(stack):
    refused = make(stack, "send", SCENARIO="nonsense")

    assert refused.returncode == 2
    assert "SCENARIO=nonsense does not exist; there are clicked," in refused.stderr
