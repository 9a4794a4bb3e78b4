"""Links whose ids contain all that is to be known of them, for a simulator without a memory. Standard library only.

    python -m simulator.coded SCENARIO [SECONDS until the click]

The requestId's 24 hexadecimal digits are, in this order: the scenario's number in scenarios.json (2), the second of the click
after the link was sent (4; ffff: the scenario's own), when the link was sent in epoch seconds (8), the seconds between two
checks (2) and random digits (8). The sessionId is computed from the requestId, so that other ids are not mistaken for these.
"""

import hashlib
import json
import secrets
import sys
import time
from dataclasses import dataclass

from simulator.scenarios import SCENARIOS, Step, fitted_to, step_of

_NAMES = list(SCENARIOS)
_NO_CLICK = 0xFFFF


@dataclass(frozen=True, slots=True)
class CodedLink:
    """A link. sent_at: epoch seconds; click: seconds after it, None for the scenario's own; interval: seconds a check."""

    scenario: str
    sent_at: int
    click: int | None = None
    interval: int = 10

    def __post_init__(self) -> None:
        """Raises ValueError, whose message says which values are valid."""
        if self.scenario not in SCENARIOS:
            raise ValueError(f"SCENARIO={self.scenario} does not exist; there are {', '.join(_NAMES)}")
        if self.click is not None and not any("untilSecond" in step for step in SCENARIOS[self.scenario]["script"]):
            raise ValueError(f"SCENARIO={self.scenario} has no click, so it does not use CLICK")
        if not 0 <= (self.click or 0) < _NO_CLICK or not 1 <= self.interval <= 0xFF:
            raise ValueError(
                f"a click is from 0 to {_NO_CLICK - 1} s after the link was sent, an interval from 1 to 255 s"
            )

    def new_ids(self) -> dict[str, str]:
        """Returns ids for this link, new ones at each call: {"requestId", "sessionId"}."""
        click = _NO_CLICK if self.click is None else self.click
        request_id = f"{_NAMES.index(self.scenario):02x}{click:04x}{self.sent_at:08x}{self.interval:02x}"
        request_id += secrets.token_hex(4)
        return {"requestId": request_id, "sessionId": _session_of(request_id)}

    def step(self, now_ms: float, window_seconds: float) -> Step:
        """Returns the answer to a check at this time (epoch milliseconds). Its number is computed from the schedule, because
        nothing is remembered to count by.
        """
        second = now_ms / 1000 - self.sent_at
        check = max(1, round(second / self.interval))
        return step_of(self._script(window_seconds), check, second, window_seconds)

    def clicked_at(self, window_seconds: float) -> float | None:
        """Returns when it is clicked, in seconds after it was sent; None if it is not clicked."""
        clicks = (step["untilSecond"] for step in self._script(window_seconds) if "untilSecond" in step)
        return next(clicks, None)

    def _script(self, window_seconds: float) -> list[Step]:
        script = fitted_to(window_seconds, self.scenario)
        if self.click is None:
            return script
        return [{**step, "untilSecond": self.click} if "untilSecond" in step else step for step in script]


def decoded(request_id: str, session_id: str) -> CodedLink | None:
    """Returns the link that is coded in these ids, in lower or upper case; None for other ids."""
    request_id = request_id.lower()
    if len(request_id) != 24 or session_id.lower() != _session_of(request_id):
        return None
    number, click, sent_at, interval = (int(request_id[a:b], 16) for a, b in ((0, 2), (2, 6), (6, 14), (14, 16)))
    if number >= len(_NAMES) or not interval:
        return None
    return CodedLink(_NAMES[number], sent_at, None if click == _NO_CLICK else click, interval)


def _session_of(request_id: str) -> str:
    return hashlib.sha256(f"linkwatch's simulator of Signzy: {request_id}".encode()).hexdigest()[:24]


def main(scenario: str, *click: str) -> None:
    """Prints new ids of a link that is sent now, in the form of Signzy's answer to Send Instant Link."""
    try:
        link = CodedLink(scenario, int(time.time()), *map(int, click))
    except ValueError as error:
        raise SystemExit(str(error)) from None
    print(json.dumps({"result": link.new_ids()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
