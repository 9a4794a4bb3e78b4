r"""What both entry points take: the body of POST /verifications and the detail of InstantLinkSent. Parsed here, trusted behind.

The patterns are published (schemas/, contracts/openapi.yaml). They hold what Python's, Rust's and ECMA-262's regular expressions
read alike, so [0-9] and no \d, and no lookahead.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from linkwatch.model import ID_PATTERN, Ids, Source, Start

#: A link said to be sent later than this after we heard of it is a sender's mistake, not a clock's difference.
FUTURE_TOLERANCE_SECONDS = 60

#: RFC 3339, section 5.6, date-time; the offset is not optional there either. Two things are narrower: no second 60 (AWS's clocks
#: and Python's have no leap seconds), and the years 1000 to 2999, which no offset carries out of Python's range.
RFC_3339_PATTERN = (
    "^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    "[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?"
    "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_RFC_3339 = re.compile(RFC_3339_PATTERN)

#: No control characters (Unicode's category Cc), and not the two code points that an SQS message cannot hold, because a
#: consumer's queue would refuse the outcome event:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
#: Lone surrogates are refused, too, but by JSON itself (RFC 8259, 8.2; they have no UTF-8): a pattern that names them does not
#: compile everywhere.
CORRELATION_ID_PATTERN = r"^[^\x00-\x1f\x7f-\x9f\ufffe\uffff]+$"


class BadStart(Exception):
    """A start that cannot be accepted. fields: the name of each bad field and what is wrong with it; never its value."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(f"bad start, see: {', '.join(sorted(fields))}")
        self.fields = fields


def _moment(value: object) -> datetime:
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("should be an RFC 3339 time with offset, such as 2026-11-23T10:00:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is no time that exists") from None


class StartRequest(BaseModel):
    """The fields of a start, as callers and senders write them."""

    model_config = ConfigDict(strict=True, extra="ignore")

    requestId: Annotated[str, Field(pattern=ID_PATTERN, description="From Signzy's answer to Send Instant Link")]
    sessionId: Annotated[str, Field(pattern=ID_PATTERN, description="From Signzy's answer to Send Instant Link")]
    linkSentAt: Annotated[
        datetime | None,
        BeforeValidator(lambda value: None if value is None else _moment(value)),
        Field(description="RFC 3339 with offset; when it is missing, when API Gateway or EventBridge took the start"),
    ] = None
    correlationId: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=128,
            pattern=CORRELATION_ID_PATTERN,
            description="The caller's own, without control characters, echoed everywhere",
        ),
    ] = None

    @field_validator("linkSentAt")
    @classmethod
    def _link_sent_at_is_not_ahead(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        taken_at: datetime = (info.context or {})["taken_at"]
        if value is not None and value > taken_at + timedelta(seconds=FUTURE_TOLERANCE_SECONDS):
            raise ValueError(f"is more than {FUTURE_TOLERANCE_SECONDS} s in the future")
        return value


class ApiStartRequest(StartRequest):
    """At the API an unknown field is the caller's typing error; in an event it belongs to somebody else."""

    model_config = ConfigDict(extra="forbid")


def parse_start(
    entry_point: type[StartRequest], content: object, source: Source, start_id: str, taken_at: datetime
) -> Start:
    """A start from the API's body, a JSON text (str, bytes), or from an event's detail, which is parsed already.

    taken_at has a zone: when API Gateway or EventBridge took the start. Raises BadStart.
    """
    context = {"taken_at": taken_at}
    try:
        if entry_point is ApiStartRequest:
            request = entry_point.model_validate_json(cast("str | bytes", content), context=context)
        else:
            request = entry_point.model_validate(content, context=context)
    except ValidationError as error:
        raise BadStart(_fields(error)) from None  # the cause quotes the input
    return Start(
        ids=Ids(request.requestId, request.sessionId),
        link_sent_at=request.linkSentAt or taken_at,
        correlation_id=request.correlationId,
        source=source,
        start_id=start_id,
        started_at=taken_at,
    )


def _fields(error: ValidationError) -> dict[str, str]:
    return {
        ".".join(str(part) for part in each["loc"]) or "body": each["msg"].removeprefix("Value error, ")
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    }
