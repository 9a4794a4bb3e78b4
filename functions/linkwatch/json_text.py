"""Reads JSON that comes from outside: request bodies, events, Signzy's answers, secrets.

Python's own reader fails on two kinds of valid JSON: it converts no number of more than 4,300 digits and recurses into nested
values. Neither may decide what happens to a message that has such a value in a field that nobody reads.
"""

import json
import re
from collections.abc import Callable
from typing import Any

#: Deeper values are read as null. Nothing that linkwatch reads lies deeper than 4.
MAX_DEPTH = 32
#: A longer whole number is read as text. Nothing that linkwatch reads is longer.
MAX_DIGITS = 256

# A string (also one that never ends, so that the search stays linear), or a bracket.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)


def parse_json(
    text: str, *, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None, strict: bool = True
) -> Any:
    """The value of a JSON text. object_pairs_hook: as for json.loads. strict: whether raw control characters in strings, NaN and
    Infinity are invalid, as JSON says. Raises ValueError for invalid JSON.
    """
    return json.loads(
        _cut_at_max_depth(text),
        object_pairs_hook=object_pairs_hook,
        parse_int=_parse_int,
        parse_constant=_refuse_constant if strict else None,
        strict=strict,
    )


def _cut_at_max_depth(text: str) -> str:
    """The text with null in the place of each array and object that lies deeper than MAX_DEPTH."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return text
    depth, kept, kept_to = 0, [], 0
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in ("[", "{"):
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept.append(text[kept_to : token.start()] + "null")
                kept_to = len(text)
        elif token[0] in ("]", "}"):
            if depth == MAX_DEPTH + 1:
                kept_to = token.end()
            depth -= 1
    return "".join([*kept, text[kept_to:]])


def _parse_int(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_DIGITS else digits


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
