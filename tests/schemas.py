"""The published schemas and documents, and why a value does not conform to one of them."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft7Validator, Draft202012Validator, ValidationError, validators

from contracts import documents, schemas

OPENAPI, ASYNCAPI = documents.openapi(), documents.asyncapi()
MESSAGES = ASYNCAPI["components"]["messages"]


def _matches(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
    # JSON Schema's regular expressions are ECMA-262's, where $ is the very end; Python's $ also matches before a last line feed.
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


Validator = validators.extend(Draft202012Validator, {"pattern": _matches})


@cache
def validator(name: str) -> Any:
    return Validator(schemas.published()[name], format_checker=Draft202012Validator.FORMAT_CHECKER)


def complaints(name: str, instance: Any) -> list[str]:
    return [error.message for error in validator(name).iter_errors(instance)]


def event_complaints(name: str, event: Any) -> list[str]:
    """Why an event is not this message. AsyncAPI's own schemas are JSON Schema draft 7 and a little more."""
    schema = {**MESSAGES[name]["payload"], "components": ASYNCAPI["components"]}
    return [error.message for error in Draft7Validator(schema).iter_errors(event)]
