"""Outages of half an hour, sat out by the execution that they hit: done within 10 minutes of their end, by itself (G1, G4)."""

from datetime import datetime, timedelta

import pytest

from local.stack.stack import await_that
from tests.integration.conftest import OUTAGE_SECONDS, OUTAGES, assert_finished_once

#: Real seconds: the suite may get here early.
PATIENCE = 400
HEALING = timedelta(minutes=10)


@pytest.mark.parametrize("what", OUTAGES)
def test_half_an_hour_without_it_costs_half_an_hour_and_no_answer(what, stack, outages):
    link = outages[what]
    await_that(lambda: (stack.item(link.verification_id) or {}).get("publishedAt"), PATIENCE, "it is published")

    item = assert_finished_once(link, "LINK_CLICKED")

    over = datetime.fromisoformat(item["startedAt"]) + timedelta(seconds=OUTAGE_SECONDS)
    assert over - timedelta(seconds=5) < datetime.fromisoformat(item["publishedAt"]) < over + HEALING
    assert (item["executionName"], item["takeovers"]) == (link.verification_id, 0)
    assert len(link.checks_at()) == item["checks"] == 1
