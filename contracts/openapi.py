"""contracts/openapi.yaml: the API, in OpenAPI 3.1, on the schemas of the same types."""

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml

from contracts.schemas import schema_of
from contracts.shapes import Error, Verification, Verifications
from linkwatch.find_request import FindRequest, next_after
from linkwatch.start_request import ApiStartRequest

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "contracts" / "openapi.yaml"
#: The version of the project.
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

_EXAMPLE = {
    "verificationId": "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39",
    "requestId": "6462150e29c23b4d42352a63",
    "sessionId": "646214d929c23b4d42c1fc39",
    "correlationId": "application-4711",
    "status": "WATCHING",
    "outcome": None,
    "reason": None,
    "linkSentAt": "2026-11-23T10:00:00.000Z",
    "deadline": "2026-11-23T10:05:00.000Z",
    "checks": None,
    "result": None,
    "settledAt": None,
    "publishedAt": None,
}
_RESULT = {
    "transactionId": "12225083692",
    "carrier": "T-Mobile USA",
    "lineType": "Mobile",
    "countryCode": "US",
    "phoneMatch": "true",
    "ipAddressMatch": True,
}
_SETTLED = _EXAMPLE | {
    "status": "SETTLED",
    "outcome": "LINK_CLICKED",
    "checks": 4,
    "result": _RESULT,
    "settledAt": "2026-11-23T10:00:40.412Z",
    "publishedAt": "2026-11-23T10:00:40.498Z",
}
_CANCELLED = _EXAMPLE | {
    "status": "SETTLED",
    "outcome": "CANCELLED",
    "settledAt": "2026-11-23T10:01:07.120Z",
}
_START = {name: _EXAMPLE[name] for name in ("requestId", "sessionId", "correlationId")} | {
    "linkSentAt": "2026-11-23T10:00:00Z"
}


def _error(description: str, code: str, message: str, fields: dict[str, str] | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message} | ({"fields": fields} if fields else {})
    return {"description": description, "content": _json("Error", {"error": error})}


def _json(schema: str, example: Any) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}}


def _verification(description: str, example: dict[str, Any], *, location: bool = False) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": description, "content": _json("Verification", example)}
    if location:
        path = {"type": "string", "examples": [f"/v1/verifications/{_EXAMPLE['verificationId']}"]}
        answer["headers"] = {"Location": {"description": "The verification's path", "schema": path}}
    return answer


#: What API Gateway answers by itself, and what every call may be answered.
_ALWAYS = {
    "403": _error("Not signed, or not allowed", "MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token"),
    "429": _error("More than ApiRequestsPerSecond: try again later", "THROTTLED", "Too Many Requests"),
    "503": _error(
        "AWS or linkwatch failed: trying again is safe", "UNAVAILABLE", "Temporarily unavailable; retrying is safe"
    ),
}
_ALWAYS["503"]["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer", "examples": [1]}}}
_BAD_ID = _error(
    "Not a verificationId", "BAD_REQUEST", "Invalid verificationId", {"verificationId": "should be a requestId and a …"}
)
_NOT_FOUND = _error("It does not exist", "NOT_FOUND", "No such verification")


_SHAPES = {"Start": ApiStartRequest, "Verification": Verification, "Verifications": Verifications, "Error": Error}


def document() -> dict[str, Any]:
    """The whole document."""
    schemas: dict[str, Any] = {}
    for name, shape in _SHAPES.items():
        text = json.dumps(schema_of(shape)).replace("#/$defs/", "#/components/schemas/")
        schema = json.loads(text)
        schemas |= schema.pop("$defs", {})
        schemas[name] = schema
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "linkwatch",
            "version": VERSION,
            "summary": "Starts, shows and cancels verifications of Signzy Instant Links",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "https://{api}.execute-api.{region}.amazonaws.com/v1", "variables": _VARIABLES}],
        "security": [{"sigv4": []}],
        "paths": {
            "/verifications": {"post": _POST, "get": _GET_CORRELATED},
            "/verifications/{verificationId}": {"parameters": [_PARAMETER], "get": _GET, "delete": _DELETE},
        },
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": {"sigv4": _SIGV4}},
    }


