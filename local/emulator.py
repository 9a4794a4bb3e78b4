"""MiniStack, for one user only, with a simulator of Signzy, faults on demand, and AWS's answers where they matter here.

local/launch.py starts it, with MiniStack's settings and ours in its environment: SIMULATOR_PORT, WINDOW_SECONDS, and
ENDS_WITH_STDIN where it has to end when its standard input does, which the process that started it keeps open, so that nothing
stays behind however that ends. It writes clock.json into its scratch folder, TMPDIR: the variables that let another program into
its clock.

**One user.** MiniStack takes the access key "test" and any account id for the root without checking their signatures, and it
answers web pages of any origin. Its Lambdas are processes of the developer's. So here the root is AWS_ACCESS_KEY_ID alone, which
is new at each start. Requests with an Origin header are refused, and MiniStack's own paths (reset, config), except health.

**Faults** of the calls of functions and of the state machine are in TMPDIR/faults, one a line in JSON:
    call      the operation, such as putItem, or the state machine's invoke
    about     texts that all have to occur in the call's arguments
    error     what AWS calls it; null: the call is only late
    untilMs   epoch milliseconds by the emulator's clock
    after     (optional) true: the call takes effect, and only its answer is lost
    times     (optional) how many calls at most
    lateBySeconds     (optional) how long it takes before anything happens; longer than the client's time-out, it hangs

**AWS's answers.** On AWS
- the permission for an action of SQS includes its batch; there is no action sqs:SendMessageBatch
  (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html).
- an unsigned request may call a function URL whose AuthType is NONE. MiniStack takes it for the root's, whose key is a secret.
"""

import asyncio
import hmac
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ministack.app  # pyright: ignore[reportMissingImports]  # the emulator's own virtual environment has it
from ministack.core import iam_actions, iam_evaluator  # pyright: ignore[reportMissingImports]
from ministack.services import lambda_svc, stepfunctions, sts  # pyright: ignore[reportMissingImports]

from simulator.links import Links
from simulator.server import DEFAULT_TOKEN, Simulator

_SCRATCH = Path(tempfile.gettempdir())
_FAULTS = _SCRATCH / "faults"
_ROOT_KEY = os.environ["AWS_ACCESS_KEY_ID"]
_COUNTS: Counter[str] = Counter()

# ── One user ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_root_access_key(access_key_id: str) -> bool:
    return hmac.compare_digest(access_key_id.encode(), _ROOT_KEY.encode())


