"""JSONata for moto, which writes every variable's value as text in front of each expression: `($states:={…};$x:=1;expression)`.

Values are read as the JSON they are and bound; the expression alone is parsed, once. $millis() and $now() are the given clock's.
"""

import json
import re
import threading
from typing import Any

from jsonata import Jsonata
from jsonata.utils import Utils

_BINDING = re.compile(r"\$(\w+):=")
_DECODER = json.JSONDecoder()
_PYTHON_TYPES = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}

_known: dict[str, Jsonata] = {}
_last = threading.local()  # moto asks for the type of what it has just had evaluated, by evaluating it all again


def evaluate(composed: str, now_millis: int) -> Any:
    """The value of an expression as moto composes it; None for null, and where there is none."""
    for question, answer in (("$exists", _exists), ("$type", _type)):
        if composed == f"{question}({getattr(_last, 'composed', None)})":
            return answer(_last.value)
    expression, bindings = _split(composed)
    value = _evaluated(expression, bindings, now_millis)
    _last.composed, _last.value = composed, value
    return Utils.convert_nulls(value)


def _split(composed: str) -> tuple[str, dict[str, Any]]:
    assert (composed[0], composed[-1]) == ("(", ")"), composed
    at, bindings = 1, {}
    while binding := _BINDING.match(composed, at):
        try:
            value, end = _DECODER.raw_decode(composed, binding.end())
        except ValueError:
            break  # a binding of the expression's own
        if composed[end] != ";":
            break
        bindings[binding[1]] = _with_nulls(value)
        at = end + 1
    return composed[at:-1], bindings


def _with_nulls(value: Any) -> Any:
    """jsonata-python takes None for no value at all, at any depth."""
    if isinstance(value, dict):
        return {name: _with_nulls(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_nulls(inner) for inner in value]
    return Utils.NULL_VALUE if value is None else value


def _evaluated(expression: str, bindings: dict[str, Any], now_millis: int) -> Any:
    if expression not in _known:
        _known[expression] = Jsonata(expression)
        _known[expression].output_convert_nulls = False
    jsonata = _known[expression]
    clock = {
        "millis": Jsonata.JLambda(lambda: now_millis),
        "now": Jsonata.JLambda(lambda: Jsonata("$fromMillis($at)").evaluate(None, {"at": now_millis})),
    }
    return jsonata.evaluate(None, {**clock, **bindings})


def _exists(value: Any) -> bool:
    return value is not None


def _type(value: Any) -> str:
    if value is Utils.NULL_VALUE:
        return "null"
    return next((name for kind, name in _PYTHON_TYPES.items() if isinstance(value, kind)), "function")
