"""A short, fixed sample of the random histories; make soak runs as many as one likes."""

from tests.integration.soak import run_all, short_stack


def test_random_histories_keep_the_promise():
    with short_stack() as stack:
        outcomes, failed = run_all(stack, [f"sample:{number}" for number in range(32)], at_once=16)

    assert failed == 0, "the histories that failed are printed above, with their seeds"
    assert len(outcomes) > 3
