"""Random histories of the shipped definition: the promise holds after each. The long run of them is histories.py itself."""

from hypothesis import HealthCheck, given, settings

from tests.definition.drawing import drawn
from tests.definition.histories import told
from tests.definition.history import End, Fault, History


@settings(
    max_examples=150,
    derandomize=True,  # the same ones each time: a build does not fail for what another commit did
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(drawn())
def test_the_promise_holds_whatever_happens(history):
    told(history)


def test_the_same_history_is_told_the_same_way_twice():
    history = History(
        faults=(Fault("Record Outcome", 0, 10, "States.Timeout"),),
        ends=(End("Check Link", 3),),
        cancelled_at=(170_000,),
    )

    assert told(history).timeline == told(history).timeline


def test_a_history_can_be_replayed_from_what_a_failure_prints():
    history = History(faults=(Fault("Check Link", 1, error="KeyError"),), ends=(End("Check Link", 3),))

    assert eval(str(history), {"History": History, "Fault": Fault, "End": End}) == history  # noqa: S307  as --replay does
