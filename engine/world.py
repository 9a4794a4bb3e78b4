"""What happens around the executions of a scenario: starts at both entry points, cancels, status events and sweeps, with the
service's own verifications, recovery, Table and Executions on an account in memory.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from engine.account import Account
from engine.clients import Caller, DynamoDB, StepFunctions
from engine.definition import RESOURCES
from engine.execution import Execution
from engine.interpreter import STATE_MACHINE_ARN
from engine.record import ID, IDS
from engine.scenario import STATUS_EVENT, TWICE, EntryPoint, Scenario
from engine.virtual_time import Ended, Thread
from linkwatch import recovery, verifications
from linkwatch.aws_errors import AwsUnavailable
from linkwatch.executions import Executions
from linkwatch.model import Start
from linkwatch.recovery import Recovered
from linkwatch.table import Table

#: Far beyond a day of outage and what follows it; a scenario that is not over by then hangs.
LATEST_MILLIS = 72 * 3600 * 1000
_SWEEP_MILLIS = 60_000
#: How long a sweep goes on: its function's time without the reserve.
_SWEEP_LASTS_MILLIS = 40_000
_QUEUE = RESOURCES["InstantLinkSentQueue"]["Properties"]
#: When a function is tried again that has failed, in milliseconds: a message of the queue, an asynchronous call of Lambda
#: (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
_IN_QUEUE = (_QUEUE["VisibilityTimeout"] * 1000,) * (_QUEUE["RedrivePolicy"]["maxReceiveCount"] - 1)
_ASYNCHRONOUS = (60_000, 120_000)

_Body = Callable[[Executions, Table], None]


class _Function:
    """A call of a function, and the calls after it where it fails."""

    def __init__(self, world: "World", who: str, body: _Body, again_after: tuple[int, ...]) -> None:
        self._world, self._who, self._body, self._again_after = world, who, body, again_after
        self.thread = Thread(world.account.time, self._run)

    def _run(self) -> None:
        account = self._world.account
        if account.scenario.is_out("lambda", account.time.now) or not self._succeeds(account):
            account.note(self._who, "failed")
            if self._again_after:
                first, *others = self._again_after
                self._world.call_at(account.time.now + first, self._who, self._body, tuple(others))

    def _succeeds(self, account: Account) -> bool:
        caller = Caller(account, self._who, self.thread)
        # As much of boto3's clients as the two use.
        step_functions, dynamodb = cast("Any", StepFunctions(caller)), cast("Any", DynamoDB(caller))
        try:
            self._body(Executions(step_functions, STATE_MACHINE_ARN), Table(dynamodb, "Verifications"))
        except (AwsUnavailable, Ended):
            return False
        return True


class World:
    """Plays a scenario to its end; what became of it is then in account."""

    def __init__(self, scenario: Scenario) -> None:
        self.account = Account(scenario, self._tell_of_end)
        self._ended = 0
        self._functions: list[_Function] = []

    def play(self) -> Account:
        account, scenario = self.account, self.account.scenario
        sent_at = scenario.link_sent_at
        for nth, (entry_point, at) in enumerate(scenario.starts):
            again_after = _IN_QUEUE if entry_point == "EVENT" else ()
            self.call_at(sent_at + at, f"{entry_point} start", self._start(entry_point, nth, sent_at + at), again_after)
        for at in scenario.cancelled_at:
            self.call_at(sent_at + at, "cancel", self._cancel)
        for at in scenario.false_events_at:
            account.time.at(sent_at + at, self._tell_falsely)
        for at in scenario.rearmed_at:
            self.call_at(sent_at + at, "rearm", lambda *aws: self._sweep(*aws, rearm=True))
        account.time.at(account.time.now + scenario.first_sweep_at, self._sweep_again)
        account.time.run(until=lambda: False, latest=account.time.now + LATEST_MILLIS)
        threads = [it.thread for it in (*account.executions.values(), *self._functions)]
        account.record.bugs += [repr(thread.failure) for thread in threads if thread.failure]
        return account

    def call_at(self, moment: int, who: str, body: _Body, again_after: tuple[int, ...] = ()) -> None:
        function = _Function(self, who, body, again_after)
        self._functions.append(function)
        self.account.time.at(moment, function.thread.start)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.account.time.now / 1000, UTC)

    # ── What is called ────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, entry_point: EntryPoint, nth: int, taken_at: int) -> _Body:
        scenario = self.account.scenario
        sent, taken = (datetime.fromtimestamp(millis / 1000, UTC) for millis in (scenario.link_sent_at, taken_at))
        start = Start(IDS, sent, "application-4711", entry_point, f"start-{nth}", taken)

        def body(executions: Executions, table: Table) -> None:
            started = verifications.start(start, scenario.window_seconds, executions, table)
            self._answer(f"{entry_point} start", started.verification)

        return body

    def _cancel(self, executions: Executions, table: Table) -> None:
        verification = verifications.cancel(ID, self._now(), executions, table)
        if verification:
            self._answer("cancel", verification)

    def _answer(self, who: str, verification: verifications.Verification) -> None:
        self.account.record.answers.append((self.account.time.now, who, verification))
        self.account.note(who, f"is answered {verification['status']} {verification['outcome']}")

    def _recover(self, name: str) -> _Body:
        def body(executions: Executions, table: Table) -> None:
            recovered = recovery.recover_named(name, self._now(), executions, table)
            self.account.note(STATUS_EVENT, recovered.value)

        return body

    def _sweep(self, executions: Executions, table: Table, *, rearm: bool = False) -> None:
        ends_at = self.account.time.now + _SWEEP_LASTS_MILLIS
        swept = recovery.sweep(
            self._now(),
            lambda: self.account.time.now < ends_at,
            executions,
            table,
            rearm=rearm,
            described=0 if self.account.scenario.sweeps_list_the_dead else recovery.DESCRIBED,
        )
        for recovered in swept.recovered.values():
            self.account.note("rearm" if rearm else "sweep", recovered.value)
            self.account.record.was_exhausted = recovered is Recovered.EXHAUSTED

    # ── When it is called ─────────────────────────────────────────────────────────────────────────────────────────────

    def _tell_of_end(self, execution: Execution) -> None:
        if execution.status == "SUCCEEDED":
            return
        fault = self.account.fault_at(STATUS_EVENT)
        delays = self.account.scenario.events_after
        delay = delays[self._ended % len(delays)]
        self._ended += 1
        self.account.trouble(self.account.time.now + (delay or 0))
        if delay is None or (fault and not fault.takes_effect):
            self.account.note(STATUS_EVENT, "is lost")
            return
        for _ in range(2 if fault and fault.error == TWICE else 1):
            self.call_at(self.account.time.now + delay, STATUS_EVENT, self._recover(execution.name), _ASYNCHRONOUS)

    def _tell_falsely(self) -> None:
        item = self.account.item
        if item:
            name = item["executionName"]["S"]
            self.call_at(self.account.time.now, STATUS_EVENT, self._recover(name), _ASYNCHRONOUS)

    def _sweep_again(self) -> None:
        if not self._is_over():
            for _ in range(self.account.scenario.sweeps_at_once):
                self.call_at(self.account.time.now, "sweep", self._sweep)
            self.account.time.at(self.account.time.now + _SWEEP_MILLIS, self._sweep_again)

    def _is_over(self) -> bool:
        """Whether no sweep could find anything to do any more."""
        if any(not function.thread.is_over for function in self._functions):
            return False
        if any(execution.status == "RUNNING" for execution in self.account.executions.values()):
            return False
        item = self.account.item
        return item is None or "publishedAt" in item or self.account.record.was_exhausted
