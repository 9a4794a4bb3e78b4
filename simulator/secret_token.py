"""The token that the simulator accepts in an account. Standard library only."""

import hmac
import json
import time
from collections.abc import Callable

#: How long a replaced token is still accepted.
_TOKEN_SECONDS = 10.0
#: The secret is read at most this often for tokens that are wrong: anybody may call the simulator, and each read costs money.
_WRONG_TOKEN_SECONDS = 2.0


class Token:
    """The token that the simulator accepts, as stored in its secret. read returns the secret's string."""

    def __init__(self, read: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._read, self._clock = read, clock
        self._token = b""
        self._read_at = self._read_for_wrong_at = float("-inf")

    def is_right(self, given: str | None) -> bool:
        """Whether this is the token. A wrong one may be new, so the secret is read again, unless that was done a moment ago."""
        now = self._clock()
        if now - self._read_at < _TOKEN_SECONDS:
            if self._is_known(given):
                return True
            if now - self._read_for_wrong_at < _WRONG_TOKEN_SECONDS:
                return False
            self._read_for_wrong_at = now
        self._token, self._read_at = json.loads(self._read())["token"].encode(), now
        return self._is_known(given)

    def _is_known(self, given: str | None) -> bool:
        return hmac.compare_digest((given or "").encode("utf-8", "replace"), self._token)
