"""Outages: the states around the table and the bus retry until they end, and what a check was answered survives them."""

import pytest

from tests.definition.engine.played import CLICKED, PENDING, SCHEDULE, Played
from tests.definition.engine.scenario import Outage

MINUTES, HOURS = 60_000, 3_600_000
CLICKED_AT_33 = ((0, PENDING), (33_000, CLICKED))
#: Most of a day's 1,500 sweeps would find the same: these begin ten minutes before the end of the outage.
DAY = {"first_sweep_at": 25 * HOURS - 10 * MINUTES}


@pytest.mark.parametrize("service", ["dynamodb", "events"])
@pytest.mark.parametrize(
    ("lasts", "fields"),
    [
        pytest.param(30 * MINUTES, {}, id="30 minutes, longest pauses"),
        pytest.param(25 * HOURS, {"jitter": (0.7, 0.2, 0.9, 0.5), **DAY}, id="25 hours, random pauses"),
    ],
)
def test_a_click_is_published_within_ten_minutes_of_the_end_of_an_outage(service, lasts, fields):
    played = Played(answers=CLICKED_AT_33, outages=(Outage(service, 35_000, lasts),), **fields)

    assert (played.outcome, played.counted, played.executions) == ("LINK_CLICKED", 4, [""])
    assert lasts / 1000 <= played.published_after < lasts / 1000 + 600


def test_an_execution_that_cannot_read_its_item_until_the_deadline_was_interrupted():
    played = Played(outages=(Outage("dynamodb", 60, 30 * MINUTES),))

    assert (played.outcome, played.reason, played.executions) == ("UNKNOWN", "INTERRUPTED", [""])


def test_a_click_is_published_although_it_cannot_be_marked():
    played = Played(answers=CLICKED_AT_33, outages=(Outage("dynamodb", 40_450, 30 * MINUTES),))

    assert len(played.events) == 1
    assert (played.executions, played.published_after >= 30 * 60) == ([""], True)


def test_an_execution_that_could_not_be_started_is_started_after_the_outage():
    played = Played(outages=(Outage("states", 0, 25 * HOURS),), **DAY)

    assert (played.outcome, played.reason, played.executions) == ("UNKNOWN", "INTERRUPTED", [""])
    assert played.published_after < 25 * 3600 + 61


def test_an_event_waits_in_its_queue_for_more_than_a_day_of_an_unavailable_table():
    played = Played(starts=(("EVENT", 0),), outages=(Outage("dynamodb", 0, 25 * HOURS),), **DAY)

    assert (played.outcome, played.reason) == ("UNKNOWN", "INTERRUPTED")
    assert played.published_after < 25 * 3600 + 600


def test_an_outage_of_lambda_costs_only_its_checks():
    played = Played(outages=(Outage("lambda", 55_000, 125_000),))

    assert (played.outcome, played.counted) == ("EXPIRED", 30)
    assert played.checks == [*SCHEDULE[:5], *SCHEDULE[12:]]


def test_a_cancel_is_published_after_an_outage_of_the_bus():
    played = Played(cancelled_at=(44_000,), outages=(Outage("events", 40_000, 30 * MINUTES),))

    assert (played.outcome, played.executions) == ("CANCELLED", ["", "-cancel"])
