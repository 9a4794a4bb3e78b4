"""The outcome event and the API's answers as types. (Those of a start are in functions/linkwatch/start_request.py.)

The state machine composes the event, and verifications.py what the API shows, both without pydantic. Tests compare them with
these types: tests/definition/test_event_contract.py every outcome event, tests/unit/test_contracts.py what the API shows.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, with_config

from linkwatch.model import ID_PATTERN, Reason, Result
from linkwatch.start_request import CORRELATION_ID_PATTERN

_VERIFICATION_ID = "^[0-9a-f]{24}-[0-9a-f]{24}$"

#: ISO 8601 in UTC with milliseconds.
Time = Annotated[
    datetime,
    Field(
        json_schema_extra={
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$",
            "examples": ["2026-11-23T10:00:00.000Z"],
        }
    ),
]


class Outcome(StrEnum):
    """How a verification ended."""

    LINK_CLICKED = "LINK_CLICKED"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


#: The reasons of a check's answer, and those that only an outcome can have.
OutcomeReason = Annotated[
    str, Field(json_schema_extra={"enum": [*(reason.value for reason in Reason), "STARTED_TOO_LATE", "INTERRUPTED"]})
]


class _Shape(BaseModel):
    # Not closed: within version 1 keys may be added, and readers have to ignore them (docs/contracts.md).
    model_config = ConfigDict(use_attribute_docstrings=True)


with_config(ConfigDict(extra="allow", use_attribute_docstrings=True))(Result)


class _Known(_Shape):
    verificationId: Annotated[str, Field(pattern=_VERIFICATION_ID)]
    """lower(requestId)-lower(sessionId). Consumers deduplicate on it."""
    requestId: Annotated[str, Field(pattern=ID_PATTERN)]
    """As in the start; from Signzy's answer to Send Instant Link."""
    sessionId: Annotated[str, Field(pattern=ID_PATTERN)]
    """As in the start; from Signzy's answer to Send Instant Link."""
    correlationId: Annotated[str, Field(min_length=1, max_length=128, pattern=CORRELATION_ID_PATTERN)] | None
    """The caller's own, or null."""
    reason: OutcomeReason | None
    """Why it is UNKNOWN or REJECTED; null otherwise."""
    linkSentAt: Time
    """When the link was sent, from the start; by default when API Gateway received the request, or the event's time. UTC."""
    deadline: Time
    """The end of the window, which starts at the whole second of linkSentAt. UTC."""
    checks: Annotated[int, Field(ge=0)] | None
    """How many checks led to the outcome: those of the execution that settled it. Null while WATCHING and for CANCELLED."""
    result: Result | None
    """What Signzy said about a clicked link; null for every other outcome, and if it said nothing usable."""


class Settled(_Known):
    """The detail of VerificationSettled. Every key is always present."""

    schemaVersion: Literal["1.0"]
    """The version of this shape."""
    outcome: Outcome
    """How it ended. It never changes."""
    settledAt: Time
    """When the outcome was stored. UTC."""


class VerificationSettled(BaseModel):
    """The outcome event as EventBridge delivers it, with further fields of EventBridge's."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    source: Literal["linkwatch"]
    detail_type: Annotated[Literal["VerificationSettled"], Field(alias="detail-type")]
    id: str
    """EventBridge's id, which differs when the outcome is published again."""
    time: datetime
    detail: Settled


class Verification(_Known):
    """A verification, as the API shows it. Every key is always present."""

    status: Literal["WATCHING", "SETTLED"]
    """SETTLED once the outcome is stored."""
    outcome: Outcome | None
    """How it ended; null while it is watched."""
    settledAt: Time | None
    """When the outcome was stored. UTC."""
    publishedAt: Time | None
    """When the outcome event had been published. UTC."""


class ErrorBody(_Shape):
    """What is wrong."""

    code: str
    """For programs: BAD_REQUEST, NOT_FOUND, TOO_LARGE, UNAVAILABLE, or API Gateway's response type (such as THROTTLED)."""
    message: str
    """For people."""
    fields: Annotated[dict[str, str], Field(default_factory=dict)]
    """Each invalid field and what is wrong with it, never its value; absent if no field is concerned."""


class Error(_Shape):
    """Every answer of the API that is not a verification."""

    error: ErrorBody
