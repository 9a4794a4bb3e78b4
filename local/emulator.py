"""MiniStack, for one user only, with faults on demand, and with AWS's answers where its own differ and it matters here.

**One user.** MiniStack takes the access key "test" and any account id for the root without checking their signatures, and it
answers web pages of any origin. Its Lambdas are processes of the developer's. So here the root is AWS_ACCESS_KEY_ID alone, which
is new at each start. Requests with an Origin header are refused, and MiniStack's own paths (reset, config), except health.

**Faults.** LINKWATCH_FAULTS names a file, a JSON list of faults; no file, no faults. A fault:
    id        its own, any text
    call      one of CALLS below, or the state machine's "getItem" and "invoke" (of a Lambda)
    about     texts that all have to occur in the call's arguments
    error     what AWS calls it; "closed": the connection is closed without an answer; null: the call is only late
    fromMs, untilMs   when, epoch milliseconds by the emulator's clock
    after     (optional) true: the call takes effect, and only its answer is lost or late
    times     (optional) how many calls at most
    lateBySeconds     (optional) how long it takes before anything happens; longer than the client's time-out, it hangs

A function's call is refused, the state machine's and a test's; of getItem only the state machine's, so that a test can see the
item meanwhile. Late or closed are calls of functions and of the state machine. What the emulator does by itself is spared: taking
messages from a queue, putting events into one.

**AWS's answers.** On AWS
- the permission for an action of SQS includes its batch; there is no action sqs:SendMessageBatch
  (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html).
- an unsigned request may call a function URL whose AuthType is NONE. MiniStack takes it for the root's, whose key is a secret.
- a secret that was created without a value has none: ResourceNotFoundException. MiniStack returns an empty text.
"""

import asyncio
import functools
import hmac
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import ministack.app  # pyright: ignore[reportMissingImports]  # the emulator's own virtual environment has it
from hypercorn.asyncio.tcp_server import TCPServer  # pyright: ignore[reportMissingImports]
from ministack.core import iam_actions, iam_evaluator  # pyright: ignore[reportMissingImports]
from ministack.core.responses import error_response_json  # pyright: ignore[reportMissingImports]
from ministack.services import (  # pyright: ignore[reportMissingImports]
    dynamodb,
    eventbridge,
    lambda_svc,
    secretsmanager,
    sqs,
    stepfunctions,
    sts,
)

_FAULTS = Path(os.environ["LINKWATCH_FAULTS"])
_ROOT_KEY = os.environ["AWS_ACCESS_KEY_ID"]
_COUNTS: Counter[str] = Counter()

#: call: the module that serves it, and the function there
CALLS = {
    "putItem": (dynamodb, "_put_item"),
    "updateItem": (dynamodb, "_update_item"),
    "scan": (dynamodb, "_scan"),
    "putEvents": (eventbridge, "_put_events"),
    "startExecution": (stepfunctions, "_start_execution"),
    "stopExecution": (stepfunctions, "_stop_execution"),
    "describeExecution": (stepfunctions, "_describe_execution"),
    "listExecutions": (stepfunctions, "_list_executions"),
}

# ── One user ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_root_access_key(access_key_id: str) -> bool:
    return hmac.compare_digest(access_key_id.encode(), _ROOT_KEY.encode())


def _refusal(path: str, headers: list[tuple[bytes, bytes]]) -> str | None:
    if any(name.lower() == b"origin" for name, _ in headers):
        return "the local stack answers no web page"
    if path.startswith(("/_ministack", "/_localstack")) and path != "/_ministack/health":
        return "the local stack has no such path"
    return None


