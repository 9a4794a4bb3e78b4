"""The vendor: one call of "Check Link Status", its answer classified (signzy_answer.py). Nothing else knows Signzy.

    GET {base_url}/poll-check-verify/request/{requestId}/session/{sessionId}
    Content-Type: application/json
    Authorization: <the bare token>

Source: Signzy's page "Check Link Status". Whatever comes back, or does not, is data: a CheckResult. What raises here is our own
bug.
"""

import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Protocol

from linkwatch.bounded_http import KeptConnection, TooLate
from linkwatch.model import Answer, CheckResult, Ids, Reason
from linkwatch.signzy_answer import classify

#: The whole check, from the name to the answer, both tries and the token in between: below the function's 8 s, which are below
#: the task's 9 s.
CHECK_SECONDS = 6.0
#: With a shorter interval than 10 s the check gets no more than this share of it.
CHECK_SHARE_OF_INTERVAL = 0.6


class TokenSource(Protocol):
    """Where the token comes from. Both raise TokenUnavailable, at the latest at ends_at (time.monotonic())."""

    def token(self, ends_at: float) -> str:
        """The token, as it is known."""
        ...

    def fresh_token(self, ends_at: float) -> str | None:
        """The token fetched anew; None where there is no other place to fetch it from."""
        ...


class TokenUnavailable(Exception):
    """There is no token to ask with. reason: what that makes of the check."""

    def __init__(self, message: str, reason: Reason) -> None:
        super().__init__(message)
        self.reason = reason


class Signzy:
    """Signzy's status endpoint, over one connection that is kept alive."""

    def __init__(
        self,
        connection: KeptConnection,
        tokens: TokenSource,
        poll_interval_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """connection: to the base URL; clock gives epoch seconds."""
        self._connection = connection
        self._tokens = tokens
        self._check_seconds = min(CHECK_SECONDS, CHECK_SHARE_OF_INTERVAL * poll_interval_seconds)
        self._clock = clock

    def check(self, ids: Ids, deadline: float | None) -> CheckResult:
        """Asks once; once more with a fresh token when the first was refused. deadline in epoch seconds: no request is
        written at it or later, the answer is then UNAVAILABLE, PAST_DEADLINE. Raises TokenUnavailable.
        """
        ends_at = time.monotonic() + self._check_seconds

        def window_left() -> float:
            return float("inf") if deadline is None else deadline - self._clock()

        if window_left() <= 0:
            return CheckResult(Answer.UNAVAILABLE, Reason.PAST_DEADLINE)
        result = self._ask(ids, self._tokens.token(ends_at), window_left, ends_at)
        if result.reason is not Reason.CREDENTIALS_REFUSED:
            return result
        try:
            fresh_token = self._tokens.fresh_token(ends_at)
        except TokenUnavailable as error:
            raise TokenUnavailable(f"the token was refused and no other is to be had: {error}", result.reason) from None
        return self._ask(ids, fresh_token, window_left, ends_at) if fresh_token else result

    def _ask(self, ids: Ids, token: str, window_left: Callable[[], float], ends_at: float) -> CheckResult:
        headers = {"User-Agent": "linkwatch", "Content-Type": "application/json", "Authorization": token}
        try:
            status, content_type, body = self._connection.ask(
                f"/poll-check-verify/request/{ids.request_id}/session/{ids.session_id}",
                headers,
                ends_at=ends_at,
                time_to_write=window_left,
            )
        except TooLate:
            return CheckResult(Answer.UNAVAILABLE, Reason.PAST_DEADLINE)
        except TimeoutError:
            return CheckResult(Answer.UNAVAILABLE, Reason.TIMEOUT)
        except (OSError, HTTPException):
            return CheckResult(Answer.UNAVAILABLE, Reason.NO_CONNECTION)
        result = classify(status, body, content_type, ids.session_id)
        if result.reason is Reason.BAD_ANSWER:
            # Who answers what was not asked may be out of step: what comes next on this connection could be another's answer.
            self._connection.close()
        return result
