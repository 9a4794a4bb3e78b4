"""The capacity benchmark at a small size: what it assumes of the definition, and what a burst and a sweep result in."""

import pytest

from benchmarks.capacity.burst import Burst
from benchmarks.capacity.quotas import STATES, Bucket
from benchmarks.capacity.sweep import Account, sweep


def test_a_bucket_delays_what_waits_for_its_refill():
    bucket = Bucket(size=2, refill=4)

    assert [bucket.take(0) for _ in range(5)] == [0, 0, 0.25, 0.5, 0.75]


def test_a_bucket_refuses_what_does_not_wait():
    bucket = Bucket(size=2, refill=4)

    assert [bucket.take_now(at) for at in (0, 0, 0, 0.2, 0.25, 0.26)] == [True, True, False, False, True, False]


def test_the_definition_enters_three_states_for_a_check():
    assert STATES["Wait For Next Check"]["Next"] == "Check Link"
    assert STATES["Check Link"]["Next"] == "Is It Settled?"
    assert "Wait For Next Check" in str(STATES["Is It Settled?"])


@pytest.mark.parametrize("via", ["api", "bus"])
def test_a_few_links_are_checked_and_published_on_time(via):
    burst = Burst("other", 100, via=via).run()

    assert 9 < min(burst.first_check_after) < max(burst.first_check_after) < 10.5
    assert max(burst.click_noticed_after) < 10.5
    assert (len(burst.published_after_deadline), max(burst.published_after_deadline) < 0) == (100, True)


@pytest.mark.parametrize("via", ["api", "bus"])
def test_a_start_that_step_functions_throttles_is_made_by_a_sweep(via):
    burst = Burst("other", 400, 2, via, starts=Bucket(50, 20)).run()

    assert burst.deferred > 0
    assert max(burst.first_check_after) > 30
    assert len(burst.published_after_deadline) == 400


def test_too_few_lambdas_cost_checks_and_no_verification():
    burst = Burst("large", 400, 1, "api", lambdas=10).run()

    assert burst.checks_failed > 0
    assert len(burst.published_after_deadline) == 400


def test_one_sweep_lists_what_runs_and_replaces_what_failed():
    account = Account("other", 2_500, failed=60)

    swept, _ = sweep(account)

    assert account.calls == {"Scan": 1, "ListExecutions": 6, "UpdateItem": 60, "StartExecution": 60}
    assert (swept.open, len(swept.recovered), swept.left) == (2_500, 60, 0)
