"""examples/webhook, deployed for the tests, and receivers for it."""

import json
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local import sam
from local.checkout import ROOT
from local.launch import Emulator
from operations.deployed.clock import Clock, await_that
from operations.deployed.signed_calls import SignedCalls
from tests.integration.conftest import PATIENCE
from tests.sample_events import event

WEBHOOK = ROOT / "examples" / "webhook"


CLICKED = {
    "transactionId": "12225083692",
    "carrier": "T-Mobile USA",
    "lineType": "Mobile",
    "countryCode": "United States",
    "phoneMatch": "indeterminate",
    "ipAddressMatch": True,
}


@dataclass(frozen=True)
class Deployed:
    """The webhook, deployed beside a bus; its receiver is whoever listens on the port."""

    port: int
    calls: SignedCalls
    clock: Clock
    environment: Mapping[str, str]
    bus_name: str

    def client(self, service: str) -> Any:
        return self.calls.client(service)

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


def deployed_on(emulator: Emulator, bus: str) -> Deployed:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    parameters = {"BusName": bus, "WebhookUrl": f"http://127.0.0.1:{port}/outcomes"}
    sam.deploy_example("webhook", parameters, emulator.environment)
    return Deployed(port, emulator.calls(), emulator.clock, emulator.environment, bus)


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
