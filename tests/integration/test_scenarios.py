"""A short, fixed sample of the generated scenarios; make scenarios-deployed runs as many as one likes."""

from tests.integration.scenarios import run_all, short_stack


def test_generated_scenarios_keep_the_guarantees():
    with short_stack() as stack:
        outcomes, failed = run_all(stack, [f"sample:{number}" for number in range(16)], at_once=8)

    assert failed == 0, "the scenarios that failed are printed above, with their seeds"
    assert len(outcomes) > 3
