"""python -m local accept: the acceptance run (operations/acceptance) on a local stack. Reads BURST and OUT."""

from collections.abc import Iterator
from contextlib import contextmanager

from local import sam
from local.accelerated_clock import NoAcceleratedClock, environment_at
from local.run import Chosen
from local.stack import StackConfig, running_stack, warm_up_many
from operations.acceptance.accept import burst_from, run_on, tell
from operations.acceptance.account import NEXT_VERSION
from operations.acceptance.guarantees import Verdict, Window
from operations.acceptance.target import Target

#: What two cores keep up with, forty verifications at a time; a check may come seconds late even so.
SPEED, WINDOW, BURST = 2, Window(60, 5, 3), 6


@contextmanager
def local_target(burst: int = BURST) -> Iterator[Target]:
    """A stack on the emulator, with an accelerated clock where there is one. It ends with the block. Raises LocalStackFailed."""
    speed = SPEED
    try:
        environment_at(speed)
    except NoAcceleratedClock:
        speed = 1
    given = WINDOW.parameters()
    with running_stack(StackConfig(speed=speed, parameters=given)) as stack:
        warm_up_many(stack)
        signzy = stack.signzy
        next_version = {"SignzyBaseUrl": signzy.base_url, **given, **NEXT_VERSION}
        yield Target(
            stack=stack,
            read_requests=lambda request_ids: {each: signzy.requests(each) for each in request_ids},
            take_token=signzy.take_token,
            deploy_next=lambda: sam.deploy(stack.environment, next_version),
            window=WINDOW,
            burst=burst,
            is_slow=True,
        )


def accept(chosen: Chosen) -> int:
    """Makes the run. Undecided is no failure here: the emulator enforces less than AWS, and may be slow. Raises BadChoice."""
    burst = burst_from(chosen.get("BURST", str(BURST)))
    tell("building and deploying")
    with local_target(burst) as target:
        return 1 if run_on(target, chosen.get("OUT")) is Verdict.BROKEN else 0
