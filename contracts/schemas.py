"""schemas/: JSON Schema (2020-12) of the starts that linkwatch accepts, and of its events and answers."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from contracts import shapes
from linkwatch.start_request import FUTURE_TOLERANCE_SECONDS, RFC_3339_PATTERN, ApiStartRequest, StartRequest

SCHEMAS = Path(__file__).parent / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

#: Each file, and the type it is made of.
FILES: dict[str, type[BaseModel]] = {
    "instant-link-sent-1.0.schema.json": StartRequest,
    "verification-settled-1.0.schema.json": shapes.VerificationSettled,
    "start-1.0.schema.json": ApiStartRequest,
    "verification-1.0.schema.json": shapes.Verification,
    "error-1.0.schema.json": shapes.Error,
}
_TITLES = {
    "instant-link-sent-1.0.schema.json": "The start event: source is the sender's own, detail-type is InstantLinkSent",
    "verification-settled-1.0.schema.json": "The outcome event",
    "start-1.0.schema.json": "The body of POST /verifications",
    "verification-1.0.schema.json": "A verification, as the API shows it",
    "error-1.0.schema.json": "Every answer of the API that is not a verification",
}
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
        ahead = f" At most {FUTURE_TOLERANCE_SECONDS} s in the future."
        schema["properties"]["linkSentAt"]["description"] += "." + ahead
        schema["description"] = "The fields of a start. Unknown ones are " + (
            "refused." if shape is ApiStartRequest else "ignored."
        )
        schema["additionalProperties"] = shape is not ApiStartRequest
    return schema


def _without_titles(schema: Any) -> Any:
    """Returns the schema without the titles that pydantic makes from the names of properties."""
    if isinstance(schema, list):
        return [_without_titles(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {key: _without_titles(part) for key, part in value.items()}
        if name == "properties"
        else _without_titles(value)
        for name, value in schema.items()
        if name != "title" or not isinstance(value, str)
    }


def files() -> dict[Path, str]:
    """Returns the text of each file in schemas/, by path."""
    return {SCHEMAS / name: _text(name, schema_of(shape)) for name, shape in FILES.items()}


def _text(name: str, schema: dict[str, Any]) -> str:
    if name.startswith("instant-link-sent"):
        detail = {key: value for key, value in schema.items() if key != "title"}
        schema = {
            "type": "object",
            "properties": {
                "source": {"type": "string"},
                "detail-type": {"const": "InstantLinkSent"},
                "id": {"type": "string", "description": "EventBridge's"},
                "time": {
                    "type": "string",
                    "format": "date-time",
                    "description": "EventBridge's: linkSentAt, if it is missing",
                },
                "detail": detail,
            },
            "required": ["source", "detail-type", "id", "time", "detail"],
        }
    whole = {"$schema": DIALECT, **schema, "title": _TITLES[name]}
    return json.dumps(whole, indent=2) + "\n"  # ASCII only: a pattern names invisible characters
