"""Random scenarios: the guarantees are kept in each. `python -m tests.definition.engine scenarios` plays more."""

from hypothesis import HealthCheck, given, settings

from tests.definition.engine import End, Fault, Outage, Scenario, play
from tests.definition.engine.generated import scenarios


@settings(
    max_examples=50,
    derandomize=True,  # the same ones each time: a build does not fail for what another commit did
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(scenarios())
def test_the_guarantees_are_kept_in_random_scenarios(scenario):
    play(scenario)


def test_a_scenario_runs_the_same_way_twice():
    scenario = Scenario(
        faults=(Fault("Record Outcome", 0, 10, "States.Timeout"), Fault("API start: PutItem", error="Hang", tries=1)),
        ends=(End("Check Link", 3),),
        cancelled_at=(170_000,),
    )

    assert play(scenario).record.timeline == play(scenario).record.timeline


def test_a_scenario_can_be_replayed_from_what_a_failure_prints():
    scenario = Scenario(
        faults=(Fault("Check Link", 1, error="KeyError"),),
        ends=(End("Check Link", 3),),
        outages=(Outage("events", 0, 1),),
    )

    names = {kind.__name__: kind for kind in (Scenario, Fault, End, Outage)}

    assert eval(str(scenario), names) == scenario  # noqa: S307  as the replay does
