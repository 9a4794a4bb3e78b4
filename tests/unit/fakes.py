"""A table and executions in memory, which record the calls made to them."""

from datetime import datetime
from itertools import batched

from linkwatch.aws_errors import AwsUnavailable
from linkwatch.executions import Executions
from linkwatch.table import Table

ID = f"{'a' * 24}-{'b' * 24}"
#: The end of an execution that is running.
RUNNING = None
#: The length of a page of a list.
PAGE = 20


class FakeExecutions(Executions):
    """known: when each ended, or RUNNING. refused: the calls that fail. started: the names, in order."""

    def __init__(self, **known: datetime | None) -> None:
        self.known = dict(known)
        self.listed: set[str] | None = None
        self.refused: set[str] = set()
        self.started: list[str] = []
        self.lists_failed = True
        self.failed_since: datetime | None = None

    def _called(self, call: str) -> None:
        if call in self.refused:
            raise AwsUnavailable(f"{call}: ThrottlingException")

    def start(self, name, verification_id):
        self._called("StartExecution")
        assert name.startswith(verification_id)
        self.started.append(name)
        return self.known.setdefault(name, RUNNING) is RUNNING

    def ended_at(self, name):
        self._called("DescribeExecution")
        return self.known[name]

    def failed_pages(self, since):
        self._called("ListExecutions")
        self.failed_since = since
        yield [(name, ended_at) for name, ended_at in self.known.items() if ended_at] if self.lists_failed else []

    def running_pages(self):
        self._called("ListExecutions")
        running = [name for name, ended_at in self.known.items() if ended_at is RUNNING]
        yield from batched(running if self.listed is None else self.listed, PAGE, strict=False)


class FakeTable(Table):
    """items: by verificationId."""

    def __init__(self, *items: dict) -> None:
        self.items = {item["verificationId"]: item for item in items}

    def find(self, verification_id):
        return self.items.get(verification_id)

    def name_next(self, verification_id, failed, changes):
        item = self.items[verification_id]
        if item["executionName"] != failed or "publishedAt" in item:
            return False
        self.items[verification_id] = item | changes
        return True

    def open_pages(self):
        yield from batched([it for it in self.items.values() if "openVerifications" in it], PAGE, strict=False)
