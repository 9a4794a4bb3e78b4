"""The simulation of bursts, and that docs/capacity.md tells what it comes to."""

import re
from collections import defaultdict

import pytest

from benchmarks.burst import report
from benchmarks.burst.account import Account, Bucket, Slots
from benchmarks.burst.simulation import Links, burst
from benchmarks.burst.watch import back_offs, path
from tests.definition.shipped import STATES, UPDATES
from tests.definition.test_bounds import delays

PLENTY = 1_000_000


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


def test_the_simulated_retries_are_the_definitions():
    assert back_offs("Check Link") == delays(STATES["Check Link"]["Retry"]) == [1, 2]
    assert back_offs("Is It Settled?") == []


def test_the_index_is_written_where_the_simulation_says():
    writing = {name for name, update in UPDATES.items() if "openVerifications" in str(update["UpdateExpression"])}

    assert writing == {"Claim Verification", "Mark Published"}


def test_a_verification_by_itself_is_on_time():
    seen = burst(Links(1, clicked=0), account())

    assert seen.check_lateness == pytest.approx([0] * 30, abs=0.1)
    assert sum(seen.transitions_at.values()) == 95
    assert -2 < seen.settled_after_deadline[0] < 0


def test_a_click_is_noticed_by_the_next_check():
    seen = burst(Links(200, clicked=1, mean_seconds_to_click=20), account())

    assert seen.clicks_missed == 0
    assert 0.3 <= min(seen.click_noticed_after) < max(seen.click_noticed_after) < 10.5


# ── What saturates ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_too_few_transitions_make_checks_late_and_fewer_but_lose_no_verification():
    few, many = (burst(Links(2_000, 20), account(transitions=quota)) for quota in (200, 5_000))

    assert max(few.check_lateness) > max(many.check_lateness) + 5
    assert len(few.check_lateness) < len(many.check_lateness)
    assert len(few.settled_after_deadline) == 2_000
    assert few.refused == {}


def test_too_few_starts_are_refused_and_tried_again_until_they_are_taken():
    seen = burst(Links(400, 2), account(starts=100))

    assert seen.refused["start"] > 0
    assert max(seen.start_lateness) > 1
    assert len(seen.settled_after_deadline) == 400


def test_too_few_lambdas_cost_retries_first_and_checks_then():
    some, hardly_any = (burst(Links(400, 1, clicked=0), account(lambdas=size)) for size in (150, 10))

    assert some.most_lambdas == 150
    assert some.refused["Check Link"] > 0
    assert some.checks_failed < hardly_any.checks_failed
    assert len(hardly_any.settled_after_deadline) == 400


def test_links_of_one_second_share_a_key_and_sit_its_refusals_out():
    seen = burst(Links(500, 0.9, clicked=0), account(key_writes=100))

    assert seen.refused["Claim Verification"] > 0
    assert seen.refused["Mark Published"] > 0
    assert seen.left_to_recovery == 0


def test_what_is_refused_to_the_end_is_left_to_recovery_and_settles_nothing():
    seen = burst(Links(300, 0.1), account(key_writes=1))

    assert seen.left_to_recovery > 0
    assert len(seen.settled_after_deadline) < 300


# ── The document ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def seen():
    return report.bursts(Links(), report.COUNTS)


def test_the_document_tells_what_the_simulation_comes_to(seen):
    document = report.DOCUMENT.read_text("utf-8")

    assert report.with_tables(document, seen) == document


def test_a_large_region_checks_in_time_and_another_keeps_the_promise(seen):
    assert max(seen["large", 10_000].check_lateness) < 0.1
    assert 22 < max(seen["other", 10_000].check_lateness) < 23
    assert max(seen["other", 10_000].published_after_deadline) < report.GRACE_SECONDS


def test_the_promise_holds_in_other_regions_as_far_as_the_document_says(seen):
    fewer = burst(Links(15_000), Account.with_default_quotas("other"))

    assert max(fewer.published_after_deadline) < report.GRACE_SECONDS
    assert max(seen["other", 20_000].published_after_deadline) > report.GRACE_SECONDS


def test_ten_thousand_links_of_one_second_are_published_within_nine_seconds():
    seen = burst(Links(10_000, 1, clicked=0), Account.with_default_quotas("large"))

    assert seen.left_to_recovery == 0
    assert 8 < max(seen.published_after_deadline) < 9


def test_the_picture_is_the_simulations(seen):
    assert report.PICTURE.read_text("utf-8") == report.pictured(seen)


def test_the_quotas_that_the_document_quotes_are_the_simulations():
    document = report.DOCUMENT.read_text("utf-8")
    kinds = report.QUOTAS["regions"].values()

    quoted = re.search(r"StartExecution: ([\d,]+) at once, (\d+) a second; elsewhere (\d+), (\d+)", document)

    assert quoted is not None
    assert [int(number.replace(",", "")) for number in quoted.groups()] == [
        kind[f"start_execution_{what}"] for kind in kinds for what in ("bucket", "refill")
    ]
