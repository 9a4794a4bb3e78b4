"""The capacity benchmark at a small size: what it assumes of the definition, and what the simulation and one sweep result in."""

import pytest

from benchmarks.capacity.burst import Burst, Links
from benchmarks.capacity.quotas import STATES, Bucket
from benchmarks.capacity.stand_in import Case
from benchmarks.capacity.sweep import sweep

WHOLE_PROCESSOR = 1769
#: What guarantee G1 allows beyond the deadline.
GRACE_SECONDS = 30


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
    seen = Burst(Links(100, via=via), "other")

    assert 9 < min(seen.first_check_after) < max(seen.first_check_after) < 10.5
    assert max(seen.click_noticed_after) < 10.5
    assert (len(seen.published_after_deadline), max(seen.published_after_deadline) < 0) == (100, True)


@pytest.mark.parametrize("via", ["api", "bus"])
def test_a_start_that_step_functions_throttles_is_made_by_a_sweep(via):
    seen = Burst(Links(400, 2, via), "other", starts=Bucket(50, 20))

    assert len(seen.deferred) > 0
    assert max(seen.first_check_after) > 30
    assert len(seen.published_after_deadline) == 400


def test_too_few_lambdas_cost_checks_and_no_verification():
    seen = Burst(Links(400, 1, "api"), "large", lambdas=10)

    assert seen.checks_failed > 0
    assert len(seen.published_after_deadline) == 400


def test_fifteen_thousand_links_in_a_minute_are_published_in_time_outside_the_large_regions():
    seen = Burst(Links(15_000), "other")

    assert len(seen.first_check_after) == len(seen.published_after_deadline) == 15_000
    assert max(seen.published_after_deadline) < GRACE_SECONDS


def test_one_sweep_lists_what_runs_and_replaces_what_failed():
    swept = sweep(Case("other", open=2_500, failed=200), WHOLE_PROCESSOR)

    assert swept.calls == {"Scan": 1, "ListExecutions": 6, "UpdateItem": 200, "StartExecution": 200}
    assert (swept.counts["open"], swept.started, swept.left) == (2_500, 200, 0)
