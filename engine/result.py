"""A scenario that was played, for whoever asks what became of it."""

from typing import Any

from engine.account import Account
from engine.invariants import broken
from engine.record import ID
from engine.scenario import Scenario
from engine.world import World

CLICKED, PENDING = "clicked", "pending"
#: When checks are due with the parameters' defaults, in seconds after linkSentAt.
SCHEDULE = [*range(10, 291, 10), 298]


def play(scenario: Scenario) -> Account:
    """Plays a scenario. Raises AssertionError with the guarantees that it broke, how to replay it and its timeline."""
    account = World(scenario).play()
    if found := broken(account):
        lines = [*found, "", f"replay {str(scenario)!r}", "", *account.record.timeline[:400]]
        raise AssertionError("\n".join(lines))
    return account


class Played:
    """What became of a scenario, which is given by its fields; that it kept the guarantees is checked on the way."""

    def __init__(self, **fields: Any) -> None:
        self.scenario = Scenario(**{"sent_at": 0, **fields})
        self.account = play(self.scenario)
        self.item = self.account.table.items[ID]
        #: outcome, reason: None without one. counted: the checks that led to the outcome, as the item has them.
        self.outcome: str | None = self.item.get("outcome", {}).get("S")
        self.reason: str | None = self.item.get("reason", {}).get("S")
        counted = self.item.get("checks", {}).get("N")
        self.counted = None if counted is None else int(counted)
        #: The executions' names without the verificationId, in the order of their starts.
        self.executions = [name.removeprefix(ID) for name in self.account.executions]
        self.first = next(iter(self.account.executions.values()))

    @property
    def events(self) -> list[dict[str, Any]]:
        """The details of the outcome events, in order."""
        return [detail for _, detail in self.account.record.events]

    @property
    def checks(self) -> list[int]:
        """When Signzy was asked: whole seconds after linkSentAt's."""
        sent_at = self.scenario.link_sent_at // 1000
        return [check.at // 1000 - sent_at for check in self.account.record.vendor_checks]

    @property
    def settled_after(self) -> float:
        """Seconds after linkSentAt."""
        return self._first_with("outcome")

    @property
    def published_after(self) -> float:
        """Seconds after linkSentAt."""
        return self._first_with("publishedAt")

    def _first_with(self, attribute: str) -> float:
        at = next(version.at for version in self.account.record.versions if attribute in version.item)
        return (at - self.scenario.link_sent_at) / 1000
