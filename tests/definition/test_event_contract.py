"""What the state machine publishes keeps the schema of the outcome event, whatever the outcome."""

import pytest

from contracts.shapes import Outcome, Settled
from tests.definition.engine import CLICKED, PENDING, Played
from tests.unit.test_contracts import complaints

SCENARIOS = {
    Outcome.LINK_CLICKED: {"answers": ((0, PENDING), (42_000, CLICKED))},
    Outcome.EXPIRED: {},
    Outcome.UNKNOWN: {"answers": ((0, "UPSTREAM_DOWN"),)},
    Outcome.REJECTED: {"answers": ((0, "unknown-ids"),)},
    Outcome.CANCELLED: {"cancelled_at": (30_000,)},
}


@pytest.mark.parametrize("outcome", Outcome)
def test_the_event_of_every_outcome_keeps_its_schema(outcome):
    played = Played(**SCENARIOS[outcome])

    assert [detail["outcome"] for detail in played.events] == [outcome]
    for detail in played.events:
        event = {"source": "linkwatch", "detail-type": "VerificationSettled", "id": "1", "time": "2026-11-23T10:05:00Z"}
        assert complaints("verification-settled", event | {"detail": detail}) == []
        assert set(detail) == set(Settled.model_fields)
