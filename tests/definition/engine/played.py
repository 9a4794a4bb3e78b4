"""A scenario that was played, as tests ask about it."""

from typing import Any

from tests.definition.engine.account import Account
from tests.definition.engine.invariants import broken, detail_of
from tests.definition.engine.scenario import ID, Scenario
from tests.definition.engine.world import World

CLICKED, PENDING = "clicked", "pending"
#: When checks are due with the parameters' defaults, in seconds after linkSentAt.
SCHEDULE = [*range(10, 291, 10), 298]


def play(scenario: Scenario) -> Account:
    """Plays a scenario. Raises AssertionError with the guarantees that it broke, how to replay it and its timeline."""
    account = World(scenario).play()
    if found := broken(account):
        raise AssertionError("\n".join([*found, "", f"replay {str(scenario)!r}", "", *account.timeline[:400]]))
    return account


class Played:
    """A scenario, given by its fields, and what happened in it. Raises AssertionError where it broke a guarantee."""

    def __init__(self, **fields: Any) -> None:
        self.scenario = Scenario(**{"sent_at": 0, **fields})
        self.account = play(self.scenario)
        self.item = self.account.table.items[ID]
        #: None without one. counted: the checks that led to the outcome.
        self.outcome, self.reason, self.counted = (detail_of(self.item)[it] for it in ("outcome", "reason", "checks"))
        #: The executions' names without the verificationId, in the order of their starts.
        self.executions = [name.removeprefix(ID) for name in self.account.executions]
        self.first = next(iter(self.account.executions.values()))
        #: The details of the outcome events, in order.
        self.events = [entry["Detail"] for _, entry in self.account.events]
        #: When Signzy was asked: whole seconds after linkSentAt's.
        self.checks = [it.at // 1000 - self.scenario.link_sent_at // 1000 for it in self.account.requests]
        #: Seconds after linkSentAt; published_after: None where the outcome is not published.
        self.settled_after, self.published_after = self._written("outcome"), self._written("publishedAt")

    def like(self, expected: dict[str, Any]) -> dict[str, Any]:
        """Those of its fields that are expected."""
        return {name: vars(self)[name] for name in expected}

    def _written(self, attribute: str) -> Any:
        at = next((version.at for version in self.account.versions if attribute in version.item), None)
        return (at - self.scenario.link_sent_at) / 1000 if at else None
