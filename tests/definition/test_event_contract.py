"""What the state machine publishes conforms to the schema of the outcome event, whatever the outcome."""

import pytest

from contracts.shapes import Outcome, Settled
from tests.definition.engine.world import CLICKED, PENDING, Played
from tests.schemas import complaints

SCENARIOS = {
    Outcome.LINK_CLICKED: {"answers": ((0, PENDING), (42_000, CLICKED))},
    Outcome.EXPIRED: {"correlation_id": None},
    Outcome.UNKNOWN: {"answers": ((0, "upstream-down"),)},
    Outcome.REJECTED: {"answers": ((0, "unknown-ids"),)},
    Outcome.CANCELLED: {"cancelled_at": (30_000,)},
}


@pytest.mark.parametrize("outcome", Outcome)
def test_the_event_of_every_outcome_conforms_to_its_schema(outcome):
    played = Played(**SCENARIOS[outcome])

    assert [detail["outcome"] for detail in played.events] == [outcome]
    for _, entry in played.account.events:
        event = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": entry["Detail"]}
        assert complaints("verification-settled", {**event, "id": "1", "time": "2026-11-23T10:05:00Z"}) == []
        assert set(entry["Detail"]) == set(Settled.model_fields)
