"""The capacity benchmark at a small size: how it counts calls, and what a sweep does."""

from benchmarks.capacity import Account, Bucket, sweep


def test_a_bucket_refuses_what_exceeds_its_size_and_refill():
    bucket = Bucket(size=2, refill=4)

    assert [bucket.take(at) for at in (0, 0, 0, 0.2, 0.25, 0.26)] == [True, True, False, False, True, False]


def test_one_sweep_lists_what_runs_and_replaces_what_failed():
    account = Account("other", 2_500, failed=60)

    swept, _ = sweep(account)

    assert account.calls == {"Scan": 1, "ListExecutions": 6, "UpdateItem": 60, "StartExecution": 60}
    assert (swept.open, len(swept.recovered), swept.left) == (2_500, 60, 0)
