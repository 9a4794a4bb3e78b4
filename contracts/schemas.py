"""schemas/: JSON Schema (2020-12) of the starts that linkwatch accepts, and of its events and answers."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from contracts import shapes
from linkwatch.start_request import FUTURE_TOLERANCE_SECONDS, RFC_3339_PATTERN, ApiStartRequest, StartRequest

SCHEMAS = Path(__file__).parent / "schemas"
#: What the parser checks with code (functions/linkwatch/start_request.py), and examples.
_ADDED = {
    "linkSentAt": {"pattern": RFC_3339_PATTERN, "examples": ["2026-11-23T10:00:00Z"]},
    "correlationId": {"examples": ["application-4711"]},
}


def schema_of(shape: type[BaseModel]) -> dict[str, Any]:
    """A type's schema, with what its validators check in code."""
    schema = _without_titles(shape.model_json_schema(by_alias=True))
    if issubclass(shape, StartRequest):
        for name, added in _ADDED.items():
            schema["properties"][name]["anyOf"][0] |= added
            # Generated clients treat a property with a default as always present.
            del schema["properties"][name]["default"]
        ahead = f". At most {FUTURE_TOLERANCE_SECONDS} s in the future."
        schema["properties"]["linkSentAt"]["description"] += ahead
        is_closed = shape is ApiStartRequest
        schema["description"] = f"The fields of a start. Unknown ones are {'refused' if is_closed else 'ignored'}."
        schema["additionalProperties"] = not is_closed
    return schema


def _without_titles(schema: Any) -> Any:
    """Returns the schema without the titles that pydantic makes from the names of properties."""
    if isinstance(schema, list):
        return [_without_titles(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _without_titles(part)
        for name, part in schema.items()
        if name != "title" or not isinstance(part, str)  # not a property of this name
    }


def published() -> dict[str, dict[str, Any]]:
    """Returns the schemas by the names of their files."""
    titled = {
        "instant-link-sent": (
            _bus_event(schema_of(StartRequest)),
            "The start event: source is the sender's own, detail-type is InstantLinkSent",
        ),
        "verification-settled": (schema_of(shapes.VerificationSettled), "The outcome event"),
        "start": (schema_of(ApiStartRequest), "The body of POST /verifications"),
        "verification": (schema_of(shapes.Verification), "A verification, as the API shows it"),
        "error": (schema_of(shapes.Error), "Every answer of the API that is not a verification"),
    }
    return {
        f"{name}-1.0.schema.json": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **schema,
            "title": title,
        }
        for name, (schema, title) in titled.items()
    }


def _bus_event(detail: dict[str, Any]) -> dict[str, Any]:
    time = "EventBridge's: linkSentAt, if it is missing"
    return {
        "type": "object",
        "properties": {
            "source": {"type": "string"},
            "detail-type": {"const": "InstantLinkSent"},
            "id": {"type": "string", "description": "EventBridge's"},
            "time": {"type": "string", "format": "date-time", "description": time},
            "detail": detail,
        },
        "required": ["source", "detail-type", "id", "time", "detail"],
    }


def files() -> dict[Path, str]:
    """Returns the text of each file, by path."""
    # ASCII only: a pattern names invisible characters.
    return {SCHEMAS / name: json.dumps(schema, indent=2) + "\n" for name, schema in published().items()}
