"""The vendor: one call of "Check Link Status", its answer classified. Nothing else knows Signzy.

    GET {base_url}/poll-check-verify/request/{requestId}/session/{sessionId}
    Content-Type: application/json
    Authorization: <the bare token>

Source: Signzy's page "Check Link Status". Whatever comes back, or does not, is data: a Look. What raises here is our own bug.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from ssl import SSLContext
from typing import Any, Protocol

import urllib3
from urllib3.util import parse_url

from linkwatch.bounded_http import HTTPPool, HTTPSPool
from linkwatch.model import Answer, Ids, Look, Reason, Result

#: More is not read: no answer of Signzy's comes near it.
MAX_BODY_BYTES = 256 * 1024
#: The whole look, both tries and the token in between: below the function's 8 s, which are below the task's 9 s.
LOOK_SECONDS = 6.0
CONNECT_SECONDS = 3.0
#: With a shorter interval than 10 s the look gets no more than this share of it.
LOOK_SHARE_OF_INTERVAL = 0.6
#: A field longer than this is no carrier and no country; an execution's state could not hold 256 KiB of it.
MAX_FIELD_CHARACTERS = 256


class TokenSource(Protocol):
    """Where the token comes from. Both raise TokenUnavailable."""

    def token(self) -> str:
        """The token, as it is known."""
        ...

    def fresh_token(self) -> str | None:
        """The token fetched anew; None where there is no other place to fetch it from."""
        ...


class TokenUnavailable(Exception):
    """There is no token to ask with. reason: what that makes of the look."""

    def __init__(self, message: str, reason: Reason) -> None:
        super().__init__(message)
        self.reason = reason


# ── The call ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Signzy:
    """Signzy's status endpoint at one base URL, over one connection that is kept alive."""

    def __init__(
        self,
        base_url: str,
        tokens: TokenSource,
        poll_interval_seconds: float,
        tls: SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """base_url without a slash at its end; clock gives epoch seconds; tls verifies certificates (urllib3's own, if None)."""
        url = parse_url(base_url)
        options: dict[str, Any] = {"maxsize": 1, "retries": False}
        if url.scheme == "https":
            self._pool = HTTPSPool(url.host or "", url.port, ssl_context=tls, **options)
        else:
            self._pool = HTTPPool(url.host or "", url.port, **options)
        self._path = url.path or ""
        self._tokens = tokens
        self._look_seconds = min(LOOK_SECONDS, LOOK_SHARE_OF_INTERVAL * poll_interval_seconds)
        self._clock = clock

    def look(self, ids: Ids, deadline: float | None) -> Look:
        """Asks once; once more with a fresh token when the first was refused. deadline in epoch seconds: no request starts
        at it or later, the answer is then UNAVAILABLE, PAST_DEADLINE. Raises TokenUnavailable.
        """
        ends_at = time.monotonic() + self._look_seconds
        look = self._ask(ids, self._tokens.token(), deadline, ends_at)
        if look.reason is not Reason.CREDENTIALS_REFUSED:
            return look
        try:
            fresh_token = self._tokens.fresh_token()
        except TokenUnavailable as error:
            raise TokenUnavailable(f"the token was refused and no other is to be had: {error}", look.reason) from None
        return self._ask(ids, fresh_token, deadline, ends_at) if fresh_token else look

    def _ask(self, ids: Ids, token: str, deadline: float | None, ends_at: float) -> Look:
        look_left = ends_at - time.monotonic()
        window_left = float("inf") if deadline is None else deadline - self._clock()
        if window_left <= 0:
            return Look(Answer.UNAVAILABLE, Reason.PAST_DEADLINE)
        if look_left <= 0:
            return Look(Answer.UNAVAILABLE, Reason.TIMEOUT)
        try:
            response = self._pool.urlopen(
                "GET",
                f"{self._path}/poll-check-verify/request/{ids.request_id}/session/{ids.session_id}",
                headers={"Content-Type": "application/json", "Authorization": token},
                # A connection that is not there by the deadline would carry a request past it.
                timeout=urllib3.Timeout(total=look_left, connect=min(CONNECT_SECONDS, look_left, window_left)),
                redirect=False,
                preload_content=False,
            )
            return classify(response.status, _body_of(response))
        except urllib3.exceptions.HTTPError as error:
            return Look(Answer.UNAVAILABLE, reason_of(error))


def _body_of(response: urllib3.BaseHTTPResponse) -> bytes:
    """The answer's body; empty when it is longer than any answer is. The connection stays open only if all of it was read."""
    body = b""
    # To its end, or a body cut short passes for whole.
    while chunk := response.read1(MAX_BODY_BYTES, decode_content=False):
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            response.close()
            return b""
    response.release_conn()
    return body


def reason_of(error: urllib3.exceptions.HTTPError) -> Reason:
    """What urllib3's error means for the look. One that says we asked for nonsense is our bug, and raised again."""
    if isinstance(error, urllib3.exceptions.LocationValueError):
        raise error
    if isinstance(error, urllib3.exceptions.TimeoutError) and not isinstance(
        error, urllib3.exceptions.NewConnectionError
    ):
        return Reason.TIMEOUT
    return Reason.NO_CONNECTION


# ── The answer ────────────────────────────────────────────────────────────────────────────────────────────────────────

# Signzy's phrases, wherever an answer carries its message; their capitals vary.
_PHRASES: tuple[tuple[re.Pattern[str], Look], ...] = (
    (re.compile(r"invalid requestid or sessionid", re.IGNORECASE), Look(Answer.REJECTED, Reason.UNKNOWN_IDS)),
    (
        re.compile(r"(requestid|sessionid)\W+should match pattern", re.IGNORECASE),
        Look(Answer.REJECTED, Reason.MALFORMED_IDS),
    ),
    (
        re.compile(r"invalid authentication credentials", re.IGNORECASE),
        Look(Answer.UNAVAILABLE, Reason.CREDENTIALS_REFUSED),
    ),
    (re.compile(r"upstream down", re.IGNORECASE), Look(Answer.UNAVAILABLE, Reason.UPSTREAM_DOWN)),
    (re.compile(r"please wait", re.IGNORECASE), Look(Answer.PENDING)),
)
_STATUSES = {401: Reason.CREDENTIALS_REFUSED, 409: Reason.UPSTREAM_DOWN, 429: Reason.THROTTLED}
_BOOLEANS: Mapping[object, bool] = {"true": True, "false": False}


def classify(status: int, body: bytes) -> Look:
    """What an answer means. The body decides; where it says nothing known, the status does. Never raises."""
    answer = {} if 300 <= status < 400 else _object(_parsed(body))
    error, result = _object(answer.get("error")), _object(answer.get("result"))
    if not answer.get("error"):
        clicked = _boolean(result.get("linkclicked"))
        if clicked is not None:
            return Look(Answer.CLICKED, result=_result(result)) if clicked else Look(Answer.PENDING)
    for message in (error.get("message"), answer.get("error"), answer.get("message"), result.get("message")):
        for phrase, look in _PHRASES:
            if isinstance(message, str) and phrase.search(message):
                return look
    return Look(Answer.UNAVAILABLE, _STATUSES.get(status, Reason.BAD_ANSWER))


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _object(value: object) -> dict[str, object]:
    """A JSON object's fields by their names in lower case (linkClicked and LinkClicked are one); empty if it is no object."""
    return {name.lower(): field for name, field in value.items()} if isinstance(value, dict) else {}


def _boolean(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None


def _text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and 0 < len(value) <= MAX_FIELD_CHARACTERS else None


def _result(fields: dict[str, object]) -> Result:
    match _boolean(phone_match := fields.get("phonematch")):
        case bool() as matched:
            phone = "true" if matched else "false"
        case None:
            says_indeterminate = isinstance(phone_match, str) and phone_match.strip().lower() == "indeterminate"
            phone = "indeterminate" if says_indeterminate else None
    return Result(
        transactionId=_text(fields.get("transactionid")),
        carrier=_text(fields.get("carrier")),
        lineType=_text(fields.get("linetype")),
        countryCode=_text(fields.get("countrycode")),
        phoneMatch=phone,
        ipAddressMatch=_boolean(fields.get("ipaddressmatch")),
    )
