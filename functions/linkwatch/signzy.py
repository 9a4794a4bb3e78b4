"""Signzy's status endpoint: one check, its answer classified (signzy_answer.py).

    GET {base_url}/poll-check-verify/request/{requestId}/session/{sessionId}
    Content-Type: application/json
    Authorization: <the bare token>

Source: Signzy's page "Check Link Status". Whatever Signzy answers, and whether it answers, is data: a CheckResult.
"""

import time
from collections.abc import Callable

from linkwatch.http_client import HttpClient, NoConnection, TimedOut, TooLate
from linkwatch.model import Answer, CheckResult, Ids, Reason
from linkwatch.signzy_answer import classify
from linkwatch.signzy_token import KeptToken, TokenUnavailable

#: For the whole check: the token, connecting and the answer, also where it asks twice. Less than the function's 8 s, which are
#: less than the task's 9 s.
CHECK_SECONDS = 6.0
#: Where the interval is shorter than 10 s, the check has no more than this share of it.
CHECK_SHARE_OF_INTERVAL = 0.6


class Signzy:
    """Checks links with Signzy."""

    def __init__(
        self,
        http: HttpClient,
        token: KeptToken,
        poll_interval_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """http: a client of the base URL. clock: epoch seconds."""
        self._http = http
        self._token = token
        self._check_seconds = min(CHECK_SECONDS, CHECK_SHARE_OF_INTERVAL * poll_interval_seconds)
        self._clock = clock

    def check(self, ids: Ids, deadline: float | None) -> CheckResult:
        """Asks Signzy once, and again with the token read again where it was refused.

        deadline: epoch seconds; no request is written at it or later. If none was written, the result is UNAVAILABLE,
        PAST_DEADLINE. Raises TokenUnavailable.
        """
        ends_at = time.monotonic() + self._check_seconds

        def window_left() -> float:
            return float("inf") if deadline is None else deadline - self._clock()

        if window_left() <= 0:
            return CheckResult(Answer.UNAVAILABLE, Reason.PAST_DEADLINE)
        result = self._ask(ids, self._token.get(ends_at), window_left, ends_at)
        if result.reason is not Reason.CREDENTIALS_REFUSED:
            return result
        try:
            token = self._token.get_again(ends_at)
        except TokenUnavailable as error:
            raise TokenUnavailable(f"the token was refused and cannot be read again: {error}", result.reason) from None
        second = self._ask(ids, token, window_left, ends_at) if token else result
        return result if second.reason is Reason.PAST_DEADLINE else second  # the check was made

    def _ask(self, ids: Ids, token: str, window_left: Callable[[], float], ends_at: float) -> CheckResult:
        try:
            status, content_type, body = self._http.request(
                f"/poll-check-verify/request/{ids.request_id}/session/{ids.session_id}",
                {"User-Agent": "linkwatch", "Content-Type": "application/json", "Authorization": token},
                ends_at=ends_at,
                seconds_to_write=window_left,
            )
        except TooLate:
            return CheckResult(Answer.UNAVAILABLE, Reason.PAST_DEADLINE)
        except TimedOut:
            return CheckResult(Answer.UNAVAILABLE, Reason.TIMEOUT)
        except NoConnection:
            return CheckResult(Answer.UNAVAILABLE, Reason.NO_CONNECTION)
        result = classify(status, body, content_type, ids.session_id)
        if result.reason is Reason.BAD_ANSWER:
            # It may be the answer to another request, and the next one on this connection, too.
            self._http.close()
        return result
