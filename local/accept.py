"""python -m local accept: the acceptance run (operations/acceptance) on a local stack. Reads BURST and OUT."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from local import sam
from local.accelerated_clock import NoAcceleratedClock, environment_at
from local.checkout import EMULATOR_VENV
from local.run import Chosen
from local.stack import StackConfig, running_stack, warm_up_many
from operations.acceptance.accept import ProgressPrinter, burst_from, run_on
from operations.acceptance.account import NEXT_VERSION, code_versions, parameters
from operations.acceptance.findings import Verdict
from operations.acceptance.guarantees import Window
from operations.acceptance.target import Target
from operations.environment import BadChoice
from simulator.client import SimulatedSignzy, SimulatorRequest

#: What two cores keep up with, forty verifications at a time; a check may come seconds late even so.
SPEED, WINDOW, BURST = 2, Window(60, 5, 3), 6


class LocalSimulator:
    """The local simulator, as the run wants one."""

    def __init__(self, simulator: SimulatedSignzy) -> None:
        self._simulator, self.take_token = simulator, simulator.take_token

    def read_requests(self, request_ids: Sequence[str]) -> dict[str, list[SimulatorRequest]]:
        """It is asked about each link."""
        return {request_id: self._simulator.requests(request_id) for request_id in request_ids}


@contextmanager
def local_target(burst: int = BURST) -> Iterator[Target]:
    """A stack on the emulator, with an accelerated clock where there is one. It ends with the block. Raises LocalStackFailed."""
    speed = SPEED
    try:
        environment_at(speed)
    except NoAcceleratedClock:
        speed = 1
    given = parameters(WINDOW)
    with running_stack(StackConfig(speed=speed, parameters=given)) as stack:
        warm_up_many(stack)
        base_url = {"SignzyBaseUrl": stack.signzy.base_url}
        yield Target(
            name=f"the emulator, {speed:g} times real time" if speed != 1 else "the emulator",
            region="local",
            stack=stack,
            simulator=LocalSimulator(stack.signzy),
            window=WINDOW,
            burst=burst,
            deploy_next=lambda: sam.deploy(stack.environment, base_url | given | NEXT_VERSION),
            is_slow=True,
            is_emulator=True,
            versions={"ministack": _emulator_version(), **code_versions()},
        )


def _emulator_version() -> str:
    found = next(EMULATOR_VENV.glob("lib/python*/site-packages/ministack-*.dist-info"), None)
    return found.name.split("-")[1].removesuffix(".dist") if found else "unknown"


def accept(chosen: Chosen) -> int:
    """Makes the run. Undecided is no failure here: the emulator enforces less than AWS, and may be slow. Raises BadChoice."""
    tell = ProgressPrinter()
    if "PARAMETERS" in chosen:
        raise BadChoice("accept on the local stack does not use PARAMETERS")
    burst = burst_from(chosen.get("BURST", str(BURST)))
    tell("building and deploying")
    with local_target(burst) as target:
        return 1 if run_on(target, tell, chosen.get("OUT")) is Verdict.BROKEN else 0
