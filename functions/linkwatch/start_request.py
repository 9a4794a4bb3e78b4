r"""Parses a start: the body of POST /verifications, and the InstantLinkSent event.

The patterns are published (schemas/, openapi.yaml), so they use only what the regular expressions of Python, Rust and
ECMA-262 (with the flag u, as JSON Schema asks) read alike: [0-9], no \d, no \s, no lookahead.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from linkwatch.json_text import parse_json
from linkwatch.model import ID_PATTERN, Ids, Source, Start

#: A link sent later than this after AWS took the start is a mistake of the sender, not a difference between two clocks.
FUTURE_TOLERANCE_SECONDS = 60

#: RFC 3339, section 5.6, date-time; the offset is required there too. Two things are narrower: no second 60 (neither AWS's
#: clocks nor Python's have leap seconds), and the years 1000 to 2999, which no offset moves out of Python's range.
RFC_3339_PATTERN = (
    "^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    "[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?"
    "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_RFC_3339 = re.compile(RFC_3339_PATTERN)

#: The characters that a correlationId must not contain: control characters (Unicode's category Cc); format characters (Cf),
#: because two texts that differ in one look alike, without U+200C and U+200D, which Persian and emoji need; U+FFFE and U+FFFF,
#: because an SQS message, so a consumer's queue, cannot contain them
#: (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
#: Lone surrogates are refused too: no text in UTF-8 has one. A pattern that names them does not compile everywhere.
#: The characters from U+110BD on are written out: the three languages share no escape for them.
_NOT_PRINTABLE = (
    r"\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u200e\u200f\u202a-\u202e"
    r"\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
#: The characters that it must not begin or end with: white space (Unicode's categories Zs, Zl and Zp).
_WHITE_SPACE = r" \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
CORRELATION_ID_PATTERN = f"^[^{_NOT_PRINTABLE}{_WHITE_SPACE}]([^{_NOT_PRINTABLE}]*[^{_NOT_PRINTABLE}{_WHITE_SPACE}])?$"

#: The requestId of the probe, which asks Signzy about ids that Signzy does not know. Its checks are left out of the metrics.
PROBE_REQUEST_ID = "0" * 24

_MAX_SENDER = 256


class InvalidInput(Exception):
    """Input that cannot be accepted. Its text says which: "request body", "event", "query". fields: the name of each bad field
    and what is wrong with it, never its value.
    """

    def __init__(self, which: str, fields: dict[str, str]) -> None:
        super().__init__(which)
        self.fields = fields


def _parse_time(value: object) -> datetime:
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("should be an RFC 3339 time with offset, such as 2026-11-23T10:00:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except ValueError:
        raise ValueError("is not a valid date") from None


def _refuse_probe(value: str) -> str:
    if value == PROBE_REQUEST_ID:
        raise ValueError("is reserved")
    return value


class StartRequest(BaseModel):
    """The fields of a start, as callers and senders write them."""

    model_config = ConfigDict(strict=True, extra="ignore")

    requestId: Annotated[
        str,
        Field(
            pattern=ID_PATTERN,
            description="From Signzy's answer to Send Instant Link; not 24 zeros",
            json_schema_extra={"not": {"const": PROBE_REQUEST_ID}},
        ),
        AfterValidator(_refuse_probe),
    ]
    sessionId: Annotated[str, Field(pattern=ID_PATTERN, description="From Signzy's answer to Send Instant Link")]
    linkSentAt: Annotated[
        datetime | None,
        BeforeValidator(lambda value: None if value is None else _parse_time(value)),
        Field(
            description="RFC 3339 with offset; if it is missing: when API Gateway took the request, or the event's time"
        ),
    ] = None
    correlationId: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=128,
            pattern=CORRELATION_ID_PATTERN,
            description="The caller's own, echoed everywhere: letters of any language, digits, punctuation, emoji, and spaces "
            "between them; no control characters, no invisible format characters except U+200C and U+200D",
        ),
    ] = None

    @field_validator("linkSentAt")
    @classmethod
    def _refuse_future(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        taken_at: datetime = (info.context or {})["taken_at"]
        if value is not None and value > taken_at + timedelta(seconds=FUTURE_TOLERANCE_SECONDS):
            raise ValueError(f"is more than {FUTURE_TOLERANCE_SECONDS} s in the future")
        return value


class ApiStartRequest(StartRequest):
    """At the API an unknown field is the caller's typing error; in an event it belongs to somebody else."""

    model_config = ConfigDict(extra="forbid")


def parse_body(body: bytes, request_id: str, taken_at: datetime, caller: str | None) -> Start:
    """The start in a body of POST /verifications. Raises InvalidInput.

    taken_at: when API Gateway took the request, with a zone. caller: the IAM ARN of whoever signed it.
    """
    try:
        content = parse_json(body.decode())
    except ValueError:
        raise InvalidInput("request body", {"body": "should be JSON"}) from None
    try:
        return _parse(ApiStartRequest, content, source="API", start_id=request_id, taken_at=taken_at, started_by=caller)
    except ValidationError as error:
        raise InvalidInput("request body", fields_of(error, "body")) from None  # the cause quotes the input


def parse_event(text: str, taken_at: datetime) -> Start:
    """The start in an EventBridge event, a JSON text. Raises InvalidInput.

    taken_at: when the event came into the queue, with a zone. The event's own time, which its sender may set, is only the
    default of linkSentAt: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
    """
    try:
        event = parse_json(text)
    except ValueError:
        event = None
    if not isinstance(event, dict) or not isinstance(event.get("id"), str) or not isinstance(event.get("detail"), dict):
        raise InvalidInput("event", {"event": "should be an EventBridge event with id and detail"})
    detail = event["detail"]
    time_field = "linkSentAt"
    if detail.get("linkSentAt") is None:
        time_field = "time"
        detail = detail | {"linkSentAt": event.get("time") or ""}
    try:
        sender = _sender_of(event)
        return _parse(StartRequest, detail, source="EVENT", start_id=event["id"], taken_at=taken_at, started_by=sender)
    except ValidationError as error:
        fields = {
            time_field if name == "linkSentAt" else name: rule for name, rule in fields_of(error, "detail").items()
        }
        raise InvalidInput("event", fields) from None


def _parse(  # noqa: PLR0913  a Start has as many fields
    request_type: type[StartRequest],
    content: object,
    *,
    source: Source,
    start_id: str,
    taken_at: datetime,
    started_by: str | None,
) -> Start:
    request = request_type.model_validate(content, context={"taken_at": taken_at})
    return Start(
        ids=Ids(request.requestId, request.sessionId),
        link_sent_at=request.linkSentAt or taken_at,
        correlation_id=request.correlationId,
        source=source,
        start_id=start_id,
        started_at=taken_at,
        started_by=started_by,
    )


def _sender_of(event: dict[str, object]) -> str | None:
    """The account and the source in EventBridge's envelope, as one text; None where it has neither."""
    parts = [part for part in (event.get("account"), event.get("source")) if isinstance(part, str)]
    # The sender chooses the source. What DynamoDB cannot store would come back from the queue for days.
    return " ".join(parts)[:_MAX_SENDER].encode(errors="replace").decode() or None


def fields_of(error: ValidationError, whole: str) -> dict[str, str]:
    """The name of each field that pydantic refused, and what is wrong with it, without its value. whole: the name for an error
    that belongs to no field.
    """
    return {
        ".".join(str(part) for part in each["loc"]) or whole: each["msg"].removeprefix("Value error, ")
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    }