_VARIABLES = {
    "api": {"default": "abcdefghij", "description": "From the stack's output ApiUrl"},
    "region": {"default": "us-east-1"},
}
_SIGV4 = {
    "type": "apiKey",
    "in": "header",
    "name": "Authorization",
    "description": "AWS Signature Version 4 for the service execute-api; the caller's role needs execute-api:Invoke",
    "x-amazon-apigateway-authtype": "awsSigv4",
}
_PARAMETER = {
    "name": "verificationId",
    "in": "path",
    "required": True,
    "description": "lower(requestId)-lower(sessionId); upper case is accepted as well",
    "schema": {"type": "string", "pattern": "^[0-9a-fA-F]{24}-[0-9a-fA-F]{24}$"},
    "example": _EXAMPLE["verificationId"],
}
_POST = {
    "operationId": "startVerification",
    "summary": "Starts a verification. Sending the same start again is safe.",
    "requestBody": {"required": True, "content": _json("Start", _START)},
    "responses": {
        "202": _verification("It is stored, and will be watched", _EXAMPLE, location=True),
        "200": _verification("It was known: the verification as it is", _SETTLED, location=True),
        "400": _error(
            "Not a valid start",
            "BAD_REQUEST",
            "Invalid request body",
            {"requestId": "String should match pattern '^[0-9a-fA-F]{24}$'"},
        ),
        "413": _error("Over 8 KiB", "TOO_LARGE", "The body is longer than 8192 bytes"),
        **_ALWAYS,
    },
}
_GET = {
    "operationId": "findVerification",
    "summary": "Returns a verification. It is found right after a start that was answered with 202.",
    "responses": {"200": _verification("The verification", _SETTLED), "400": _BAD_ID, "404": _NOT_FOUND, **_ALWAYS},
}
_CORRELATION_ID = schema_of(FindRequest)["properties"]["correlationId"]
_NEXT = schema_of(Verifications)["properties"]["next"]["anyOf"][0]
_GET_CORRELATED = {
    "operationId": "findVerifications",
    "summary": "Returns the verifications of a correlationId, newest link first, 50 a page.",
    "parameters": [
        {
            "name": "correlationId",
            "in": "query",
            "required": True,
            "description": "That of the start, percent-encoded",
            "schema": _CORRELATION_ID,
            "example": _EXAMPLE["correlationId"],
        },
        {
            "name": "next",
            "in": "query",
            "description": "From the page before",
            "schema": _NEXT,
            "example": next_after(_EXAMPLE["verificationId"]),
        },
    ],
    "responses": {
        "200": {
            "description": "A page, which may be empty. A verification that was started a moment ago may be missing",
            "content": _json("Verifications", {"verifications": [_SETTLED], "next": None}),
        },
        "400": _error("Not a valid query", "BAD_REQUEST", "Invalid query", {"correlationId": "Field required"}),
        **_ALWAYS,
    },
}
_DELETE = {
    "operationId": "cancelVerification",
    "summary": "Cancels a verification. A cancel that was answered with 200 is final; sending it again is safe.",
    "responses": {
        "200": _verification("It is CANCELLED, by this call or one before", _CANCELLED),
        "400": _BAD_ID,
        "404": _NOT_FOUND,
        "409": _verification("It has another outcome: the verification as it is", _SETTLED),
        **_ALWAYS,
    },
}


def files() -> dict[Path, str]:
    """Returns the text of contracts/openapi.yaml, by path."""
    text = yaml.safe_dump(json.loads(json.dumps(document())), sort_keys=False, width=120)
    return {DOCUMENT: "# Generated by python -m contracts.\n" + text}
