"""The published schemas and documents, and why a value does not conform to one of them."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError, validators
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

CONTRACTS = Path(__file__).parents[1] / "contracts"
OPENAPI = yaml.safe_load((CONTRACTS / "openapi.yaml").read_text("utf-8"))


def _matches(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
    # JSON Schema's regular expressions are ECMA-262's, where $ is the very end; Python's $ also matches before a last line feed.
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _retrieve(uri: str) -> Resource[Any]:
    path = Path(uri.removeprefix("file://"))
    load = json.loads if path.suffix == ".json" else yaml.safe_load
    # With the name of its dialect, a schema would be checked by the dialect's own validator.
    contents = {name: value for name, value in load(path.read_text("utf-8")).items() if name != "$schema"}
    return Resource(contents, DRAFT202012)


Validator = validators.extend(Draft202012Validator, {"pattern": _matches})
_REGISTRY: Registry[Any] = Registry(retrieve=_retrieve)  # pyright: ignore[reportCallIssue]


@cache
def validator(reference: str) -> Any:
    """reference: to a schema in contracts/, such as openapi.yaml#/components/schemas/Error."""
    schema = {"$ref": f"{CONTRACTS.as_uri()}/{reference}"}
    return Validator(schema, registry=_REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER)


def complaints(name: str, instance: Any) -> list[str]:
    """name: of a published schema, such as verification."""
    return [error.message for error in validator(f"schemas/{name}-1.0.schema.json").iter_errors(instance)]


def documented(method: str, path: str, status: int) -> dict[str, Any]:
    """What openapi.yaml says of an answer. Raises KeyError where it does not have it."""
    response = OPENAPI["paths"][path][method]["responses"][str(status)]
    return OPENAPI["components"]["responses"][response["$ref"].rpartition("/")[2]] if "$ref" in response else response


def body_complaints(content: dict[str, Any], body: Any) -> list[str]:
    """Why a body is not the one that openapi.yaml documents. content: of a request or an answer."""
    reference = content["application/json"]["schema"]["$ref"]
    return [error.message for error in validator(f"openapi.yaml{reference}").iter_errors(body)]