async def _refuse(send: Callable[[dict[str, Any]], Any], message: str) -> None:
    body = json.dumps({"message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _guarded(app: Callable[..., Any]) -> Callable[..., Any]:
    async def guarded(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[..., Any]) -> None:
        refusal = _refusal(scope.get("path", ""), scope.get("headers", []))
        if refusal and scope["type"] == "http":
            await _refuse(send, refusal)
        elif refusal:
            await send({"type": "websocket.close", "code": 1008})
        else:
            await app(scope, receive, send)

    return guarded


# ── Faults ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fault(call: str, arguments: object, *, is_slow: bool) -> dict[str, Any] | None:
    """The first fault for this call. is_slow: among those that are late or close the connection, or among the others."""
    if not _FAULTS.exists():
        return None
    text, now_ms = json.dumps(arguments, default=str), time.time() * 1000
    for fault in json.loads(_FAULTS.read_text()):
        if (
            fault["call"] == call
            and is_slow == ("lateBySeconds" in fault or fault["error"] == "closed")
            and fault["fromMs"] <= now_ms < fault["untilMs"]
            and all(t in text for t in fault["about"])
            and _COUNTS[fault["id"]] < fault.get("times", sys.maxsize)
        ):
            _COUNTS[fault["id"]] += 1
            return fault
    return None


def _serves_http() -> bool:
    """Whether this code runs in the server's event loop, where waiting would stop the whole emulator."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _faulty(call: str, function: Callable[..., Any], refusal: Callable[[str], Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        arguments = [args[0]["config"]["FunctionName"], args[1]] if call == "invoke" else args
        fault = _fault(call, arguments, is_slow=False)
        if fault is None and not _serves_http():  # else _slow() has seen to it
            fault = _fault(call, arguments, is_slow=True)
        if fault is None:
            return function(*args, **kwargs)
        time.sleep(fault.get("lateBySeconds", 0))
        if fault["error"] is None:
            return function(*args, **kwargs)
        if fault.get("after"):
            function(*args, **kwargs)
        return refusal(fault["error"])

    return called


#: The connection over which a request has come.
_CONNECTION: ContextVar[asyncio.StreamWriter] = ContextVar("connection")


def _knowing_its_connection(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def known(server: Any) -> None:
        _CONNECTION.set(server.writer)
        await run(server)

    return known


def _slow(app: Callable[..., Any]) -> Callable[..., Any]:
    """The faults that are late or close the connection, for calls by HTTP. Only that call waits."""

    async def slow(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[..., Any]) -> None:
        call = _function_call_in(scope)
        if not call:
            return await app(scope, receive, send)
        body, replay = await _read(receive)
        fault = _fault(call, json.loads(body or b"{}"), is_slow=True)
        if fault is None:
            return await app(scope, replay, send)
        sent: list[dict[str, Any]] = []
        if fault.get("after"):
            await app(scope, replay, _into(sent))
        await asyncio.sleep(fault.get("lateBySeconds", 0))
        if fault["error"] == "closed":
            return _CONNECTION.get().transport.abort()
        if fault["error"]:
            return await _refuse(send, fault["error"])
        if not fault.get("after"):
            return await app(scope, replay, send)
        for message in sent:
            await send(message)
        return None

    return slow


def _function_call_in(scope: dict[str, Any]) -> str | None:
    """The operation that a function calls by AWS's JSON protocol, spelt like putItem; None for a test's, with the root's key."""
    headers = {name.lower(): value.decode("latin-1") for name, value in scope.get("headers", [])}
    if f"Credential={_ROOT_KEY}/" in headers.get(b"authorization", ""):
        return None
    operation = headers.get(b"x-amz-target", "").rpartition(".")[2]
    return operation[:1].lower() + operation[1:]


async def _read(receive: Callable[[], Any]) -> tuple[bytes, Callable[[], Any]]:
    """The request's body, and what gives it to the application again."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    given = False

    async def replay() -> dict[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return body, replay


def _into(sent: list[dict[str, Any]]) -> Callable[[dict[str, Any]], Any]:
    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    return send


def _refused(error: str) -> Any:
    # AWS answers its own failures with a 500, and the caller's, throttling among them, with a 400.
    return error_response_json(error, "a fault on demand", 500 if error.startswith(("Internal", "Service")) else 400)


def _sqs_refused(error: str) -> Any:
    raise sqs._Err(error, "a fault on demand")


def _failed(error: str) -> dict[str, Any]:
    return {"error": True, "body": {"errorType": error, "errorMessage": "a fault on demand"}}


def _read_by_state_machine(invoke: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    def invoked(operation: str, arguments: Any) -> Any:
        fault = _fault("getItem", arguments, is_slow=False) if operation == "getItem" else None
        if fault:
            raise stepfunctions._ExecutionError(f"DynamoDB.{fault['error']}", "a fault on demand")
        return invoke(operation, arguments)

    return invoked


def _make_faulty() -> None:
    for call, (module, name) in CALLS.items():
        setattr(module, name, _faulty(call, getattr(module, name), _refused))
    stepfunctions._invoke_dynamodb = _read_by_state_machine(stepfunctions._invoke_dynamodb)
    sqs._HANDLERS["SendMessage"] = _faulty("sendMessage", sqs._HANDLERS["SendMessage"], _sqs_refused)
    invoke = lambda_svc._execute_function_with_config_scope
    lambda_svc._execute_function_with_config_scope = _faulty("invoke", invoke, _failed)
    TCPServer.run = _knowing_its_connection(TCPServer.run)


# ── AWS's answers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _open_function_urls(enforce: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(enforce)
    def enforced(service: str, action: str, *args: Any, **kwargs: Any) -> Any:
        is_open = (kwargs.get("service_context") or {}).get("lambda:FunctionUrlAuthType") == "NONE"
        return None if is_open else enforce(service, action, *args, **kwargs)

    return enforced


def _without_batch(action_of: Callable[..., str | None]) -> Callable[..., str | None]:
    @functools.wraps(action_of)
    def action(service: str, *args: Any, **kwargs: Any) -> str | None:
        found = action_of(service, *args, **kwargs)
        return found.removesuffix("Batch") if service == "sqs" and found else found

    return action


def _without_empty_values(get_secret_value: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(get_secret_value)
    def got(data: Any) -> Any:
        answer = get_secret_value(data)
        is_empty = json.loads(answer[2]).get("SecretString") == ""
        return error_response_json("ResourceNotFoundException", "the secret has no value", 400) if is_empty else answer

    return got


def _answer_as_aws() -> None:
    ministack.app._enforce_data_plane = _open_function_urls(ministack.app._enforce_data_plane)
    iam_actions.extract_iam_action = _without_batch(iam_actions.extract_iam_action)
    secretsmanager._get_secret_value = _without_empty_values(secretsmanager._get_secret_value)


def _wake_pollers() -> None:
    """Has the emulator ask its queues for messages whose visibility time-out is over. Its own pause is the wait of an Event
    (sem_clockwait), which libfaketime does not know: it would last until another message comes.
    """
    while True:
        time.sleep(1)
        lambda_svc._esm_wake.set()


if __name__ == "__main__":
    iam_evaluator.is_root_access_key = sts.is_root_access_key = _is_root_access_key
    _answer_as_aws()
    _make_faulty()
    ministack.app.app = _guarded(_slow(ministack.app.app))
    threading.Thread(target=_wake_pollers, daemon=True).start()
    sys.exit(ministack.app.main())
