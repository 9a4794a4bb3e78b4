"""Entry point: the REST API. Starts, shows and cancels verifications."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import boto3
from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from linkwatch import verifications
from linkwatch.aws_errors import AwsUnavailable
from linkwatch.executions import Executions
from linkwatch.find_request import next_after, parse_find
from linkwatch.model import parse_verification_id
from linkwatch.settings import Settings, window_seconds
from linkwatch.start_request import InvalidInput, parse_body
from linkwatch.table import Table

#: The fields of a start at their longest, escaped as JSON allows, need a quarter of this.
MAX_BODY_BYTES = 8 * 1024

#: API Gateway's proxy event, and its proxy answer.
Event = dict[str, Any]
Answer = dict[str, Any]

_logger = Logger()
_metrics = Metrics(namespace="linkwatch")  # its one dimension is the service: the stack's name
_settings = Settings.from_environment()
_window_seconds = window_seconds()
# A call takes at most 2 x (1 + 1.5) s and a back-off of 1 s: 6 s. The longest route, a search, makes four: 24 s, below the
# function's 28 s and the 29 s that API Gateway waits. A connect time-out is for each address of a name, and the resolution of
# the name has none; neither is in the sum.
_config = Config(
    connect_timeout=1, read_timeout=1.5, tcp_keepalive=True, retries={"mode": "standard", "total_max_attempts": 2}
)
step_functions, dynamodb = boto3.client("stepfunctions", config=_config), boto3.client("dynamodb", config=_config)
_executions, _table = Executions(step_functions, _settings.state_machine_arn), Table(dynamodb, _settings.table_name)


@_logger.inject_lambda_context(clear_state=True)
def handler(event: Event, context: LambdaContext) -> Answer:
    """Takes API Gateway's proxy event, returns its proxy answer. Routes by resource, which has no stage and no base path of a
    custom domain in it.
    """
    try:
        return _ROUTES[event["httpMethod"], event["resource"]](event)
    except tuple(_ERRORS) as error:
        status, code, message = _ERRORS[type(error)]
        if isinstance(error, AwsUnavailable):
            _logger.error("An AWS call failed", call=str(error))
        body: dict[str, Any] = {"code": code, "message": message.format(error)}
        if isinstance(error, InvalidInput):
            body["fields"] = error.fields
        return _answer(status, {"error": body})


def _start(event: Event) -> Answer:
    """202 when this request made the verification, 200 with it as it is when it was known already."""
    request = event["requestContext"]
    taken_at = datetime.fromtimestamp(request["requestTimeEpoch"] / 1000, UTC)
    start = parse_body(_body_of(event), request["requestId"], taken_at, _caller_of(event))
    verification_id = start.ids.verification_id
    _logger.append_keys(verificationId=verification_id, correlationId=start.correlation_id)
    started = verifications.start(start, _window_seconds, _executions, _table)
    if started.is_new:
        _metrics.add_metric("Starts", MetricUnit.Count, 1)
        if started.is_deferred:
            _metrics.add_metric("StartsDeferred", MetricUnit.Count, 1)
        _metrics.flush_metrics()
    if started.is_conflict:
        _logger.warning("Known already, with another correlationId")
    _logger.info(
        "Started" if started.is_new else "Known already", deferred=started.is_deferred, startedBy=start.started_by
    )
    status = HTTPStatus.ACCEPTED if started.is_new else HTTPStatus.OK
    return _answer(status, started.verification, Location=f"{request['path'].rstrip('/')}/{verification_id}")


def _find(event: Event) -> Answer:
    """200 with the verification as it is."""
    verification = verifications.find(_verification_id_of(event), _table)
    if verification is None:
        raise _NoSuchVerification
    return _answer(HTTPStatus.OK, verification)


def _search(event: Event) -> Answer:
    """200 with a page of the verifications of a correlationId, newest link first."""
    query = parse_find(event["multiValueQueryStringParameters"] or {})
    _logger.append_keys(correlationId=query.correlationId)
    page = verifications.find_correlated(query.correlationId, query.next, _table)
    if page is None:
        rule = "has expired, or is not of this correlationId; begin again without it"
        raise InvalidInput("query", {"next": rule})
    following = next_after(page.last) if page.last else None
    return _answer(HTTPStatus.OK, {"verifications": page.verifications, "next": following})


def _cancel(event: Event) -> Answer:
    """200 with the verification when it is CANCELLED, now or before; 409 with it when it has another outcome."""
    verification_id, caller = _verification_id_of(event), _caller_of(event)
    verification = verifications.cancel(verification_id, datetime.now(UTC), _executions, _table, caller)
    if verification is None:
        raise _NoSuchVerification
    is_cancelled = verification["outcome"] == "CANCELLED"
    _logger.info("Cancelled" if is_cancelled else "Settled before the cancel", cancelledBy=caller)
    return _answer(HTTPStatus.OK if is_cancelled else HTTPStatus.CONFLICT, verification)


_ROUTES: dict[tuple[str, str], Callable[[Event], Answer]] = {
    ("POST", "/verifications"): _start,
    ("GET", "/verifications"): _search,
    ("GET", "/verifications/{verificationId}"): _find,
    ("DELETE", "/verifications/{verificationId}"): _cancel,
}


# ── Errors ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class _NoSuchVerification(Exception):
    pass


class _BodyTooLarge(Exception):
    pass


#: What is answered to each exception; any other is a defect of ours, an error of the function, and API Gateway's 503.
_ERRORS: dict[type[Exception], tuple[HTTPStatus, str, str]] = {
    InvalidInput: (HTTPStatus.BAD_REQUEST, "BAD_REQUEST", "Invalid {}"),
    _NoSuchVerification: (HTTPStatus.NOT_FOUND, "NOT_FOUND", "No such verification"),
    _BodyTooLarge: (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "TOO_LARGE",
        f"The body is longer than {MAX_BODY_BYTES} bytes",
    ),
    AwsUnavailable: (HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", "Temporarily unavailable; retrying is safe"),
}


# ── In and out ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _caller_of(event: Event) -> str | None:
    """The IAM ARN of whoever signed the request; None where API Gateway gives none."""
    return event["requestContext"].get("identity", {}).get("userArn") or None


def _verification_id_of(event: Event) -> str:
    parsed = parse_verification_id(event["pathParameters"]["verificationId"])
    if parsed is None:
        rule = "should be a requestId and a sessionId, 24 hexadecimal digits each, joined by -"
        raise InvalidInput("verificationId", {"verificationId": rule})
    _logger.append_keys(verificationId=parsed)
    return parsed


def _body_of(event: Event) -> bytes:
    body = event["body"] or ""
    if len(body) > MAX_BODY_BYTES * 4 / 3 + 4:  # not decoded to learn that it is too large
        raise _BodyTooLarge
    try:
        content = base64.b64decode(body, validate=True) if event["isBase64Encoded"] else body.encode()
    except ValueError:  # binascii.Error, UnicodeEncodeError
        raise InvalidInput("request body", {"body": "is not valid text"}) from None
    if len(content) > MAX_BODY_BYTES:
        raise _BodyTooLarge
    return content


def _answer(status: HTTPStatus, body: dict[str, Any], **headers: str) -> Answer:
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    return {
        "statusCode": status.value,
        "headers": {"Content-Type": "application/json", **headers},
        "body": json.dumps(body),
    }
