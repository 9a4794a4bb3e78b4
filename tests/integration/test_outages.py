"""Outages of half an hour, sat out by the execution that they hit: done within 10 minutes of their end, by itself (G1, G4)."""

from datetime import datetime, timedelta

import pytest

from tests.integration.conftest import OUTAGE_SECONDS, OUTAGES, assert_finished_once

HEALING = timedelta(minutes=10)


@pytest.mark.parametrize("what", OUTAGES)
def test_half_an_hour_without_it_costs_half_an_hour_and_no_answer(what, stack, outages):
    link = outages[what]
    stack.await_published(link.verification_id, (OUTAGE_SECONDS + HEALING.total_seconds()) / stack.clock.speed)

    item = assert_finished_once(link, "LINK_CLICKED")

    over = datetime.fromisoformat(item["startedAt"]) + timedelta(seconds=OUTAGE_SECONDS)
    assert over - timedelta(seconds=5) < datetime.fromisoformat(item["publishedAt"]) < over + HEALING
    assert (item["executionName"], item["takeovers"]) == (link.verification_id, 0)
    assert len(link.checks_at()) == item["checks"] == 1
