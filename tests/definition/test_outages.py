"""Outages: they are sat out in place, and what a check has answered survives them."""

import pytest

from tests.definition.engine import CLICKED, PENDING, SCHEDULE, Outage, Played

MINUTES, HOURS = 60_000, 3_600_000
SEEN_AT_40 = ((0, PENDING), (33_000, CLICKED))
#: Shares of each back-off: chance at its worst, and as it comes.
JITTERS = pytest.mark.parametrize("jitter", [(1.0,), (0.7, 0.2, 0.9, 0.5)], ids=["longest", "drawn"])
LENGTHS = pytest.mark.parametrize("lasts", [30 * MINUTES, 25 * HOURS], ids=["30 minutes", "25 hours"])


@JITTERS
@LENGTHS
@pytest.mark.parametrize("service", ["dynamodb", "events"])
def test_a_click_that_was_seen_is_published_within_ten_minutes_of_the_end_of_an_outage(service, lasts, jitter):
    played = Played(answers=SEEN_AT_40, outages=(Outage(service, 35_000, lasts),), jitter=jitter)

    assert (played.outcome, played.counted, played.executions) == ("LINK_CLICKED", 4, [""])
    assert lasts / 1000 <= played.published_after < lasts / 1000 + 600


@LENGTHS
def test_an_execution_that_cannot_read_its_item_waits_and_then_says_that_it_was_interrupted(lasts):
    played = Played(outages=(Outage("dynamodb", 100, lasts),))

    assert (played.outcome, played.reason, played.executions) == ("UNKNOWN", "INTERRUPTED", [""])


@LENGTHS
def test_a_click_is_published_although_the_table_does_not_take_that_it_was(lasts):
    played = Played(answers=SEEN_AT_40, outages=(Outage("dynamodb", 40_430, lasts),))

    assert len(played.events) == 1
    assert (played.executions, played.published_after >= lasts / 1000) == ([""], True)


@LENGTHS
def test_a_verification_whose_execution_could_not_be_started_is_started_after_the_outage(lasts):
    played = Played(outages=(Outage("states", 0, lasts),))

    assert (played.outcome, played.reason, played.executions) == ("UNKNOWN", "INTERRUPTED", [""])
    assert played.published_after < lasts / 1000 + 61


def test_an_event_outlasts_a_day_of_an_unavailable_table_in_its_queue():
    played = Played(starts=(("EVENT", 0),), outages=(Outage("dynamodb", 0, 25 * HOURS),))

    assert (played.outcome, played.reason) == ("UNKNOWN", "INTERRUPTED")
    assert played.published_after < 25 * 3600 + 600


def test_checks_that_fail_with_lambda_cost_only_themselves():
    played = Played(outages=(Outage("lambda", 55_000, 125_000),))

    assert (played.outcome, played.counted) == ("EXPIRED", 30)
    assert played.checks == [*SCHEDULE[:5], *SCHEDULE[12:]]


def test_a_cancel_is_published_after_an_outage_of_the_bus():
    played = Played(cancelled_at=(44_000,), outages=(Outage("events", 40_000, 30 * MINUTES),))

    assert (played.outcome, played.executions) == ("CANCELLED", ["", "-cancel"])
