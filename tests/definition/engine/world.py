"""Plays a scenario: starts at both entry points, cancels, status events and sweeps, each through its deployed handler."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from unittest import mock

from linkwatch import recovery
from tests import sample_events
from tests.definition.engine import boto3_session
from tests.definition.engine.account import ID, IDS, Account
from tests.definition.engine.aws import Aws
from tests.definition.engine.definition import arn_of
from tests.definition.engine.execution import Execution
from tests.definition.engine.functions import call_function, seconds_of, silence
from tests.definition.engine.queue import Queue
from tests.definition.engine.scenario import STATUS_EVENT, TWICE, Scenario
from tests.definition.engine.virtual_time import Ended, Thread

#: Far beyond a day of outage and what follows it.
LATEST_MILLIS = 72 * 3600 * 1000
_SWEEP_MILLIS = 60_000

#: What a function raises where AWS did not let it finish. Everything else that it raises is a defect.
_FAILURES = {"AwsUnavailable", "SweepIncomplete"}

Event = dict[str, Any]
_OnEnd = Callable[[Any], None]

_POST = sample_events.event("verifications-api-post")
_DELETE = sample_events.event("verifications-api-delete")
_STATUS_CHANGE = sample_events.event("recover-unfinished-aborted")
_SWEEP = sample_events.event("recover-unfinished-sweep")


class World:
    """Plays a scenario to its end; what happened is then in account."""

    def __init__(self, scenario: Scenario) -> None:
        self.account = Account(scenario)
        self.account.on_end = self._send_status_event
        self._queue = Queue(self.account, lambda event, on_end: self._invoke("EVENT start", event, on_end))
        self._ended = 0
        self._threads: list[Thread] = []

    def play(self) -> Account:
        account, scenario, at = self.account, self.account.scenario, self.account.time.at
        sent_at = scenario.link_sent_at
        for nth, (entry_point, after) in enumerate(scenario.starts):
            start = self._post if entry_point == "API" else self._send_event
            at(sent_at + after, lambda start=start, nth=nth: start(nth))
        for after in scenario.cancelled_at:
            at(sent_at + after, self._cancel)
        for after in scenario.false_events_at:
            at(sent_at + after, self._send_false_status_event)
        at(account.time.now + scenario.first_sweep_at, self._sweep_again)
        boto3_session.connect(account, Aws(account, self._queue).answer)
        drawn = random.getstate()
        random.seed(1)  # botocore draws its pauses, and recovery an order
        try:
            with silence(), mock.patch.object(recovery, "WORKERS", 1):  # several would not run the same way every time
                account.time.run(account.time.now + LATEST_MILLIS)
        finally:
            random.setstate(drawn)
        threads = [*self._threads, *(it.thread for it in account.executions.values())]
        account.bugs += [repr(thread.failure) for thread in threads if thread.failure]
        return account

    def _invoke(self, who: str, event: Event, on_end: _OnEnd) -> None:
        """Calls the function that does this, and then on_end with its answer, None where it failed."""
        functions = {"API start": "VerificationsApi", "cancel": "VerificationsApi", "EVENT start": "InstantLinkSent"}
        function, account = functions.get(who, "RecoverUnfinished"), self.account
        if account.scenario.is_out("lambda", account.time.now):
            account.note(who, "is not invoked")
            on_end(None)
            return

        def run() -> None:
            answer = None
            try:
                answer = call_function(function, account, json.loads(json.dumps(event)))
            except Ended:
                account.note(who, "crashes")
            except Exception as error:
                if type(error).__name__ not in _FAILURES:  # the class is one of each loaded module's own
                    raise
                account.note(who, f"fails: {error}")
            on_end(answer)

        def time_out() -> None:
            if not thread.is_over:
                account.bugs.append(f"{who} reached the function's time-out")
                thread.end()

        thread = Thread(account.time, run, who)
        self._threads.append(thread)
        account.time.at(account.time.now, thread.start)
        account.time.at(account.time.now + seconds_of(function) * 1000, time_out)

    # ── Entry points ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self) -> Event:
        """A start's fields."""
        scenario = self.account.scenario
        sent_at = datetime.fromtimestamp(scenario.link_sent_at / 1000, UTC).isoformat(timespec="milliseconds")
        start = {"requestId": IDS.request_id, "sessionId": IDS.session_id, "linkSentAt": sent_at}
        return start | ({"correlationId": scenario.correlation_id} if scenario.correlation_id else {})

    def _post(self, nth: int) -> None:
        taken = {"requestId": f"start-{nth}", "requestTimeEpoch": self.account.time.now}
        context = {**_POST["requestContext"], **taken}
        event = {**_POST, "requestContext": context, "body": json.dumps(self._start())}
        self._invoke("API start", event, lambda answer: self._note_answer("API start", answer, {200, 202, 503}))

    def _send_event(self, nth: int) -> None:
        time = datetime.fromtimestamp(self.account.time.now // 1000, UTC).isoformat().replace("+00:00", "Z")
        self._queue.send(
            nth, {**sample_events.link_sent(), "id": f"start-{nth}", "time": time, "detail": self._start()}
        )

    def _cancel(self) -> None:
        event = {**_DELETE, "path": f"/verifications/{ID}", "pathParameters": {"verificationId": ID}}
        self._invoke("cancel", event, lambda answer: self._note_answer("cancel", answer, {200, 404, 409, 503}))

    def _note_answer(self, who: str, answer: Event | None, expected: set[int]) -> None:
        if answer is None:
            return
        status, body = answer["statusCode"], json.loads(answer["body"])
        self.account.note(who, f"is answered {status} {body.get('outcome')}")
        if status not in expected:
            self.account.bugs.append(f"{who} was answered {status} {body}")
        if "verificationId" in body:
            self.account.answers.append((self.account.time.now, who, body))

    # ── Recovery ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _send_status_event(self, execution: Execution) -> None:
        if execution.status == "SUCCEEDED":
            return
        fault = self.account.fault_at(STATUS_EVENT)
        delays = self.account.scenario.events_after
        delay = delays[self._ended % len(delays)]
        self._ended += 1
        self.account.note_trouble(delay or 0)
        if delay is None or (fault and not fault.takes_effect):
            self.account.note(STATUS_EVENT, "is lost")
            return
        for _ in range(2 if fault and fault.error == TWICE else 1):
            at = self.account.time.now + delay
            self.account.time.at(at, lambda: self._recover(execution.name, execution.status))

    def _send_false_status_event(self) -> None:
        if self.account.item:
            self._recover(self.account.item["executionName"]["S"], "ABORTED")

    def _recover(self, name: str, status: str) -> None:
        arn = f"{arn_of('LinkWatch', kind='execution')}:{name}"
        named = {"executionArn": arn, "stateMachineArn": arn_of("LinkWatch"), "name": name, "status": status}
        detail = {**_STATUS_CHANGE["detail"], **named, "input": json.dumps({"verificationId": ID})}
        # EventInvokeConfig in the template: Lambda does not try it again.
        self._invoke(STATUS_EVENT, {**_STATUS_CHANGE, "resources": [arn], "detail": detail}, lambda _: None)

    def _sweep_again(self) -> None:
        def note(counts: Event | None) -> None:
            if counts:
                self.account.note("sweep", json.dumps({name: it for name, it in counts.items() if it}))

        if not self._is_over():
            for _ in range(self.account.scenario.sweeps_at_once):
                self._invoke("sweep", _SWEEP, note)
            self.account.time.at(self.account.time.now + _SWEEP_MILLIS, self._sweep_again)

    def _is_over(self) -> bool:
        """Whether no later sweep could find anything to do."""
        if any(not thread.is_over for thread in self._threads) or self._queue.messages:
            return False
        if any(execution.status == "RUNNING" for execution in self.account.executions.values()):
            return False
        item = self.account.item
        return item is None or "publishedAt" in item or item["takeovers"] == {"N": str(recovery.TAKEOVERS)}
