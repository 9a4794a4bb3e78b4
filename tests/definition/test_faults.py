"""Every single fault of every base scenario: the guarantees hold after each. Every pair is `make fault-pairs`."""

import pytest

from tests.definition.engine import CRASH, Fault, play
from tests.definition.engine.faults import BASES, faults_at, single_faults
from tests.definition.engine.record import Point


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_the_guarantees_hold_after_every_single_fault(base):
    for scenario, _ in single_faults(base):
        play(scenario)


def test_the_faults_strike_in_every_state_and_every_call_that_functions_make():
    places = {point.place for base in BASES.values() for point in play(base).record.points}
    for scenario, _ in single_faults(BASES["aborted while it waits"]):
        places |= {point.place for point in play(scenario).record.points}

    assert {
        *("Read Verification", "Is It Settled?", "Wait For Next Check", "Check Link"),
        *("Record Outcome", "Publish Outcome", "Mark Published", "Nothing To Do"),
        *("API start: PutItem", "API start: StartExecution", "EVENT start: PutItem", "EVENT start: StartExecution"),
        *("cancel: UpdateItem", "cancel: StartExecution", "cancel: StopExecution"),
        *(f"status event: {call}" for call in ("GetItem", "StartExecution", "DescribeExecution", "UpdateItem")),
        *(f"sweep: {call}" for call in ("Scan", "ListExecutions", "StartExecution", "DescribeExecution", "UpdateItem")),
    } <= places


def test_a_call_that_writes_is_refused_loses_its_answer_and_has_its_function_die_on_both_sides():
    place = "API start: PutItem"

    faults = list(faults_at(Point(place, 0, is_call=True)))

    assert faults == [
        Fault(place, error="ServiceUnavailable", takes_effect=False),
        Fault(place, error=CRASH, takes_effect=False),
        Fault(place, error="ReadTimeout", after_millis=2_000),
        Fault(place, error=CRASH),
    ]
