"""examples/webhook beside linkwatch: what a receiver gets, whatever it does, and what nobody takes."""

import json
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from local.stack import environment, sam_cli
from local.stack.accelerated_clock import NoAcceleratedClock, environment_at
from local.stack.clock import Clock
from local.stack.launch import LocalStackFailed, launch
from local.stack.paths import LOGS, ROOT
from local.stack.signed_calls import SignedCalls
from local.stack.stack import await_that
from tests.integration.conftest import PATIENCE, send_link
from tests.unit.test_contracts import complaints, event

WEBHOOK = ROOT / "examples" / "webhook"
#: An hour passes in two minutes. Faster, and a busy machine is too slow for the time-outs of SAM CLI.
HOUR_SPEED = 30


CLICKED = {
    "transactionId": "12225083692",
    "carrier": "T-Mobile USA",
    "lineType": "Mobile",
    "countryCode": "United States",
    "phoneMatch": "indeterminate",
    "ipAddressMatch": True,
}


@cache
def client_of(calls: SignedCalls, service: str) -> Any:
    return calls.client(service)


@dataclass(frozen=True)
class Deployed:
    """The webhook, deployed beside a bus; its receiver is whoever listens on the port."""

    port: int
    calls: SignedCalls
    clock: Clock
    environment: Mapping[str, str]
    bus_name: str

    def client(self, service: str) -> Any:
        return client_of(self.calls, service)

    def publish(self, correlation_id: str | None = None) -> str:
        """Puts an outcome on the bus, as linkwatch does; gives its verificationId."""
        verification_id = f"{secrets.token_hex(12)}-{secrets.token_hex(12)}"
        known = {"verificationId": verification_id, "correlationId": correlation_id, "result": CLICKED}
        detail = json.dumps(event("measure-outcomes")["detail"] | known)
        self.publish_again(detail)
        return verification_id

    def publish_again(self, detail: str) -> None:
        entry = {"Source": "linkwatch", "DetailType": "VerificationSettled", "EventBusName": self.bus_name}
        self.client("events").put_events(Entries=[{**entry, "Detail": detail}])

    def rotate_secret(self) -> str:
        """Gives the current secret."""
        command = [sys.executable, WEBHOOK / "rotate_secret.py", self.output("WebhookSecretArn")]
        subprocess.run(command, env=self.environment, check=True, capture_output=True, timeout=60)
        stored = self.client("secretsmanager").get_secret_value(SecretId=self.output("WebhookSecretArn"))
        return json.loads(stored["SecretString"])["current"]

    def output(self, name: str) -> str:
        described = self.client("cloudformation").describe_stacks(StackName="linkwatch-webhook")["Stacks"][0]
        return next(o["OutputValue"] for o in described["Outputs"] if o["OutputKey"] == name)

    def log(self) -> list[dict[str, Any]]:
        """What the function has said of each attempt."""
        client = self.client("logs")
        groups = client.describe_log_groups()["logGroups"]
        name = next(g["logGroupName"] for g in groups if "DeliverOutcomeLogs" in g["logGroupName"])
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=name)
        lines = [each["message"] for page in pages for each in page["events"]]
        return [json.loads(line) for line in lines if line.startswith('{"messageId"')]


def deployed_on(calls: SignedCalls, clock: Clock, endpoint: str, clock_environment: Mapping[str, str], bus: str):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    parameters = {"BusName": bus, "WebhookUrl": f"http://127.0.0.1:{port}/outcomes"}
    sam_cli.deploy_example("webhook", parameters, endpoint, clock_environment)
    return Deployed(port, calls, clock, {**environment.for_aws(endpoint), **clock_environment}, bus)


@pytest.fixture(scope="module")
def webhook(stack) -> Deployed:
    return deployed_on(stack.calls, stack.clock, stack.endpoint, stack.clock_environment, stack.outputs.BusName)


@pytest.fixture(scope="module")
def secret(webhook) -> str:
    return webhook.rotate_secret()


# ── Receivers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Got:
    """A POST that came. at_ms: by the stack's clock."""

    at_ms: float
    path: str
    headers: dict[str, str]
    body: bytes


