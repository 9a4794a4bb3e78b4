"""The concepts of linkwatch as types (docs/architecture.md).

Times are datetimes with a zone, or ISO 8601 strings in UTC with milliseconds where they are stored or published; numbers of
milliseconds say so in their names. No pydantic here: CheckLink imports this module, and pydantic would cost its start
more than the check itself (docs/decisions.md).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal, TypedDict

#: Signzy's own pattern for requestId and sessionId (signzy's page "Check Link Status", error 400).
ID_PATTERN = "^[0-9a-fA-F]{24}$"
_ID = re.compile("[0-9a-fA-F]{24}")
_VERIFICATION_ID = re.compile("([0-9a-f]{24})-([0-9a-f]{24})")

Source = Literal["API", "EVENT"]


class Answer(StrEnum):
    """What one check learnt."""

    CLICKED = "CLICKED"
    PENDING = "PENDING"
    REJECTED = "REJECTED"
    UNAVAILABLE = "UNAVAILABLE"


class Reason(StrEnum):
    """Why an answer is REJECTED (the first two) or UNAVAILABLE (the others): a closed list. Outcomes carry these, and
    STARTED_TOO_LATE and INTERRUPTED, which the state machine decides.
    """

    MALFORMED_IDS = "MALFORMED_IDS"
    UNKNOWN_IDS = "UNKNOWN_IDS"
    CREDENTIALS_REFUSED = "CREDENTIALS_REFUSED"
    UPSTREAM_DOWN = "UPSTREAM_DOWN"
    THROTTLED = "THROTTLED"
    TIMEOUT = "TIMEOUT"
    NO_CONNECTION = "NO_CONNECTION"
    BAD_ANSWER = "BAD_ANSWER"
    CHECK_FAILED = "CHECK_FAILED"
    PAST_DEADLINE = "PAST_DEADLINE"


class Result(TypedDict):
    """What Signzy said of a clicked link. What it did not say, or said in no usable way, is null."""

    transactionId: str | None
    """Signzy's, for questions to them."""
    carrier: str | None
    """Such as T-Mobile USA."""
    lineType: str | None
    """Mobile, Landline, FixedVoIP or NonFixedVoIP, as Signzy's page says."""
    countryCode: str | None
    """Such as US."""
    phoneMatch: Literal["true", "false", "indeterminate"] | None
    """Whether the line that tapped is the one whose number was given; indeterminate: the carrier could not tell."""
    ipAddressMatch: bool | None
    """Whether the device that asked for the link is the one that tapped it."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's answer, with its reason unless it is CLICKED or PENDING, and its result when it is CLICKED."""

    answer: Answer
    reason: Reason | None = None
    result: Result | None = None


@dataclass(frozen=True, slots=True)
class Ids:
    """One verification's ids, as given; each matches ID_PATTERN."""

    request_id: str
    session_id: str

    @property
    def verification_id(self) -> str:
        """The table's key and the name of the execution that watches it."""
        return f"{self.request_id}-{self.session_id}".lower()


def parse_ids(request_id: object, session_id: object) -> Ids | None:
    """The two as Ids, or None where one does not match ID_PATTERN."""
    for value in (request_id, session_id):
        if not isinstance(value, str) or not _ID.fullmatch(value):
            return None
    return Ids(str(request_id), str(session_id))


def parse_verification_id(text: str) -> str | None:
    """A verificationId in lower case, or None where the text is not one."""
    return text.lower() if _VERIFICATION_ID.fullmatch(text.lower()) else None


def iso_from(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC with milliseconds, cut off, not rounded: 2026-11-23T10:00:00.123Z. Raises ValueError for a
    time without a zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def deadline_of(link_sent_at: datetime, window_seconds: int) -> datetime:
    """The end of the window: it starts at the whole second in which the link was sent, because AWS truncates a Wait's
    timestamp to seconds.
    """
    return link_sent_at.replace(microsecond=0) + timedelta(seconds=window_seconds)


@dataclass(frozen=True, slots=True)
class Start:
    """A valid request to start a verification, from either entry point.

    link_sent_at and started_at have a zone. started_at is when API Gateway took the request, or when the event came into the
    queue. start_id is API Gateway's id of the request, or the event's. started_by is the caller's IAM ARN, or the event's
    account and source; None where unknown.
    """

    ids: Ids
    link_sent_at: datetime
    correlation_id: str | None
    source: Source
    start_id: str
    started_at: datetime
    started_by: str | None = None
