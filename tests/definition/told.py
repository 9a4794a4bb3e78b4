"""A history that was told, for tests that ask what became of it."""

from tests.definition.history import History
from tests.definition.invariants import broken
from tests.definition.recovery import ID, World

CLICKED, PENDING = "clicked", "pending"
#: When checks are due with the parameters' defaults, in seconds after linkSentAt.
GRID = [*range(10, 291, 10), 298]


class Told:
    """What became of a history; that it kept the promise is checked on the way."""

    def __init__(self, **drawn: object) -> None:
        self.history = History(**{"sent_at": 0, "check": 300, **drawn})  # pyright: ignore[reportArgumentType]
        world = World(self.history)
        self.account = world.play()
        assert broken(world) == []
        item = self.account.table.items[ID]
        self.outcome, self.reason = item["outcome"]["S"], item["reason"].get("S")
        self.counted = int(item["checks"]["N"])
        self.executions = [name.removeprefix(ID) for name in self.account.executions]
        self.first = next(iter(self.account.executions.values()))

    @property
    def checks(self) -> list[int]:
        """When Signzy was asked: whole seconds after linkSentAt's."""
        return [(check.at - self.history.link_sent_at // 1000 * 1000) // 1000 for check in self.account.vendor_checks]

    @property
    def settled_after(self) -> float:
        at = next(at for at, _, item in self.account.versions if "outcome" in item)
        return (at - self.history.link_sent_at) / 1000
