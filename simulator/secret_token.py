"""The token that the simulator takes in an account. Standard library only."""

import json
import time
from collections.abc import Callable

#: For so long a token that was replaced is taken; a check that comes with the new one has it read at once.
_TOKEN_SECONDS = 10.0


class Token:
    """The token that the simulator takes, as its secret says. read gives the secret's string."""

    def __init__(self, read: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._read, self._clock = read, clock
        self._token: str | None = None
        self._read_at = float("-inf")

    def is_right(self, given: str | None) -> bool:
        """Whether it is this one. What is not is compared once more with the secret as it is now."""
        if self._clock() - self._read_at < _TOKEN_SECONDS and given == self._token:
            return True
        self._token, self._read_at = json.loads(self._read())["token"], self._clock()
        return given == self._token
