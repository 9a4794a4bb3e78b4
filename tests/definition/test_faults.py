"""Every single fault of every base scenario: the guarantees are kept.

Every pair of faults: `python -m tests.definition.engine fault-pairs`.
"""

import pytest

from tests.definition.engine import CLOSE, CRASH, HANG, Fault, play
from tests.definition.engine.faults import BASES, faults_at, single_faults
from tests.definition.engine.record import Point


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_the_guarantees_are_kept_after_every_single_fault(base):
    for scenario, _ in single_faults(base):
        play(scenario)


def test_the_faults_reach_every_task_and_every_call_of_a_function():
    places = {point.place for base in BASES.values() for point in play(base).record.points}
    for scenario, _ in single_faults(BASES["aborted while it waits, found by two sweeps at once"]):
        places |= {point.place for point in play(scenario).record.points}

    assert {
        *("Read Verification", "Wait For Next Check", "Check Link"),
        *("Record Outcome", "Publish Outcome", "Mark Published"),
        *("API start: PutItem", "API start: StartExecution", "EVENT start: PutItem", "EVENT start: StartExecution"),
        *("cancel: UpdateItem", "cancel: StartExecution", "cancel: StopExecution"),
        *(f"status event: {call}" for call in ("GetItem", "StartExecution", "DescribeExecution", "UpdateItem")),
        *(f"sweep: {call}" for call in ("Scan", "ListExecutions", "StartExecution", "DescribeExecution", "UpdateItem")),
    } <= places


def test_a_call_that_writes_is_refused_and_hangs_and_is_closed_and_its_function_crashes_on_both_sides():
    place = "API start: PutItem"

    faults = list(faults_at(Point(place, 0, is_call=True)))

    assert faults == [
        Fault(place, error="AccessDeniedException", takes_effect=False),
        Fault(place, error=HANG, takes_effect=False),
        Fault(place, error=CRASH, takes_effect=False),
        Fault(place, error=CLOSE, tries=1),
        Fault(place, error=CLOSE),
        Fault(place, error=CRASH),
    ]
