"""Entry point: the REST API. Starts, shows and cancels verifications; docs: README, "The API"."""

import base64
import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import boto3
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from linkwatch import verifications
from linkwatch.aws_errors import AwsUnavailable
from linkwatch.executions import Executions
from linkwatch.find_request import BadFind, next_after, parse_find
from linkwatch.model import parse_verification_id
from linkwatch.settings import Settings, window_seconds
from linkwatch.start_request import ApiStartRequest, BadStart, parse_start
from linkwatch.table import Table

#: A start's fields at their longest, escaped as JSON allows, come to a quarter of this.
MAX_BODY_BYTES = 8 * 1024

_logger = Logger()
_metrics = Metrics(namespace="linkwatch")  # its one dimension is the service: the stack's name
_settings = Settings.from_environment()
_window_seconds = window_seconds()
# A cancel whose calls each fail twice takes 2 × (1 + 4) s for the table, 2 × 2 × (1 + 2) s for Step Functions, and pauses. That
# is below the function's 28 s, which is below the 29 s that API Gateway waits: the caller gets an answer of ours.
_table_config = Config(connect_timeout=1, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
_executions_config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
_executions = Executions(boto3.client("stepfunctions", config=_executions_config), _settings.state_machine_arn)
_table = Table(boto3.client("dynamodb", config=_table_config), _settings.table_name)
_app = APIGatewayRestResolver()


@_logger.inject_lambda_context(clear_state=True)
@_metrics.log_metrics
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
    started = verifications.start(start, _window_seconds, _executions, _table)
    if started.is_deferred:
        _metrics.add_metric("StartsDeferred", MetricUnit.Count, 1)
    _logger.info("Started" if started.is_new else "Known already", deferred=started.is_deferred)
    status = HTTPStatus.ACCEPTED if started.is_new else HTTPStatus.OK
    location = {"Location": f"/{request.stage}/verifications/{verification_id}"}
    return _json(status, started.verification, location)


@_app.get("/verifications/<verification_id>")
def find(verification_id: str) -> Response:
    """200 with the verification as it stands."""
    verification = verifications.find(_parsed(verification_id), _table)
    return _json(HTTPStatus.OK, verification) if verification else _no_such_verification()


@_app.get("/verifications")
def find_correlated() -> Response:
    """200 with a page of the verifications of a correlationId, newest link first."""
    query = parse_find(_app.current_event.multi_value_query_string_parameters)
    _logger.append_keys(correlationId=query.correlation_id)
    page = verifications.find_correlated(query.correlation_id, query.after, _table)
    following = next_after(page.last) if page.last else None
    return _json(HTTPStatus.OK, {"verifications": page.verifications, "next": following})


@_app.delete("/verifications/<verification_id>")
def cancel(verification_id: str) -> Response:
    """200 with the verification when it is CANCELLED, now or before; 409 with it when it has another outcome."""
    verification = verifications.cancel(_parsed(verification_id), datetime.now(UTC), _executions, _table)
    if verification is None:
        return _no_such_verification()
    return _json(HTTPStatus.OK if verification["outcome"] == "CANCELLED" else HTTPStatus.CONFLICT, verification)


# ── Errors ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class _BadId(Exception):
    pass


@_app.exception_handler(_BadId)
def _bad_id(error: _BadId) -> Response:
    rule = "should be a requestId and a sessionId, 24 hexadecimal digits each, joined by -"
    return _error(HTTPStatus.BAD_REQUEST, "BAD_REQUEST", "Invalid verificationId", {"verificationId": rule})


def _no_such_verification() -> Response:
    return _error(HTTPStatus.NOT_FOUND, "NOT_FOUND", "No such verification")


class _BodyTooLarge(Exception):
    pass


@_app.exception_handler(_BodyTooLarge)
def _too_large(error: _BodyTooLarge) -> Response:
    return _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "TOO_LARGE", f"The body is longer than {MAX_BODY_BYTES} bytes")


@_app.exception_handler(BadStart)
def _bad_start(error: BadStart) -> Response:
    return _error(HTTPStatus.BAD_REQUEST, "BAD_REQUEST", "Invalid request body", error.fields)


@_app.exception_handler(BadFind)
def _bad_find(error: BadFind) -> Response:
    return _error(HTTPStatus.BAD_REQUEST, "BAD_REQUEST", "Invalid query", error.fields)


@_app.exception_handler(verifications.PageGone)
def _page_gone(error: verifications.PageGone) -> Response:
    rule = "has expired, or is not of this correlationId; begin again without it"
    return _error(HTTPStatus.BAD_REQUEST, "BAD_REQUEST", "Invalid query", {"next": rule})


@_app.exception_handler(AwsUnavailable)
def _unavailable(error: AwsUnavailable) -> Response:
    _logger.error("An AWS dependency failed", call=str(error))
    response = _error(HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", "Temporarily unavailable; retrying is safe")
    response.headers["Retry-After"] = "1"
    return response


@_app.not_found
def _no_such_path(error: Exception) -> Response:
    return _error(HTTPStatus.NOT_FOUND, "NOT_FOUND", "No such path")


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
        raise BadStart({"body": "is not valid text"}) from None
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
