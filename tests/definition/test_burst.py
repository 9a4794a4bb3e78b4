"""The simulation of bursts, and that docs/capacity.md tells what it comes to."""

import pytest

from benchmarks.burst import report
from benchmarks.burst.simulation import Bucket, burst, path


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


def test_the_simulated_path_is_the_definitions():
    before, for_a_look, after = path()

    assert (len(before), len(for_a_look), len(after)) == (2, 3, 3)
    assert for_a_look[1] == "Check Link"


def test_a_verification_by_itself_is_on_time():
    seen = burst(1, 1, Bucket(800, 150), Bucket(800, 800))

    assert seen.looks_lost == seen.blind == 0
    assert max(seen.look_lateness) < 1
    assert max(seen.settled_after_deadline) < 0


def test_too_many_links_make_looks_late_and_fewer_but_lose_no_verification():
    few, many = (burst(2_000, 20, Bucket(800, 150), Bucket(800, refill)) for refill in (5_000, 200))

    assert max(many.look_lateness) > max(few.look_lateness) + 5
    assert len(many.look_lateness) < len(few.look_lateness)
    assert len(many.settled_after_deadline) == 2_000


@pytest.fixture(scope="module")
def seen():
    return report.bursts(report.LINKS, report.SECONDS)


def test_the_document_tells_what_the_simulation_comes_to(seen):
    document = report.DOCUMENT.read_text("utf-8")

    assert report.with_tables(document, seen) == document


def test_the_picture_is_the_simulations(seen):
    assert report.PICTURE.read_text("utf-8") == report.picture(seen)
