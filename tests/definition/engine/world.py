"""Plays a scenario: starts at both entry points, cancels, status events and sweeps, each through its deployed handler. Checks
afterwards what must be true after every scenario.
"""

import json
import random
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from unittest import mock

from botocore.retries.quota import RetryQuota

from linkwatch import recovery
from tests import sample_events
from tests.definition.engine import boto3_session
from tests.definition.engine.account import Account
from tests.definition.engine.definition import RESOURCES, arn_of
from tests.definition.engine.execution import Execution
from tests.definition.engine.functions import call_function, seconds_of
from tests.definition.engine.invariants import broken, detail_of
from tests.definition.engine.scenario import ID, IDS, STATUS_EVENT, TWICE, Scenario
from tests.definition.engine.virtual_time import Ended, Thread

CLICKED, PENDING = "clicked", "pending"
#: When checks are due with the parameters' defaults, in seconds after linkSentAt.
SCHEDULE = [*range(10, 291, 10), 298]

#: Far beyond a day of outage and what follows it.
LATEST_MILLIS = 72 * 3600 * 1000
_SWEEP_MILLIS = 60_000
_QUEUE = RESOURCES["InstantLinkSentQueue"]["Properties"]

_FUNCTIONS = {"API start": "VerificationsApi", "cancel": "VerificationsApi", "EVENT start": "InstantLinkSent"}
#: What a function raises where AWS did not let it finish. Everything else that it raises is a defect.
_FAILURES = {"AwsUnavailable", "SweepIncomplete"}

Event = dict[str, Any]

_POST = sample_events.event("verifications-api-post")
_DELETE = sample_events.event("verifications-api-delete")
_RECORD = sample_events.event("instant-link-sent")["Records"][0]
_STATUS_CHANGE = sample_events.event("recover-unfinished-aborted")
_SWEEP = sample_events.event("recover-unfinished-sweep")


class World:
    """Plays a scenario to its end; what happened is then in account."""

    def __init__(self, scenario: Scenario) -> None:
        self.account = Account(scenario)
        self.account.on_end = self._send_status_event
        self.account.on_visible = self._receive
        #: Start events as the queue's messages, by name.
        self._messages: dict[str, Event] = {}
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
        at(account.time.now + scenario.first_sweep_at, self._sweep_again)
        boto3_session.connect(account)
        drawn = random.getstate()
        random.seed(1)  # botocore draws its pauses, and recovery an order
        try:
            with (
                redirect_stdout(StringIO()),  # the functions' log lines
                mock.patch.object(recovery, "WORKERS", 1),  # several would not run the same way every time
                mock.patch.object(RetryQuota, "acquire"),  # a client's quota of retries, which would outlast a scenario
            ):
                account.time.run(account.time.now + LATEST_MILLIS)
        finally:
            random.setstate(drawn)
        threads = [*self._threads, *(it.thread for it in account.executions.values())]
        account.bugs += [repr(thread.failure) for thread in threads if thread.failure]
        return account

    def _invoke(self, who: str, event: Event, on_answer: Callable[[Any], None] = lambda _: None) -> None:
        """Calls the function that does this, and then on_answer with its answer, unless it failed."""
        function, account = _FUNCTIONS.get(who, "RecoverUnfinished"), self.account
        if account.scenario.is_out("lambda", account.time.now):
            account.note(who, "is not invoked")
            return

        def run() -> None:
            try:
                on_answer(call_function(function, account, json.loads(json.dumps(event))))
            except Ended:
                account.note(who, "crashes")
            except Exception as error:
                if type(error).__name__ not in _FAILURES:  # the class is one of each loaded module's own
                    raise
                account.note(who, f"fails: {error}")

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
        self._invoke("API start", event, lambda answer: self._note_answer("API start", answer))

    def _cancel(self) -> None:
        event = {**_DELETE, "path": f"/verifications/{ID}", "pathParameters": {"verificationId": ID}}
        self._invoke("cancel", event, lambda answer: self._note_answer("cancel", answer))

    def _note_answer(self, who: str, answer: Event) -> None:
        status, body = answer["statusCode"], json.loads(answer["body"])
        self.account.note(who, f"is answered {status} {body.get('outcome')}")
        if status not in {200, 202, 404, 409, 503}:
            self.account.bugs.append(f"{who} was answered {status} {body}")
        if "verificationId" in body:
            self.account.answers.append((self.account.time.now, who, body))

    def _send_event(self, nth: int) -> None:
        time = datetime.fromtimestamp(self.account.time.now // 1000, UTC).isoformat().replace("+00:00", "Z")
        sent = {**sample_events.link_sent(), "id": f"start-{nth}", "time": time, "detail": self._start()}
        name = f"message-{nth}"
        counted = {"SentTimestamp": str(self.account.time.now), "ApproximateReceiveCount": "0"}
        record = {**_RECORD, "messageId": name, "receiptHandle": name, "body": json.dumps(sent)}
        self._messages[name] = {**record, "attributes": {**_RECORD["attributes"], **counted}}
        self.account.hide(name, 0)

    def _receive(self, name: str) -> None:
        """Lambda receives a message that is visible, and deletes it when it has been handled."""
        account, attributes = self.account, self._messages[name]["attributes"]
        if account.visible_at.get(name) != account.time.now:
            return  # deleted, or hidden for longer
        receives = int(attributes["ApproximateReceiveCount"]) + 1
        if receives > _QUEUE["RedrivePolicy"]["maxReceiveCount"]:
            account.bugs.append("an event went to the dead letters")
            del account.visible_at[name]
            return
        attributes["ApproximateReceiveCount"] = str(receives)
        account.hide(name, _QUEUE["VisibilityTimeout"])

        def delete_handled(answer: Event) -> None:
            if not answer["batchItemFailures"]:
                account.visible_at.pop(name, None)

        self._invoke("EVENT start", {"Records": [self._messages[name]]}, delete_handled)

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

    def _recover(self, name: str, status: str) -> None:
        arn = f"{arn_of('LinkWatch', kind='execution')}:{name}"
        named = {"executionArn": arn, "stateMachineArn": arn_of("LinkWatch"), "name": name, "status": status}
        detail = {**_STATUS_CHANGE["detail"], **named, "input": json.dumps({"verificationId": ID})}
        # EventInvokeConfig in the template: Lambda does not try it again.
        self._invoke(STATUS_EVENT, {**_STATUS_CHANGE, "resources": [arn], "detail": detail})

    def _sweep_again(self) -> None:
        if not self._is_over():
            for _ in range(self.account.scenario.sweeps_at_once):
                self._invoke("sweep", _SWEEP, lambda counts: self.account.note("sweep", str(counts)))
            self.account.time.at(self.account.time.now + _SWEEP_MILLIS, self._sweep_again)

    def _is_over(self) -> bool:
        """Whether no later sweep could find anything to do."""
        if any(not thread.is_over for thread in self._threads) or self.account.visible_at:
            return False
        if any(execution.status == "RUNNING" for execution in self.account.executions.values()):
            return False
        item = self.account.item
        return item is None or "publishedAt" in item or item["takeovers"] == {"N": str(recovery.TAKEOVERS)}


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
