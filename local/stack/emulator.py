"""MiniStack, with faults on demand: calls that AWS would refuse on a bad day and the emulator never does.

LINKWATCH_FAULTS names a file, a list of faults in JSON; no file, no faults. A fault:
    id        its own
    call      one of the calls below, "sendMessage", or the state machine's "getItem" and "invoke" (of a Lambda)
    about     texts that all have to stand in the call's arguments
    error     what AWS calls it; null: the call is only late
    fromMs, untilMs   when, epoch milliseconds by the emulator's clock
    after     (optional) true: the call takes effect, and only its answer is lost
    times     (optional) how many calls at most
    lateBySeconds     (optional) how long it takes before anything happens

Whoever makes the call is refused: a function, the state machine, a test. Only getItem is refused to the state machine alone, so
that a test can see the item meanwhile. What the emulator does by itself is not refused: taking messages from a queue, putting
events into one.
"""

import functools
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.app import main  # pyright: ignore[reportMissingImports]  # the emulator's own virtual environment has it
from ministack.core.responses import error_response_json  # pyright: ignore[reportMissingImports]
from ministack.services import (  # pyright: ignore[reportMissingImports]
    dynamodb,
    eventbridge,
    lambda_svc,
    sqs,
    stepfunctions,
)

_FILE = Path(os.environ["LINKWATCH_FAULTS"])
_COUNTS: Counter[int] = Counter()

#: call: the module that serves it, and the function there
_CALLS = {
    "putItem": (dynamodb, "_put_item"),
    "updateItem": (dynamodb, "_update_item"),
    "scan": (dynamodb, "_scan"),
    "putEvents": (eventbridge, "_put_events"),
    "startExecution": (stepfunctions, "_start_execution"),
    "stopExecution": (stepfunctions, "_stop_execution"),
    "describeExecution": (stepfunctions, "_describe_execution"),
    "listExecutions": (stepfunctions, "_list_executions"),
}


def _fault(call: str, arguments: object) -> dict[str, Any] | None:
    if not _FILE.exists():
        return None
    text, now_ms = json.dumps(arguments, default=str), time.time() * 1000
    for fault in json.loads(_FILE.read_text()):
        if (
            fault["call"] == call
            and fault["fromMs"] <= now_ms < fault["untilMs"]
            and all(t in text for t in fault["about"])
            and _COUNTS[fault["id"]] < fault.get("times", sys.maxsize)
        ):
            _COUNTS[fault["id"]] += 1
            return fault
    return None


def _faulty(call: str, function: Callable[..., Any], refusal: Callable[[str], Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        fault = _fault(call, [args[0]["config"]["FunctionName"], args[1]] if call == "invoke" else args)
        if fault is None:
            return function(*args, **kwargs)
        time.sleep(fault.get("lateBySeconds", 0))
        if fault["error"] is None:
            return function(*args, **kwargs)
        if fault.get("after"):
            function(*args, **kwargs)
        return refusal(fault["error"])

    return called


def _refused(error: str) -> Any:
    # AWS answers its own failures with a 500, and the caller's, throttling among them, with a 400.
    return error_response_json(error, "a fault on demand", 500 if error.startswith(("Internal", "Service")) else 400)


def _sqs_refused(error: str) -> Any:
    raise sqs._Err(error, "a fault on demand")


def _failed(error: str) -> dict[str, Any]:
    return {"error": True, "body": {"errorType": error, "errorMessage": "a fault on demand"}}


def _read_by_state_machine(invoke: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    def invoked(operation: str, arguments: Any) -> Any:
        fault = _fault("getItem", arguments) if operation == "getItem" else None
        if fault:
            raise stepfunctions._ExecutionError(f"DynamoDB.{fault['error']}", "a fault on demand")
        return invoke(operation, arguments)

    return invoked


def _make_faulty() -> None:
    for call, (module, name) in _CALLS.items():
        setattr(module, name, _faulty(call, getattr(module, name), _refused))
    stepfunctions._invoke_dynamodb = _read_by_state_machine(stepfunctions._invoke_dynamodb)
    sqs._HANDLERS["SendMessage"] = _faulty("sendMessage", sqs._HANDLERS["SendMessage"], _sqs_refused)
    invoke = lambda_svc._execute_function_with_config_scope
    lambda_svc._execute_function_with_config_scope = _faulty("invoke", invoke, _failed)


def _wake_pollers() -> None:
    """Has the emulator ask its queues for messages whose visibility time-out is over. Its own pause is the wait of an Event
    (sem_clockwait), which libfaketime does not know: it would last until another message comes.
    """
    while True:
        time.sleep(1)
        lambda_svc._esm_wake.set()


if __name__ == "__main__":
    _make_faulty()
    threading.Thread(target=_wake_pollers, daemon=True).start()
    sys.exit(main())
