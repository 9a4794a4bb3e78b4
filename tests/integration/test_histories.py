"""A short, fixed sample of the random histories; make soak runs as many as one likes."""

import pytest

from local.deployment import Wanted, running_stack
from local.time_lapse import NoTimeLapse, environment_at
from tests.integration.soak import PARAMETERS, SPEED, run_all


@pytest.fixture(scope="module")
def short_stack():
    try:
        environment_at(SPEED)
        speed = SPEED
    except NoTimeLapse:
        speed = 1
    with running_stack(Wanted(speed=speed, parameters=PARAMETERS)) as running:
        yield running


def test_random_histories_keep_the_promise(short_stack):
    outcomes, failed = run_all(short_stack, [f"sample:{number}" for number in range(32)], at_once=16)

    assert failed == 0, "the histories that failed are printed above, with their seeds"
    assert len(outcomes) > 3
