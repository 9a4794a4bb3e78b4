"""The stack that the acceptance run tests, and what belongs to it. account.py makes one in an account, local/ on the emulator."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError

from operations.acceptance.guarantees import Window
from operations.deployed.clock import Clock
from operations.deployed.signed_calls import ApiAnswer
from operations.deployed.stack import DeployedStack
from simulator.client import SimulatorRequest

#: Answers after which sending the same again is safe and useful: AWS throttles, or a Lambda did not start in time.
_TRY_AGAIN = {429, 500, 502, 503, 504}
#: Seconds between tries; 23.5 in all.
_PAUSES = (0.5, 1, 2, 4, 8, 8)


class Simulator(Protocol):
    """What the run needs of a simulator of Signzy."""

    def read_requests(self, request_ids: Sequence[str]) -> dict[str, list[SimulatorRequest]]:
        """The requests about each of these links that its log has by now, in the order in which they came."""
        ...

    def take_token(self, token: str) -> None:
        """Replaces the only token that it accepts."""
        ...


@dataclass(frozen=True)
class Target:
    """name: for the report; stack: one that listens to its outcome events; burst: how many starts come at once; deploy_next:
    deploys another version over the stack; is_slow: few Lambdas run at once, so that starts and checks may come late;
    is_emulator: it enforces no policy of a bus or of an API; versions: what runs here.
    """

    name: str
    region: str
    stack: DeployedStack
    simulator: Simulator
    window: Window
    burst: int
    deploy_next: Callable[[], None]
    is_slow: bool = False
    is_emulator: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        """The stack's."""
        return self.stack.clock

    def call_api(self, method: str, path: str, body: Any = None, **options: Any) -> ApiAnswer:
        """One call of the stack's API, tried up to seven times. Raises BotoCoreError if there is no answer to the last one."""
        for pause in _PAUSES:
            try:
                answer = self.stack.call_api(method, path, body, **options)
            except BotoCoreError:
                answer = None
            if answer and answer.status not in _TRY_AGAIN:
                return answer
            time.sleep(pause)
        return self.stack.call_api(method, path, body, **options)
