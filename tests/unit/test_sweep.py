"""The sweep's handler against the stand-ins of benchmarks/sweep, small: which calls it makes, and that it ends in its time."""

from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.sweep import report
from benchmarks.sweep.run import sweep
from benchmarks.sweep.stand_in import Case
from linkwatch.executions import Executions

WHOLE_PROCESSOR = 1769


def test_what_runs_is_listed_a_thousand_at_once_and_left_alone():
    swept = sweep(Case("other", open=2_500, latency=0), WHOLE_PROCESSOR, timeout_seconds=50)

    assert swept.calls == {"Scan": 1, "ListExecutions": 3}
    assert swept.counts == {"open": 2_500, "late": 0, "failed": 0, "left": 0}


def test_many_that_have_died_are_listed_and_taken_over_without_asking_for_each():
    swept = sweep(Case("other", open=300, dead=200, latency=0), WHOLE_PROCESSOR, timeout_seconds=50)

    assert swept.calls == {"Scan": 1, "ListExecutions": 4, "UpdateItem": 200, "StartExecution": 200}
    assert swept.counts["taken_over"] == 200


class FakeStepFunctions:
    """Lists one that failed each minute, the latest first, one on a page."""

    def __init__(self) -> None:
        self.pages = 0

    def get_paginator(self, operation):
        assert operation == "list_executions"
        return self

    def paginate(self, **asked):
        for minutes in range(100 if asked["statusFilter"] == "FAILED" else 0):
            self.pages += 1
            at = {"startDate": NOON - timedelta(minutes=minutes), "stopDate": NOON}
            yield {"executions": [{"name": f"failed-{minutes}"} | at]}


NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_what_has_died_is_listed_no_further_back_than_the_oldest_that_is_due():
    fake = FakeStepFunctions()

    died = Executions(fake, "arn").died(NOON - timedelta(minutes=2))  # pyright: ignore[reportArgumentType]

    assert died == {"failed-0": NOON, "failed-1": NOON, "failed-2": NOON}
    assert fake.pages == 4


def test_of_a_few_that_have_died_each_is_asked_for():
    swept = sweep(Case("other", open=30, dead=20, latency=0), WHOLE_PROCESSOR, timeout_seconds=50)

    assert swept.calls["DescribeExecution"] == 20
    assert swept.counts["taken_over"] == 20


def test_a_sweep_that_lacks_the_time_leaves_the_rest_to_the_next():
    swept = sweep(Case("other", open=1_500, never=1_500), WHOLE_PROCESSOR, timeout_seconds=13)

    assert swept.counts["running"] > 0
    assert swept.counts["running"] + swept.counts["left"] == 1_500
    assert swept.seconds < 13


def test_a_sweep_gets_through_twenty_thousand_that_run_and_ends_in_its_time_in_every_case():
    about, seen = report.kept()

    assert about["open"] == 20_000
    for of_region in seen.values():
        assert max(swept.seconds for swept in of_region.values()) < report.TIMEOUT_SECONDS
        for case in ("all run", "all run but one in forty, which has died"):
            assert report.row(of_region[case])[2] == "0", case


@pytest.mark.parametrize("regions", ["large", "other"])
def test_twenty_thousand_that_have_died_are_taken_over_within_ten_minutes(regions):
    _, seen = report.kept()

    started = seen[regions]["all have died"].counts["taken_over"]

    assert started * 10 > 20_000
