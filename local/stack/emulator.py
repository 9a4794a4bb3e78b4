"""MiniStack, with faults on demand: calls that AWS would refuse on a bad day and the emulator never does.

LINKWATCH_FAULTS names a file, a list of faults in JSON; no file, no faults. A fault:
    call      "updateItem", "putEvents" (those of the state machine) or "invoke" (of a Lambda, by the state machine)
    about     texts that all have to stand in the call's arguments
    error     what AWS calls it
    fromMs, untilMs   when, epoch milliseconds by the emulator's clock
    after     (optional) true: the call takes effect, and only its answer is lost
"""

import functools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.app import main  # pyright: ignore[reportMissingImports]  # the emulator's own virtual environment has it
from ministack.core.responses import error_response_json  # pyright: ignore[reportMissingImports]
from ministack.services import dynamodb, eventbridge, lambda_svc  # pyright: ignore[reportMissingImports]

_FILE = Path(os.environ["LINKWATCH_FAULTS"])


def _fault(call: str, arguments: object) -> dict[str, Any] | None:
    if not _FILE.exists():
        return None
    text, now_ms = json.dumps(arguments, default=str), time.time() * 1000
    for fault in json.loads(_FILE.read_text()):
        if (
            fault["call"] == call
            and fault["fromMs"] <= now_ms < fault["untilMs"]
            and all(t in text for t in fault["about"])
        ):
            return fault
    return None


def _faulty(call: str, function: Callable[..., Any], refusal: Callable[[str], Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        fault = _fault(call, [args[0]["config"]["FunctionName"], args[1]] if call == "invoke" else args)
        if fault is None:
            return function(*args, **kwargs)
        if fault.get("after"):
            function(*args, **kwargs)
        return refusal(fault["error"])

    return called


def _refused(error: str) -> Any:
    return error_response_json(error, "a fault on demand", 400)


def _failed(error: str) -> dict[str, Any]:
    return {"error": True, "body": {"errorType": error, "errorMessage": "a fault on demand"}}


def _make_faulty() -> None:
    dynamodb._update_item = _faulty("updateItem", dynamodb._update_item, _refused)
    eventbridge._put_events = _faulty("putEvents", eventbridge._put_events, _refused)
    invoke = lambda_svc._execute_function_with_config_scope
    lambda_svc._execute_function_with_config_scope = _faulty("invoke", invoke, _failed)


if __name__ == "__main__":
    _make_faulty()
    sys.exit(main())
