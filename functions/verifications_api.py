"""Door: the REST API. Starts, shows and cancels verifications; docs: README, "The API"."""

import base64
import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import boto3
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from linkwatch import verifications
from linkwatch.executions import Executions
from linkwatch.model import AwsUnavailable, parse_verification_id
from linkwatch.settings import Settings, window_seconds
from linkwatch.start_request import ApiStartRequest, BadStart, parse_start
from linkwatch.table import Table

#: A start's fields at their longest, escaped as JSON allows, come to a quarter of this.
MAX_BODY_BYTES = 8 * 1024

_logger = Logger()
_settings = Settings.from_environment()
_window_seconds = window_seconds()
# Two calls that each fail twice, 2 × 2 × (1 + 4) s and pauses, stay below the function's 28 s, and those below the 29 s that
# API Gateway waits: the caller gets an answer of ours.
_patience = Config(connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
_executions = Executions(boto3.client("stepfunctions", config=_patience), _settings.state_machine_arn)
_table = Table(boto3.client("dynamodb", config=_patience), _settings.table_name)
_app = APIGatewayRestResolver()


@_logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Takes API Gateway's proxy event, gives its proxy answer."""
    return _app.resolve(event, context)


@_app.post("/verifications")
def start() -> Response:
    """202 when this request made the verification, 200 with it as it stands when it was known already."""
    request = _app.current_event.request_context
    body = _body()
    taken_at = datetime.fromtimestamp(request.request_time_epoch / 1000, UTC)
    start = parse_start(ApiStartRequest, body, "API", request.request_id, taken_at)
    verification_id = start.ids.verification_id
    _logger.append_keys(verificationId=verification_id, correlationId=start.correlation_id)
    verification, is_new = verifications.start(start, _window_seconds, _executions, _table)
    if not is_new:
        verification = verifications.find(verification_id, _executions, _table) or verification
    _logger.info("Started" if is_new else "Known already")
    status = HTTPStatus.ACCEPTED if is_new else HTTPStatus.OK
    return _json(status, verification, {"Location": f"/{request.stage}/verifications/{verification_id}"})


@_app.get("/verifications/<verification_id>")
def find(verification_id: str) -> Response:
    """200 with the verification as it stands."""
    verification = verifications.find(_parsed(verification_id), _executions, _table)
    return _json(HTTPStatus.OK, verification) if verification else _no_such_verification()


@_app.delete("/verifications/<verification_id>")
def cancel(verification_id: str) -> Response:
    """202 when the verification is asked to be cancelled, 409 with it when it is settled already."""
    asked_by = _app.current_event.request_context.request_id
    verification = verifications.cancel(_parsed(verification_id), asked_by, _executions, _table)
    if verification is None:
        return _no_such_verification()
    return _json(HTTPStatus.CONFLICT if verification["outcome"] else HTTPStatus.ACCEPTED, verification)


# ── What is refused ───────────────────────────────────────────────────────────────────────────────────────────────────


class _BadId(Exception):
    pass


@_app.exception_handler(_BadId)
def _bad_id(error: _BadId) -> Response:
    rule = "should be a requestId and a sessionId, 24 hexadecimal digits each, joined by -"
    return _error(HTTPStatus.BAD_REQUEST, "BAD_REQUEST", "This is no verificationId", {"verificationId": rule})


def _no_such_verification() -> Response:
    return _error(HTTPStatus.NOT_FOUND, "NOT_FOUND", "There is no such verification")


class _BodyTooLarge(Exception):
    pass


@_app.exception_handler(_BodyTooLarge)
def _too_large(error: _BodyTooLarge) -> Response:
    return _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "TOO_LARGE", f"The body is longer than {MAX_BODY_BYTES} bytes")


@_app.exception_handler(BadStart)
def _bad_start(error: BadStart) -> Response:
    return _error(HTTPStatus.BAD_REQUEST, "BAD_REQUEST", "The body is no start of a verification", error.fields)


@_app.exception_handler(AwsUnavailable)
def _unavailable(error: AwsUnavailable) -> Response:
    _logger.error("AWS did not do its part", call=str(error))
    response = _error(HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", "Try again: doing so is safe")
    response.headers["Retry-After"] = "1"
    return response


@_app.not_found
def _no_such_path(error: Exception) -> Response:
    return _error(HTTPStatus.NOT_FOUND, "NOT_FOUND", "There is nothing here")


# ── In and out ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _parsed(verification_id: str) -> str:
    parsed = parse_verification_id(verification_id)
    if parsed is None:
        raise _BadId
    _logger.append_keys(verificationId=parsed)
    return parsed


def _body() -> bytes:
    event = _app.current_event
    body = event.body or ""
    if len(body) > MAX_BODY_BYTES * 4 / 3 + 4:  # not decoded to learn that it is too large
        raise _BodyTooLarge
    try:
        content = base64.b64decode(body, validate=True) if event.is_base64_encoded else body.encode()
    except ValueError:  # binascii.Error, UnicodeEncodeError
        raise BadStart({"body": "is no text"}) from None
    if len(content) > MAX_BODY_BYTES:
        raise _BodyTooLarge
    return content


def _json(status: HTTPStatus, body: dict[str, Any], headers: dict[str, Any] | None = None) -> Response:
    return Response(status, content_types.APPLICATION_JSON, json.dumps(body), headers)


def _error(status: HTTPStatus, code: str, message: str, fields: dict[str, str] | None = None) -> Response:
    error: dict[str, Any] = {"code": code, "message": message}
    if fields is not None:
        error["fields"] = fields
    return _json(status, {"error": error})
