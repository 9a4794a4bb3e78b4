"""schemas/: JSON Schema (2020-12) of the starts that linkwatch accepts, and of its events and answers."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from contracts import shapes
from linkwatch.start_request import FUTURE_TOLERANCE_SECONDS, RFC_3339_PATTERN, ApiStartRequest, StartRequest

SCHEMAS = Path(__file__).parent / "schemas"
#: Each schema's type and title.
_PUBLISHED: dict[str, tuple[type[BaseModel], str]] = {
    "instant-link-sent": (StartRequest, "The start event: source is the sender's own, detail-type is InstantLinkSent"),
    "verification-settled": (shapes.VerificationSettled, "The outcome event"),
    "start": (ApiStartRequest, "The body of POST /verifications"),
    "verification": (shapes.Verification, "A verification, as the API shows it"),
    "error": (shapes.Error, "Every answer of the API that is not a verification"),
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
        schema["properties"]["linkSentAt"]["description"] += f". At most {FUTURE_TOLERANCE_SECONDS} s in the future."
        is_closed = shape is ApiStartRequest
        schema["description"] = f"The fields of a start. Unknown ones are {'refused' if is_closed else 'ignored'}."
        schema["additionalProperties"] = not is_closed
    return schema


def _without_titles(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema without the titles that pydantic makes from names; a property named title stays."""

    def without_title(part: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in part.items() if name != "title" or not isinstance(value, str)}

    return json.loads(json.dumps(schema), object_hook=without_title)


def published() -> dict[str, dict[str, Any]]:
    """Returns the schemas by their names."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {
        name: dialect | (_bus_event() if shape is StartRequest else schema_of(shape)) | {"title": title}
        for name, (shape, title) in _PUBLISHED.items()
    }


def _bus_event() -> dict[str, Any]:
    time = "EventBridge's: linkSentAt, if it is missing"
    return {
        "type": "object",
        "properties": {
            "source": {"type": "string"},
            "detail-type": {"const": "InstantLinkSent"},
            "id": {"type": "string", "description": "EventBridge's"},
            "time": {"type": "string", "format": "date-time", "description": time},
            "detail": schema_of(StartRequest),
        },
        "required": ["source", "detail-type", "id", "time", "detail"],
    }


def files() -> dict[Path, str]:
    """Returns the text of each file, by path."""
    # Characters outside of the BMP as they are: most programs read a referenced file as YAML, which has no pairs of surrogates.
    texts = {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in published().items()}
    return {SCHEMAS / f"{name}-1.0.schema.json": text for name, text in texts.items()}
