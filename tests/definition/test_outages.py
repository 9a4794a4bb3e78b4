"""Outages: the states around the table and the bus retry until they end, and what a check was answered survives them."""

import pytest

from tests.definition.engine.scenario import Outage
from tests.definition.engine.world import CLICKED, PENDING, SCHEDULE, Played

MINUTES, HOURS = 60_000, 3_600_000
CLICKED_AT_33 = ((0, PENDING), (33_000, CLICKED))
#: Most of a day's 1,500 sweeps would find the same: these begin ten minutes before the end of the outage.
DAY = {"first_sweep_at": 25 * HOURS - 10 * MINUTES}


@pytest.mark.parametrize("service", ["dynamodb", "events"])
def test_a_click_is_published_within_ten_minutes_of_the_end_of_an_outage_of_a_day(service):
    outage = Outage(service, 35_000, 25 * HOURS)

    played = Played(answers=CLICKED_AT_33, outages=(outage,), jitter=(0.7, 0.2, 0.9, 0.5), **DAY)

    assert (played.outcome, played.counted, played.executions) == ("LINK_CLICKED", 4, [""])
    assert 25 * 3600 <= played.published_after < 25 * 3600 + 600


def test_a_click_is_published_although_it_cannot_be_marked():
    played = Played(answers=CLICKED_AT_33, outages=(Outage("dynamodb", 40_450, 30 * MINUTES),))

    assert len(played.events) == 1
    assert (played.executions, played.published_after >= 30 * 60) == ([""], True)


#: What happens: fields of the scenario; how long after the outage the outcome is published, in seconds.
NEVER_CHECKED = {
    "an execution cannot read its item": ({"outages": (Outage("dynamodb", 60, 25 * HOURS),)}, 600),
    "an execution cannot be started": ({"outages": (Outage("states", 0, 25 * HOURS),)}, 61),
    "an event waits in its queue": ({"starts": (("EVENT", 0),), "outages": (Outage("dynamodb", 0, 25 * HOURS),)}, 600),
}


@pytest.mark.parametrize(("fields", "after"), NEVER_CHECKED.values(), ids=NEVER_CHECKED)
def test_a_verification_without_a_check_before_the_deadline_was_interrupted(fields, after):
    played = Played(**fields, **DAY)

    assert (played.outcome, played.reason, played.executions) == ("UNKNOWN", "INTERRUPTED", [""])
    assert played.published_after < 25 * 3600 + after


def test_an_outage_of_lambda_costs_only_its_checks():
    played = Played(outages=(Outage("lambda", 55_000, 125_000),))

    assert (played.outcome, played.counted) == ("EXPIRED", 30)
    assert played.checks == [*SCHEDULE[:5], *SCHEDULE[12:]]
