"""What happens around the executions of a history: the door, cancels, status-change events and sweeps, with the service's own
`verifications` on an account in memory.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from linkwatch import verifications
from linkwatch.executions import Execution as Described
from linkwatch.executions import Executions
from linkwatch.model import AwsUnavailable, Ids, Start
from linkwatch.table import Item, Table
from linkwatch.verifications import Resumed
from tests.definition.execution import Execution
from tests.definition.history import History
from tests.definition.small_aws import Account
from tests.definition.virtual_time import Thread

IDS = Ids("A" * 24, "b" * 24)
ID = IDS.verification_id
#: Far beyond every deadline and all five takeovers; a history that is not over by then hangs.
LATEST_MILLIS = 24 * 3600 * 1000
#: How often Lambda calls a function with an event, a minute and then two apart.
_ASYNCHRONOUS_TRIES = 3

#: Without the stubs' types for attributes, which are no dicts to pyright.
_PLAIN: Callable[[Any], Any] = TypeDeserializer().deserialize
_TYPED: Callable[[Any], Any] = TypeSerializer().serialize


class _Caller:
    """A function that runs: each of its calls of AWS takes a while, and may not be answered."""

    def __init__(self, world: "World", body: Callable[[Executions, Table], object], tries: int) -> None:
        self._world = world
        self.thread = Thread(world.account.time, lambda: self._run(body, tries))

    def _run(self, body: Callable[[Executions, Table], object], tries: int) -> None:
        for retried in range(tries):
            try:
                body(_Executions(self), _Table(self))
                return
            except AwsUnavailable:
                self._world.account.note("function", "AWS was unavailable")
                self.thread.wait_until(self._world.account.time.now + (retried + 1) * 60_000)

    def account(self) -> Account:
        """The account, after the time it takes to call it."""
        account = self._world.account
        nth = next(self._world.calls)
        self.thread.wait_until(account.time.now + account.history.call)
        if nth in account.history.unavailable:
            raise AwsUnavailable("drawn")
        return account


class _Executions(Executions):
    def __init__(self, caller: _Caller) -> None:
        self._caller = caller

    def start(self, name: str, execution_input: dict[str, Any]) -> bool:
        account = self._caller.account()
        if name in account.executions:
            return False
        execution = account.executions[name] = Execution(account, name, execution_input)
        account.note(name, f"started, predecessor {execution_input['predecessor']}")
        account.time.at(account.time.now + account.history.starts_after, execution.start)
        return True

    def find(self, name: str) -> Described | None:
        execution = self._caller.account().executions.get(name)
        return described(execution) if execution and execution.status != "DELETED" else None

    def running(self) -> Iterator[str]:
        executions = self._caller.account().executions.values()
        return (execution.name for execution in executions if execution.status == "RUNNING")


class _Table(Table):
    def __init__(self, caller: _Caller) -> None:
        self._caller = caller

    def find(self, verification_id: str) -> Item | None:
        item = self._caller.account().table.items.get(verification_id)
        return {name: _PLAIN(value) for name, value in item.items()} if item else None

    def add(self, item: Item) -> None:
        account = self._caller.account()
        if item["verificationId"] not in account.table.items:
            account.table.items[item["verificationId"]] = {name: _TYPED(value) for name, value in item.items()}
            account.wrote("door", account.table.items[item["verificationId"]])

    def open(self) -> Iterator[Item]:
        account = self._caller.account()
        seen = [item for at, _, item in account.versions if at <= account.time.now - account.history.index_lag]
        open_items = [item for item in seen[-1:] if "openVerifications" in item]
        return ({name: _PLAIN(value) for name, value in item.items()} for item in open_items)


def described(execution: Execution) -> Described:
    output = execution.output if execution.status == "SUCCEEDED" else {}
    return Described(execution.name, is_running=execution.status == "RUNNING", input=execution.input, output=output)


class World:
    """Plays a history to its end; what became of it is then in account."""

    def __init__(self, history: History) -> None:
        self.account = Account(history, self._tell_of_end)
        self.calls = count()
        self.was_accepted = self.was_given_up = False
        self._ended = 0
        self._callers: list[_Caller] = []

    def play(self) -> Account:
        account, history = self.account, self.account.history
        for at in (history.started_at, *history.started_again_at):
            self._call_at(max(history.link_sent_at + at, account.time.now), self._start)
        for at in history.cancelled_at:
            self._call_at(history.link_sent_at + at, lambda *aws: verifications.cancel(ID, "request", *aws))
        for at in history.false_alarms_at:
            account.time.at(history.link_sent_at + at, self._raise_false_alarm)
        account.time.at(account.time.now + history.first_sweep_at, self._sweep)
        account.time.run(until=lambda: False, latest=account.time.now + LATEST_MILLIS)
        threads = [it.thread for it in (*account.executions.values(), *self._callers)]
        account.bugs += [repr(thread.failure) for thread in threads if thread.failure]
        return account

    def _call_at(self, moment: int, body: Callable[[Executions, Table], object], tries: int = 1) -> None:
        caller = _Caller(self, body, tries)
        self._callers.append(caller)
        self.account.time.at(moment, caller.thread.start)

    def _start(self, executions: Executions, table: Table) -> None:
        history, sent_at = self.account.history, datetime.fromtimestamp(self.account.history.link_sent_at / 1000, UTC)
        taken_at = datetime.fromtimestamp(self.account.time.now / 1000, UTC)
        start = Start(IDS, sent_at, None, "API", f"request-{self.account.time.now}", taken_at)
        verifications.start(start, history.window_seconds, executions, table)
        self.was_accepted = True

    def _tell_of_end(self, execution: Execution) -> None:
        if execution.status in {"SUCCEEDED", "DELETED"}:
            return
        delays = self.account.history.events_after
        delay = delays[self._ended % len(delays)]
        self._ended += 1
        if delay is not None:
            at = self.account.time.now + delay
            self._call_at(at, lambda *aws: self._resume(described(execution), *aws), tries=_ASYNCHRONOUS_TRIES)

    def _raise_false_alarm(self) -> None:
        owner = self.account.executions.get(self.account.owner() or "")
        if owner and owner.status == "RUNNING":
            self.account.note("function", f"is told that {owner.name[-12:]} has stopped")
            said = Described(owner.name, is_running=False, input=owner.input, output={})
            self._call_at(self.account.time.now, lambda *aws: self._resume(said, *aws))

    def _resume(self, stopped: Described | None, executions: Executions, table: Table) -> None:
        resumed = verifications.resume(ID, stopped, "event", executions, table)
        self.account.note("function", f"recovery: {resumed.value}")
        self.was_given_up |= resumed is Resumed.GIVEN_UP

    def _sweep(self) -> None:
        def sweep(executions: Executions, table: Table) -> None:
            running = set(executions.running())
            for item in table.open():
                if item["executionName"] not in running:
                    self._resume(None, executions, table)

        if not self._is_over():
            self._call_at(self.account.time.now, sweep)
            self.account.time.at(self.account.time.now + 60_000, self._sweep)

    def _is_over(self) -> bool:
        """Whether no sweep could find anything to do any more."""
        if any(not caller.thread.is_over for caller in self._callers):
            return False
        if any(execution.status == "RUNNING" for execution in self.account.executions.values()):
            return False
        item = self.account.table.items.get(ID, {})
        return "publishedAt" in item or self.was_given_up or not self.account.executions