def _guarded(app: Callable[..., Any]) -> Callable[..., Any]:
    async def guarded(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        path = scope.get("path", "")
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif "origin" in _headers_of(scope):
            await _answer(send, 403, {"message": "the local stack answers no web page"})
        elif path.startswith(("/_ministack", "/_localstack")) and path != "/_ministack/health":
            await _answer(send, 403, {"message": "the local stack has no such path"})
        else:
            await app(scope, receive, send)

    return guarded


def _headers_of(scope: dict[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope.get("headers", [])}


async def _answer(send: Callable[..., Any], status: int, body: dict[str, str]) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


# ── Faults ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fault(call: str, arguments: object) -> dict[str, Any] | None:
    """The first fault for this call."""
    text, now_ms = json.dumps(arguments, default=str), time.time() * 1000
    for line in _FAULTS.read_text().splitlines():
        fault = json.loads(line)
        if (
            fault["call"] == call
            and now_ms < fault["untilMs"]
            and all(t in text for t in fault["about"])
            and _COUNTS[line] < fault.get("times", sys.maxsize)
        ):
            _COUNTS[line] += 1
            return fault
    return None


def _with_faults(app: Callable[..., Any]) -> Callable[..., Any]:
    """The application, with the faults of functions' calls, which come by HTTP. Only the call that is late waits."""

    async def served(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        call = _function_call_in(_headers_of(scope))
        if not call:
            return await app(scope, receive, send)
        message = {"type": "http.request", "body": await _body(receive), "more_body": False}

        async def replay() -> dict[str, Any]:
            return message

        fault = _fault(call, json.loads(message["body"] or b"{}"))
        if fault is None:
            return await app(scope, replay, send)
        await asyncio.sleep(fault.get("lateBySeconds", 0))
        error = fault["error"]
        if error is None:
            return await app(scope, replay, send)
        if fault.get("after"):
            await app(scope, replay, _send_nothing)
        # AWS answers its own failures with a 500, and the caller's, throttling among them, with a 400.
        status = 500 if error.startswith(("Internal", "Service")) else 400
        return await _answer(send, status, {"__type": error, "message": "a fault on demand"})

    return served


def _function_call_in(headers: dict[str, str]) -> str | None:
    """The operation that a function calls by AWS's JSON protocol, spelt like putItem; None for a test's, with the root's key."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if f"Credential={_ROOT_KEY}/" in headers.get("authorization", ""):
        return None
    return operation[:1].lower() + operation[1:]


async def _body(receive: Callable[..., Any]) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def _send_nothing(_: dict[str, Any]) -> None:
    """Loses an answer."""


def _tasks_with_faults(invoke: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """The same for the calls of the state machine, each of which is in a thread of its own."""

    def invoked(resource: str, arguments: Any) -> Any:
        fault = _fault(resource.rpartition(":")[2], arguments)
        if fault is None:
            return invoke(resource, arguments)
        time.sleep(fault.get("lateBySeconds", 0))
        if fault["error"] is None:
            return invoke(resource, arguments)
        if fault.get("after"):
            invoke(resource, arguments)
        service = "DynamoDB." if ":dynamodb:" in resource else ""
        raise stepfunctions._ExecutionError(service + fault["error"], "a fault on demand")

    return invoked


# ── AWS's answers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _open_function_urls(enforce: Callable[..., Any]) -> Callable[..., Any]:
    def enforced(*args: Any, **kwargs: Any) -> Any:
        is_open = (kwargs.get("service_context") or {}).get("lambda:FunctionUrlAuthType") == "NONE"
        return None if is_open else enforce(*args, **kwargs)

    return enforced


def _without_batch(action_of: Callable[..., str | None]) -> Callable[..., str | None]:
    def action(service: str, *args: Any, **kwargs: Any) -> str | None:
        found = action_of(service, *args, **kwargs)
        return found.removesuffix("Batch") if service == "sqs" and found else found

    return action


# ── Start and end ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _wake_pollers() -> None:
    """Has the emulator ask its queues for messages whose visibility time-out is over. Its own pause is the wait of an Event
    (sem_clockwait), which libfaketime does not know: it would last until another message comes.
    """
    while True:
        time.sleep(1)
        lambda_svc._esm_wake.set()


def _end_with_stdin() -> None:
    while os.read(0, 1024):
        pass
    command = [sys.executable, "-m", "local.programs", str(os.getpid()), str(_SCRATCH)]
    subprocess.Popen(command, start_new_session=True)


def main() -> None:
    """Serves until it is killed."""
    os.umask(0o077)  # what the emulator writes is this user's alone
    iam_evaluator.is_root_access_key = sts.is_root_access_key = _is_root_access_key
    ministack.app._enforce_data_plane = _open_function_urls(ministack.app._enforce_data_plane)
    iam_actions.extract_iam_action = _without_batch(iam_actions.extract_iam_action)
    stepfunctions._invoke_resource = _tasks_with_faults(stepfunctions._invoke_resource)
    ministack.app.app = _guarded(_with_faults(ministack.app.app))
    links = Links(float(os.environ["WINDOW_SECONDS"]), DEFAULT_TOKEN)
    simulator = Simulator(int(os.environ["SIMULATOR_PORT"]), links)
    threads = [simulator.serve_forever, _wake_pollers]
    if "ENDS_WITH_STDIN" in os.environ:
        threads.append(_end_with_stdin)
    for work in threads:
        threading.Thread(target=work, daemon=True).start()
    clock = {name: os.environ[name] for name in ("LD_PRELOAD", "FAKETIME", "FAKETIME_SHARED") if name in os.environ}
    (_SCRATCH / "clock.json").write_text(json.dumps(clock))
    _FAULTS.touch()
    ministack.app.main()


if __name__ == "__main__":
    main()
