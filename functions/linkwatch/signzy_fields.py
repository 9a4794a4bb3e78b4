"""Reads the fields of Signzy's answers: text in any encoding, names in any case, contradictions, unusable values."""

import codecs
import json
import re
from collections.abc import Callable, Mapping
from typing import Literal

from linkwatch.json_text import parse_json

#: A longer text is not a carrier or a country; an execution's state could not hold 256 KiB of it.
MAX_FIELD_CHARACTERS = 256

#: A JSON object: all values of each name. Names are in lower case, because carrier and Carrier are the same.
Fields = dict[str, list[object]]

_BOOLEANS: Mapping[object, bool] = {"true": True, "false": False}
# Python's text codecs that are not charsets; the first takes seconds for 256 KiB.
_NOT_CHARSETS = {"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined"}
# As for a correlationId: control characters, and the two code points that an SQS message cannot hold (start_request.py). Also
# halves of a surrogate pair, and the character that replaces bytes which could not be decoded.
_NOT_PRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd-\uffff]")


class Contradiction(Exception):
    """A name has two different values."""


def fields_of_body(body: bytes, content_type: str) -> Fields:
    """The fields of a body; empty unless it is a JSON object."""
    # Not email's own reading of the parameters: it takes seconds for 64 KiB of semicolons.
    named = content_type.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    text = _decode(body, named or json.detect_encoding(body)).removeprefix("\ufeff")
    try:
        # Not strict: a raw control character or NaN in one field does not make the whole answer useless.
        return fields_of(parse_json(text, object_pairs_hook=_group, strict=False))
    except ValueError:
        return {}


def fields_of(value: object) -> Fields:
    """The value as fields; empty unless it is an object."""
    return value if isinstance(value, dict) else {}


def single_value[T](fields: Fields, name: str, read: Callable[[object], T] = lambda value: value) -> T | None:
    """The value of a name, after read; None without one. Raises Contradiction for values that differ."""
    values = [read(value) for value in fields.get(name, [])]
    # Compared as text, because True == 1.
    if len(values) > 1 and len({json.dumps(value, sort_keys=True) for value in values}) > 1:
        raise Contradiction
    return values[0] if values else None


def single_value_or_none[T](fields: Fields, name: str, read: Callable[[object], T]) -> T | None:
    """As single_value, but None where values differ."""
    try:
        return single_value(fields, name, read)
    except Contradiction:
        return None


def boolean(value: object) -> bool | None:
    """True or False, also from text; None for anything else."""
    if isinstance(value, bool):
        return value
    return _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None


def printable_text(value: object) -> str | None:
    """Text that AWS can carry, also from a whole number; None for anything else, and for more than MAX_FIELD_CHARACTERS."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_FIELD_CHARACTERS or _NOT_PRINTABLE.search(value):
        return None
    return value


def phone_match(value: object) -> Literal["true", "false", "indeterminate"] | None:
    """Signzy's three values, of which two are booleans or text; None for anything else."""
    if isinstance(value, str) and value.strip().lower() == "indeterminate":
        return "indeterminate"
    matched = boolean(value)
    return None if matched is None else "true" if matched else "false"


def _decode(body: bytes, charset: str) -> str:
    """The text, with U+FFFD where it cannot be decoded. An unknown charset counts as UTF-8."""
    try:
        if codecs.lookup(charset).name not in _NOT_CHARSETS:
            return body.decode(charset, "replace")
    except (LookupError, ValueError):
        pass
    return body.decode("utf-8", "replace")


def _group(pairs: list[tuple[str, object]]) -> Fields:
    fields: Fields = {}
    for name, value in pairs:
        fields.setdefault(name.lower(), []).append(value)
    return fields