@contextmanager
def receiver_on(webhook: Deployed, *answers: float | str) -> Iterator[list[Got]]:
    """Gives each POST the next answer, and 204 when there are no more. A status; a float: seconds of the stack's clock without an
    answer; a text: a redirect to it.
    """
    got: list[Got] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(Got(webhook.clock.now_ms(), self.path, {n.lower(): v for n, v in self.headers.items()}, body))
            answer = answers[len(got) - 1] if len(got) <= len(answers) else 204
            if isinstance(answer, float):
                webhook.clock.sleep(answer)
                answer = 204
            self.send_response(answer if isinstance(answer, int) else 307)
            if isinstance(answer, str):
                self.send_header("Location", answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", webhook.port), Receiver) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield got
        server.shutdown()


@contextmanager
def example_on(webhook: Deployed, secret: str, database: object) -> Iterator[list[str]]:
    """Runs the receiver to copy, in the stack's clock; gives the lines that it prints."""
    command = [sys.executable, "-u", WEBHOOK / "receiver" / "receive.py", str(webhook.port), str(database)]
    env = {**webhook.environment, "WEBHOOK_SECRET": secret}
    said: list[str] = []
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        threading.Thread(target=lambda: said.extend(process.stdout or ()), daemon=True).start()
        await_that(lambda: answers_on(webhook.port), 20, "the receiver listens")
        yield said
        process.terminate()


def answers_on(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def attempts_of(webhook: Deployed, verification_id: str, count: int) -> list[dict[str, Any]]:
    """The log's lines about a verification, once there are so many."""

    def lines() -> list[dict[str, Any]]:
        found = [line for line in webhook.log() if line.get("verificationId") == verification_id]
        return found if len(found) >= count else []

    return await_that(lines, PATIENCE, f"{count} attempts are logged")


# ── Beside linkwatch ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_outcome_of_linkwatch_reaches_the_receiver_once_signed_and_as_its_schema_says(stack, webhook, secret):
    with receiver_on(webhook) as got:
        link = send_link(stack, {"answer": "clicked"})
        link.start(correlationId="a customer's own words")
        link.settled()

        await_that(lambda: got, 60, "it is delivered")

    assert len(got) == 1
    headers, body = got[0].headers, got[0].body
    signed_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    assert headers["webhook-signature"] == Webhook(secret).sign(link.verification_id, signed_at, body.decode())
    assert (headers["webhook-id"], headers["content-type"]) == (link.verification_id, "application/json")
    assert abs(signed_at.timestamp() - got[0].at_ms / 1000) < 30
    assert complaints("verification-settled", json.loads(body)) == []
    assert json.loads(body)["detail"] == link.event()["detail"]


def test_the_log_has_nothing_but_the_id(webhook, secret):
    with receiver_on(webhook, 500) as got:
        verification_id = webhook.publish("private words")
        attempts_of(webhook, verification_id, 2)

    log = json.dumps([line for line in webhook.log() if line.get("verificationId") == verification_id])
    assert json.loads(got[0].body)["detail"]["result"] == CLICKED
    assert not [word for word in ("private words", *map(str, CLICKED.values())) if word in log]
    assert secret.removeprefix("whsec_") not in log


def test_what_was_refused_comes_again_after_a_pause_with_the_same_id_and_body_and_a_time_of_its_own(webhook, secret):
    with receiver_on(webhook, 500, 503) as got:
        verification_id = webhook.publish()
        lines = attempts_of(webhook, verification_id, 3)

    assert [(line["attempt"], line.get("problem"), line["delivered"]) for line in lines] == [
        (1, "500", False),
        (2, "503", False),
        (3, None, True),
    ]
    assert [15 <= line["pauseSeconds"] <= 19 for line in lines[:1]] == [True]
    assert [30 <= line["pauseSeconds"] <= 38 for line in lines[1:2]] == [True]
    assert {each.headers["webhook-id"] for each in got} == {verification_id}
    assert len({each.body for each in got}) == 1
    for each in got:
        moment = datetime.fromtimestamp(int(each.headers["webhook-timestamp"]), UTC)
        signed = Webhook(secret).sign(verification_id, moment, each.body.decode())
        assert each.headers["webhook-signature"].split(" ")[0] == signed
    assert int(got[1].headers["webhook-timestamp"]) - int(got[0].headers["webhook-timestamp"]) >= 14


@pytest.mark.usefixtures("secret")
def test_a_slow_receiver_is_not_waited_for_and_asked_again(webhook):
    with receiver_on(webhook, 12.0) as got:
        lines = attempts_of(webhook, webhook.publish(), 2)

    assert [(line.get("problem"), line["delivered"]) for line in lines] == [("no answer in time", False), (None, True)]
    assert len(got) == 2


@pytest.mark.usefixtures("secret")
def test_a_redirect_is_not_followed(webhook):
    with receiver_on(webhook, f"http://127.0.0.1:{webhook.port}/elsewhere") as got:
        lines = attempts_of(webhook, webhook.publish(), 2)

    assert [line.get("problem") for line in lines] == ["307", None]
    assert {each.path for each in got} == {"/outcomes"}


def test_the_receiver_to_copy_acts_once_though_an_outcome_is_published_twice(webhook, secret, tmp_path):
    with example_on(webhook, secret, tmp_path / "outcomes.db") as said:
        verification_id = webhook.publish()
        await_that(lambda: said, 60, "it has come")
        webhook.publish_again(json.dumps(event("measure-outcomes")["detail"] | {"verificationId": verification_id}))
        await_that(lambda: len(said) == 2, 60, "it has come again")

    outcome = event("measure-outcomes")["detail"]["outcome"]
    assert said == [f"{verification_id}: {outcome}\n", f"{verification_id}: known already\n"]


def test_a_rotated_secret_loses_nothing_whenever_the_receiver_takes_the_new_key(webhook, secret, tmp_path):
    database, published, said = tmp_path / "outcomes.db", [], []
    with example_on(webhook, secret, database) as by_old_key:
        published.append(webhook.publish())
        new_secret = webhook.rotate_secret()
        published.append(webhook.publish())
        webhook.clock.sleep(70)  # by now the new key is signed with, and the old one still
        published.append(webhook.publish())
        await_that(lambda: len(by_old_key) == 3, PATIENCE, "the old key is enough")
        said += by_old_key
    with example_on(webhook, new_secret, database) as by_new_key:
        published.append(webhook.publish())
        await_that(lambda: by_new_key, PATIENCE, "the new key is enough, too")
        said += by_new_key

    assert new_secret != secret
    assert sorted(line.split(":")[0] for line in said) == sorted(published)


@pytest.mark.parametrize(
    "url", ["http://example.com/", "https://user@example.com/", "ftp://example.com/", "example.com"]
)
def test_a_url_that_is_no_https_is_not_deployed(stack, url):
    parameters = {"BusName": stack.outputs.BusName, "WebhookUrl": url}

    with pytest.raises(LocalStackFailed):
        sam_cli.deploy_example("webhook", parameters, stack.endpoint, stack.clock_environment)

    said = (LOGS / "sam-deploy-webhook.log").read_text("utf-8")
    assert "Parameter 'WebhookUrl' an https URL without user and fragment" in said


# ── An hour, and a day ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def hurried() -> Iterator[Deployed]:
    """The webhook beside a bus of its own, on an emulator of its own: hours have to pass."""
    try:
        environment_at(HOUR_SPEED)
    except NoAcceleratedClock as error:
        pytest.skip(str(error))
    launched = launch(HOUR_SPEED, 300)
    try:
        calls = SignedCalls(launched.endpoint, launched.clock)
        calls.client("events").create_event_bus(Name="links")
        yield deployed_on(calls, launched.clock, launched.endpoint, launched.clock_environment, "links")
    finally:
        launched.end()


def test_a_receiver_that_is_down_for_an_hour_gets_it_then(hurried):
    hurried.rotate_secret()
    verification_id = hurried.publish()
    began_ms = hurried.clock.now_ms()
    assert not answers_on(hurried.port)

    hurried.clock.sleep(3600)
    with receiver_on(hurried) as got:
        await_that(lambda: got, 7200 / HOUR_SPEED, "it is delivered within two hours more")

    lines = attempts_of(hurried, verification_id, len(got))
    assert [each.headers["webhook-id"] for each in got] == [verification_id]
    assert got[0].at_ms - began_ms > 3600 * 1000
    assert 8 <= max(line["attempt"] for line in lines) <= 10  # and not hundreds


def test_what_nobody_takes_lies_among_the_dead_letters(hurried):
    verification_id = hurried.publish()
    sqs, arn = hurried.client("sqs"), hurried.output("OutcomesNotDeliveredArn")
    attempts_of(hurried, verification_id, 1)
    # A day takes too long here: the queue is told to give up at the third attempt.
    queue = next(url for url in sqs.list_queues()["QueueUrls"] if "-Outcomes-" in url)
    dead_letters = sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": policy})

    letters = await_that(
        lambda: sqs.receive_message(QueueUrl=dead_letters, VisibilityTimeout=0).get("Messages"), 60, "it is given up"
    )

    assert json.loads(letters[0]["Body"])["detail"]["verificationId"] == verification_id


def test_before_the_secret_is_filled_nothing_is_sent_and_nothing_lost(hurried):
    arn = hurried.output("WebhookSecretArn")
    empty = json.dumps({"current": "", "previous": ""})
    hurried.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=empty)
    hurried.clock.sleep(90)
    with receiver_on(hurried) as got:
        verification_id = hurried.publish()
        lines = attempts_of(hurried, verification_id, 1)
        assert (got, lines[0]["problem"]) == ([], "the secret holds no keys")

        hurried.rotate_secret()
        await_that(lambda: got, 60, "it is delivered as soon as there is a key")
    assert got[0].headers["webhook-id"] == verification_id
