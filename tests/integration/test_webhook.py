"""examples/webhook beside linkwatch: an outcome is delivered late, and twice, to the receiver to copy."""

import json
import socket
import subprocess
import sys
import threading
from typing import Any

from operations.deployed.clock import await_that
from operations.deployed.stack import CloudFormationStack
from tests.integration.conftest import late_link, patience
from tests.integration.test_examples import EXAMPLES, deployed
from tests.sample_events import event
from tests.unit.outcome_items import CURRENT, PREVIOUS


def test_a_refused_outcome_is_delivered_when_the_receiver_is_back_and_acted_on_once(stack, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    linkwatch = {"BusName": stack.outputs.BusName, "TableName": stack.outputs.TableName}
    functions = CloudFormationStack(stack.client, "linkwatch-webhook")
    printed: list[str] = []

    def attempts() -> list[tuple[int, Any]]:
        lines = [json.loads(line) for line in functions.logs_of("DeliverOutcome").splitlines() if line[:1] == "{"]
        return [(it["attempt"], it.get("problem")) for it in lines if it.get("verificationId") == verification_id]

    with deployed(stack, "webhook", {**linkwatch, "WebhookUrl": f"http://127.0.0.1:{port}/"}) as outputs:
        for key in (PREVIOUS, CURRENT):
            stack.client("secretsmanager").put_secret_value(SecretId=outputs["WebhookSecretArn"], SecretString=key)
        verification_id = late_link(stack, 200, {"answer": "clicked"}).verification_id
        assert await_that(attempts, patience(stack), "it is tried")[0] == (1, "NewConnectionError")

        command = [sys.executable, EXAMPLES / "webhook/receiver/receive.py", port, tmp_path / "outcomes.db"]
        env = {**stack.environment, "WEBHOOK_SECRET": PREVIOUS}
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as receiver:
            try:
                threading.Thread(target=lambda: printed.extend(receiver.stdout or ()), daemon=True).start()
                await_that(lambda: printed, patience(stack), "it is delivered")
                forged = event("measure-outcomes")["detail"] | {"verificationId": verification_id}
                entry = {"Source": "linkwatch", "DetailType": "VerificationSettled", "Detail": json.dumps(forged)}
                stack.client("events").put_events(Entries=[{**entry, "EventBusName": stack.outputs.BusName}])
                await_that(lambda: len(printed) == 2, patience(stack), "it is delivered again")
            finally:
                receiver.terminate()

    assert printed == [f"{verification_id}: LINK_CLICKED\n", f"{verification_id}: known already\n"]
