"""examples/webhook beside linkwatch: delivered, refused and delivered again, and received by the receiver to copy."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from local import sam
from local.checkout import ROOT
from local.stack import Stack
from operations.deployed.clock import await_that
from operations.deployed.stack import CloudFormationStack
from tests.integration.conftest import Link, late_link, patience
from tests.sample_events import event
from tests.schemas import complaints

WEBHOOK, STACK_NAME = ROOT / "examples" / "webhook", "linkwatch-webhook"


@dataclass(frozen=True)
class Deployed:
    """The webhook, deployed beside linkwatch; it POSTs to the port. secret: the signing key."""

    stack: Stack
    port: int
    secret: str

    def settle(self) -> Link:
        """Has linkwatch settle and publish a click."""
        link = late_link(self.stack, 200, {"answer": "clicked"})
        link.settled()
        return link

    def forge(self, verification_id: str) -> None:
        """Puts another outcome of a verification on the bus, as anybody can who may put events there."""
        detail = event("measure-outcomes")["detail"] | {"verificationId": verification_id, "injected": "words"}
        entry = {"Source": "linkwatch", "DetailType": "VerificationSettled", "Detail": json.dumps(detail)}
        self.stack.client("events").put_events(Entries=[{**entry, "EventBusName": self.stack.outputs.BusName}])

    def attempts(self, verification_id: str, count: int) -> list[dict[str, Any]]:
        """The log's lines about a verification, once there are so many."""
        functions = CloudFormationStack(self.stack.client, STACK_NAME)

        def lines() -> list[dict[str, Any]] | None:
            logged = [json.loads(line) for line in functions.logs_of("DeliverOutcome").splitlines() if line[:1] == "{"]
            found = [line for line in logged if line.get("verificationId") == verification_id]
            return found if len(found) >= count else None

        return await_that(lines, patience(self.stack), f"{count} attempts are logged")


@dataclass(frozen=True)
class Post:
    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="module")
def webhook(stack) -> Deployed:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    parameters = {
        "BusName": stack.outputs.BusName,
        "TableName": stack.outputs.TableName,
        "WebhookUrl": f"http://127.0.0.1:{port}/outcomes",
    }
    sam.deploy_example("webhook", parameters, stack.environment)
    arn = CloudFormationStack(stack.client, STACK_NAME).all_outputs()["WebhookSecretArn"]
    command = [sys.executable, WEBHOOK / "rotate_secret.py", arn]
    subprocess.run(command, env=stack.environment, check=True, capture_output=True, timeout=60)
    stored = stack.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    return Deployed(stack, port, json.loads(stored)["current"])


@contextmanager
def receiver_on(port: int, *statuses: int) -> Iterator[list[Post]]:
    """Answers each POST with the next status, and with 204 when there are no more."""
    posts: list[Post] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posts.append(Post({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(statuses[len(posts) - 1] if len(posts) <= len(statuses) else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Receiver) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield posts
        server.shutdown()


@contextmanager
def example_on(webhook: Deployed, database: Path) -> Iterator[list[str]]:
    """Runs the receiver to copy, in the stack's clock. Yields the lines that it prints."""
    command = [sys.executable, "-u", WEBHOOK / "receiver" / "receive.py", str(webhook.port), str(database)]
    env = {**webhook.stack.environment, "WEBHOOK_SECRET": webhook.secret}
    printed: list[str] = []
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        threading.Thread(target=lambda: printed.extend(process.stdout or ()), daemon=True).start()
        await_that(lambda: is_listening(webhook.port), 30, "the receiver listens")
        yield printed
        process.terminate()


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def signature_of(post: Post, secret: str) -> str:
    signed_at = datetime.fromtimestamp(int(post.headers["webhook-timestamp"]), UTC)
    return Webhook(secret).sign(post.headers["webhook-id"], signed_at, post.body.decode())


def test_a_stored_outcome_is_delivered_and_signed_whatever_an_event_says(stack, webhook):
    with receiver_on(webhook.port) as posts:
        link = webhook.settle()
        outcome = link.event()["detail"]
        await_that(lambda: posts, patience(stack), "it is delivered")
        webhook.forge(link.verification_id)
        await_that(lambda: len(posts) == 2, patience(stack), "it is delivered again")

    for post in posts:
        assert (post.headers["webhook-id"], post.headers["content-type"]) == (link.verification_id, "application/json")
        assert post.headers["webhook-signature"] == signature_of(post, webhook.secret)
        assert complaints("verification-settled", json.loads(post.body)) == []
        assert json.loads(post.body)["detail"] == outcome


def test_a_refused_outcome_is_delivered_after_a_pause_with_the_same_id_and_body(webhook):
    with receiver_on(webhook.port, 500) as posts:
        verification_id = webhook.settle().verification_id
        lines = webhook.attempts(verification_id, 2)

    refused, delivered = posts
    assert [(line["attempt"], line.get("problem"), line["delivered"]) for line in lines] == [
        (1, "500", False),
        (2, None, True),
    ]
    assert refused.headers["webhook-id"] == delivered.headers["webhook-id"] == verification_id
    assert refused.body == delivered.body
    assert delivered.headers["webhook-signature"] == signature_of(delivered, webhook.secret)
    assert int(delivered.headers["webhook-timestamp"]) - int(refused.headers["webhook-timestamp"]) >= 14


def test_the_receiver_to_copy_acts_once_on_an_outcome_that_arrives_twice(webhook, tmp_path):
    with example_on(webhook, tmp_path / "outcomes.db") as printed:
        verification_id = webhook.settle().verification_id
        await_that(lambda: printed, patience(webhook.stack), "it is delivered")
        webhook.forge(verification_id)
        await_that(lambda: len(printed) == 2, patience(webhook.stack), "it is delivered again")

    assert printed == [f"{verification_id}: LINK_CLICKED\n", f"{verification_id}: known already\n"]
