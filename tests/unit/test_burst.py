"""The simulation of bursts, and that docs/capacity.md tells what it comes to."""

import re
from collections import defaultdict

import pytest

from benchmarks.burst import report
from benchmarks.burst.account import Account, Slots
from benchmarks.burst.simulation import Links, burst
from benchmarks.burst.watch import back_offs, path
from benchmarks.quotas import QUOTAS, Bucket
from tests.definition.engine.definition import UPDATES

PLENTY = 1_000_000
#: What guarantee G1 allows beyond the deadline.
GRACE_SECONDS = 30


def account(starts=PLENTY, transitions=PLENTY, lambdas=PLENTY, key_writes=PLENTY) -> Account:
    return Account(
        Bucket(starts, starts),
        Bucket(transitions, transitions),
        Slots(lambdas),
        defaultdict(lambda: Bucket(key_writes, key_writes)),
    )


# ── What AWS gives ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_fits_into_the_bucket_is_not_delayed():
    bucket = Bucket(size=5, refill=1)

    assert [bucket.take(10) for _ in range(5)] == [10] * 5


def test_what_does_not_fit_waits_for_the_refill_in_line():
    bucket = Bucket(size=2, refill=4)

    assert [bucket.take(0) for _ in range(5)] == [0, 0, 0.25, 0.5, 0.75]


def test_a_bucket_fills_up_while_nobody_takes_but_no_further():
    bucket = Bucket(size=2, refill=1)
    _ = [bucket.take(0) for _ in range(2)]

    assert [bucket.take(100) for _ in range(3)] == [100, 100, 101]


def test_what_is_refused_takes_nothing_and_may_be_had_after_the_refill():
    bucket = Bucket(size=2, refill=4)

    assert [bucket.take_now(at) for at in (0, 0, 0, 0.2, 0.25, 0.26)] == [True, True, False, False, True, False]


def test_a_slot_is_free_again_when_what_ran_in_it_has_ended():
    slots = Slots(2)

    assert [slots.take_now(at, 0.3) for at in (0, 0.1, 0.2, 0.3)] == [True, True, False, True]
    assert slots.most == 2


# ── The way of a verification ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_simulated_path_is_the_definitions():
    before, for_a_check, after = path()

    assert (len(before), len(for_a_check), len(after)) == (2, 3, 3)
    assert for_a_check[1] == "Check Link"


def test_a_check_is_tried_twice_more_and_what_is_no_task_not_at_all():
    assert back_offs("Check Link") == [1, 2]
    assert back_offs("Is It Settled?") == []


def test_the_index_is_written_where_the_simulation_says():
    writing = {name for name, update in UPDATES.items() if "openVerifications" in str(update["UpdateExpression"])}

    assert writing == {"Mark Published"}


@pytest.mark.parametrize("via", ["api", "bus"])
def test_a_verification_by_itself_is_on_time(via):
    seen = burst(Links(1, via=via, clicked=0), account())

    assert seen.first_check_after == pytest.approx([10], abs=0.1)
    assert -2 < seen.published_after_deadline[0] < 0


def test_a_click_is_noticed_by_the_next_check():
    seen = burst(Links(200, clicked=1, mean_seconds_to_click=20), account())

    assert seen.clicks_missed == 0
    assert 0.3 <= min(seen.click_noticed_after) < max(seen.click_noticed_after) < 10.5


# ── What saturates ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_too_few_transitions_make_checks_late_but_lose_no_verification():
    few, many = (burst(links := Links(2_000, 20), account(transitions=quota)) for quota in (200, 5_000))

    assert max(few.first_check_after) > max(many.first_check_after) + 5
    assert report.lost(links, few) == 0


@pytest.mark.parametrize("via", ["api", "bus"])
def test_a_start_that_step_functions_throttles_is_accepted_and_started_by_a_sweep(via):
    seen = burst(links := Links(400, 2, via), account(starts=50))

    assert seen.deferred > 0
    assert 30 < max(seen.first_check_after) < 200  # by the second or third sweep
    assert report.lost(links, seen) == 0


def test_too_few_lambdas_cost_retries_first_and_checks_then():
    some, hardly_any = (burst(links := Links(400, 1, "api", clicked=0), account(lambdas=size)) for size in (150, 10))

    assert some.most_lambdas == 150
    assert some.checks_failed < hardly_any.checks_failed
    assert report.lost(links, hardly_any) == 0


def test_links_of_one_second_share_a_key_of_the_index_and_none_is_lost_by_it():
    seen = burst(Links(500, 0.9, clicked=0), account(key_writes=100))

    assert seen.refused_at_the_api == 0
    assert seen.longest_in_the_queue > 100  # until the queue shows the event again
    assert len(seen.published_after_deadline) == 500


# ── The document ──────────────────────────────────────────────────────────────────────────────────────────────────────

#: The large regions' column takes as long as the others together: make burst WRITE=1 computes it, this does not.
OTHERS = [column for column in report.COLUMNS if column[0] == "other"]


@pytest.fixture(scope="module")
def seen():
    return report.bursts(OTHERS)


def test_the_document_tells_what_the_simulation_comes_to(seen):
    lines = report.DOCUMENT.read_text("utf-8").splitlines()

    for row in report.rows(OTHERS, seen):
        assert any(
            line.startswith(f"| {row[0]} |") and line.endswith(f"| {' | '.join(row[1:])} |") for line in lines
        ), row


def test_of_twenty_thousand_links_in_a_minute_none_is_lost_given_up_or_refused(seen):
    assert [report.lost(links, of_it) for (_, links), of_it in zip(OTHERS, seen, strict=True)] == [0] * len(OTHERS)


def test_each_of_twenty_thousand_links_is_checked_within_its_window(seen):
    assert max(max(of_it.first_check_after) for of_it in seen) < 300
    assert [of_it.without_check for of_it in seen] == [0] * len(OTHERS)


def test_outside_the_large_regions_g1_holds_as_far_as_the_document_says(seen):
    fewer = burst(Links(15_000), Account.with_default_quotas("other"))

    assert max(fewer.published_after_deadline) < GRACE_SECONDS < max(seen[0].published_after_deadline)


def test_the_tables_of_what_holds_for_good_and_of_the_sweep_are_those_of_today():
    document = report.DOCUMENT.read_text("utf-8")

    assert report.markdown(report.for_good()) in document
    assert report.markdown(report.sweep_report.table()) in document


def test_the_quotas_that_the_document_quotes_are_the_simulations():
    document = report.DOCUMENT.read_text("utf-8")
    kinds = QUOTAS["regions"].values()

    quoted = re.search(r"StartExecution: ([\d,]+) at once, (\d+) a second; elsewhere (\d+), (\d+)", document)

    assert quoted is not None
    assert [int(number.replace(",", "")) for number in quoted.groups()] == [
        kind["StartExecution"][what] for kind in kinds for what in ("bucket", "refill")
    ]
