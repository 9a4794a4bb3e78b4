"""What both doors take: the body of POST /verifications and the detail of InstantLinkSent. Parsed here, trusted behind."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from linkwatch.model import ID_PATTERN, Ids, Source, Start

#: A link said to be sent later than this after we heard of it is a sender's mistake, not a clock's difference.
FUTURE_TOLERANCE_SECONDS = 60

# RFC 3339, section 5.6, date-time; the offset is not optional there either.
RFC_3339_PATTERN = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)"
_RFC_3339 = re.compile(RFC_3339_PATTERN)


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


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("should have printable characters only")
    return value


class StartRequest(BaseModel):
    """The fields of a start, as callers and senders write them."""

    model_config = ConfigDict(strict=True, extra="ignore")

    requestId: Annotated[str, Field(pattern=ID_PATTERN, description="From Signzy's answer to Send Instant Link")]
    sessionId: Annotated[str, Field(pattern=ID_PATTERN, description="From Signzy's answer to Send Instant Link")]
    linkSentAt: Annotated[
        datetime | None,
        BeforeValidator(lambda value: None if value is None else _moment(value)),
        Field(description="RFC 3339 with offset; when it is missing, the time at which the door took the start"),
    ] = None
    correlationId: Annotated[
        str | None, Field(min_length=1, max_length=128, description="The caller's own, printable, echoed everywhere")
    ] = None

    @field_validator("correlationId")
    @classmethod
    def _correlation_id_is_printable(cls, value: str | None) -> str | None:
        return None if value is None else _printable(value)

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
    door: type[StartRequest], content: str | bytes | object, source: Source, start_id: str, taken_at: datetime
) -> Start:
    """A start from a JSON text (str, bytes) or from what was parsed already.

    taken_at has a zone: when API Gateway or EventBridge took the start. Raises BadStart.
    """
    context = {"taken_at": taken_at}
    try:
        if isinstance(content, str | bytes):
            request = door.model_validate_json(content, context=context)
        else:
            request = door.model_validate(content, context=context)
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
