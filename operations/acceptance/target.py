"""The stack that the acceptance run tests, and what belongs to it. account.py makes one in an account, local/ on the emulator."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError

from operations.acceptance.guarantees import Window
from operations.deployed.signed_calls import ApiAnswer
from operations.deployed.stack import DeployedStack
from simulator.client import SimulatorRequest

#: Answers after which sending the same again is safe and useful: AWS throttles, or a Lambda did not start in time.
_TRY_AGAIN = {429, 500, 502, 503, 504}
#: Seconds between tries; 23.5 in all.
_PAUSES = (0.5, 1, 2, 4, 8, 8)


@dataclass(frozen=True)
class Target:
    """The stack, and what the run has to know of it."""

    #: One that listens to its outcome events.
    stack: DeployedStack
    #: The requests about each of these requestIds that the simulator's log has by now, in the order in which they came.
    read_requests: Callable[[Sequence[str]], dict[str, list[SimulatorRequest]]]
    #: Replaces the only token that the simulator accepts.
    take_token: Callable[[str], None]
    #: Deploys another version over the stack.
    deploy_next: Callable[[], None]
    window: Window
    #: How many starts come at once.
    burst: int
    #: Few Lambdas run at once, so that starts and checks may come late.
    is_slow: bool = False


def call_api(stack: DeployedStack, method: str, path: str, body: Any = None, **options: Any) -> ApiAnswer:
    """One call of the stack's API, tried up to seven times. Raises BotoCoreError if there is no answer to the last one."""
    for pause in _PAUSES:
        with suppress(BotoCoreError):
            answer = stack.call_api(method, path, body, **options)
            if answer.status not in _TRY_AGAIN:
                return answer
        time.sleep(pause)
    return stack.call_api(method, path, body, **options)
