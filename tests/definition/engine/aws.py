"""What AWS answers the functions and the state machine, in virtual time: as much of each service as they use."""

import json
from typing import Any

from tests.definition.engine.account import Account, Call
from tests.definition.engine.definition import RESOURCES, STATE_MACHINE, arn_of, deployed
from tests.definition.engine.dynamodb import AwsError, Refused
from tests.definition.engine.execution import Execution
from tests.definition.engine.functions import check_link
from tests.definition.engine.scenario import CLOSE, CRASH, HANG, Fault
from tests.definition.engine.virtual_time import Ended, Thread

_NAMES = {name: deployed(value) for name, value in STATE_MACHINE["DefinitionSubstitutions"].items()}
_OPEN = next(
    index
    for index in RESOURCES["Verifications"]["Properties"]["GlobalSecondaryIndexes"]
    if index["IndexName"] == "openVerifications"
)
_OPEN_KEY = _OPEN["KeySchema"][0]["AttributeName"]
_PROJECTED = {"verificationId", _OPEN_KEY, *_OPEN["Projection"]["NonKeyAttributes"]}
_STATE_MACHINE_ARN, _EXECUTION_ARN = arn_of("LinkWatch"), arn_of("LinkWatch", kind="execution")
_QUEUE_URL = deployed({"Ref": "InstantLinkSentQueue"})
_OUTAGES = {
    "dynamodb": "InternalServerError",
    "events": "EventBridge.InternalException",
    "lambda": "Lambda.ServiceException",
    "states": "ServiceUnavailable",
    "sqs": "ServiceUnavailable",
}


class Aws:
    """Answers the calls of one scenario."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def answer(self, thread: Thread, call: Call, fault: Fault | None) -> dict[str, Any]:
        """One try of a call. Raises AwsError, TimeoutError, ConnectionError, Ended."""
        account, called_at = self._account, self._account.time.now
        if fault:
            hangs = call.patience if fault.error == HANG else 0
            account.note_trouble(fault.before_millis + max(fault.after_millis, 0) + hangs)
        if account.scenario.is_out(call.service, called_at):
            fault = Fault(call.operation, error=_OUTAGES[call.service], takes_effect=False)
        before, after = (fault.before_millis, max(fault.after_millis, 0)) if fault else call.latency
        answers: list[dict[str, Any] | AwsError] = []
        if not fault or fault.takes_effect:  # even when nobody waits for it any more
            account.time.at(called_at + before, lambda: answers.append(self._result(thread.who, call, called_at)))
        thread.wait(min(before + after, call.patience))
        error = fault.error if fault else None
        if error or not answers:
            account.note(thread.who, f"{call.operation}: {error or 'no answer'}")
        if error == CRASH:
            raise Ended
        if error == HANG:
            thread.wait(max(call.patience - before - after, 0))
        if error == HANG or before + after > call.patience:
            raise TimeoutError
        if error == CLOSE:
            raise ConnectionError
        answer = AwsError(error) if error else answers[0] if answers else TimeoutError()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _result(self, who: str, call: Call, called_at: int) -> dict[str, Any] | AwsError:
        operations = {
            "GetItem": self._get_item,
            "PutItem": lambda it: self._write(who, self._account.table.put_item, it),
            "UpdateItem": lambda it: self._write(who, self._account.table.update_item, it),
            "Scan": self._scan,
            "StartExecution": lambda it: self._start(who, it),
            "DescribeExecution": self._describe,
            "StopExecution": self._stop,
            "ListExecutions": self._list,
            "ChangeMessageVisibilityBatch": self._change_visibility,
            "Invoke": lambda it: self._invoke(who, it, called_at),
            "PutEvents": lambda it: self._put_events(who, it),
        }
        try:
            return operations[call.operation](call.asked)
        except AwsError as error:
            return error
        except (Refused, KeyError) as refused:
            self._account.bugs.append(f"{who}: AWS refuses {call.operation}: {refused!r}")
            return AwsError("ValidationException")

    # ── DynamoDB ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _get_item(self, asked: dict[str, Any]) -> dict[str, Any]:
        _expect(_NAMES["VerificationsTable"], asked["TableName"])
        if asked.get("ConsistentRead"):
            return self._account.table.get_item(asked)
        item = self._account.item_before(self._account.scenario.index_lag)
        return {"Item": item} if item else {}

    def _write(self, who: str, write: Any, asked: dict[str, Any]) -> dict[str, Any]:
        _expect(_NAMES["VerificationsTable"], asked["TableName"])
        answer = write(asked)
        self._account.note_write(who)
        return answer

    def _scan(self, asked: dict[str, Any]) -> dict[str, Any]:
        _expect((_NAMES["VerificationsTable"], _OPEN["IndexName"]), (asked["TableName"], asked["IndexName"]))
        item = self._account.item_before(self._account.scenario.index_lag)
        items = [item] if item and _OPEN_KEY in item else []
        return {"Items": [{name: it[name] for name in _PROJECTED & set(it)} for it in items]}

    # ── Step Functions ────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, who: str, asked: dict[str, Any]) -> dict[str, Any]:
        _expect(_STATE_MACHINE_ARN, asked["stateMachineArn"])
        account, name, given = self._account, asked["name"], json.loads(asked["input"])
        known = account.executions.get(name)
        if known:
            is_same = known.status == "RUNNING" and known.input == given
            if not is_same or account.scenario.start_refuses_running:
                raise AwsError("ExecutionAlreadyExists")
        else:
            known = account.executions[name] = Execution(account, name, given, account.time.now, self.answer)
            account.note(name, f"started by {who}")
            account.time.at(account.time.now + account.scenario.starts_after, known.start)
        return {"executionArn": f"{_EXECUTION_ARN}:{name}", "startDate": known.started_at / 1000}

    def _named(self, asked: dict[str, Any], lag: int = 0) -> Execution:
        arn, _, name = asked["executionArn"].rpartition(":")
        _expect(_EXECUTION_ARN, arn)
        execution = self._account.executions.get(name)
        if not execution or execution.started_at > self._account.time.now - lag:
            raise AwsError("ExecutionDoesNotExist")
        return execution

    def _describe(self, asked: dict[str, Any]) -> dict[str, Any]:
        lag = self._account.scenario.description_lag
        return self._described(self._named(asked, lag), lag)

    def _stop(self, asked: dict[str, Any]) -> dict[str, Any]:
        execution = self._named(asked)
        execution.finish("ABORTED")
        return {"stopDate": (execution.ended_at or 0) / 1000}

    def _list(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The latest first."""
        _expect(_STATE_MACHINE_ARN, asked["stateMachineArn"])
        lag = self._account.scenario.list_lag
        known = reversed(self._account.executions.values())
        listed = [self._described(it, lag) for it in known if it.started_at <= self._account.time.now - lag]
        return {"executions": [it for it in listed if it["status"] == asked["statusFilter"]]}

    def _described(self, execution: Execution, lag: int) -> dict[str, Any]:
        """An execution as it was that many milliseconds ago."""
        described = {"name": execution.name, "startDate": execution.started_at / 1000}
        if execution.ended_at is None or execution.ended_at > self._account.time.now - lag:
            return {**described, "status": "RUNNING"}
        return {**described, "status": execution.status, "stopDate": execution.ended_at / 1000}

    # ── The queue, Lambda and the bus ──────────────────────────────────────────────────────────────────────────────────────

    def _change_visibility(self, asked: dict[str, Any]) -> dict[str, Any]:
        _expect(_QUEUE_URL, asked["QueueUrl"])
        for entry in asked["Entries"]:
            self._account.hide(entry["ReceiptHandle"], entry["VisibilityTimeout"])
        return {"Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]]}

    def _invoke(self, who: str, asked: dict[str, Any], called_at: int) -> dict[str, Any]:
        _expect(_NAMES["CheckLinkFunction"], asked["FunctionName"])
        answer = check_link(self._account, who, called_at, asked["Payload"])
        return {"StatusCode": 200, "Payload": json.loads(json.dumps(answer))}

    def _put_events(self, who: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Refuses what the state machine's role does not allow."""
        for entry in asked["Entries"]:
            given = (entry["EventBusName"], entry["Source"], entry["DetailType"])
            _expect((_NAMES["LinkBus"], "linkwatch", "VerificationSettled"), given)
            self._account.events.append((self._account.time.now, entry))
            self._account.note(who, f"published {entry['Detail']['outcome']}")
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in asked["Entries"]]}


def _expect(expected: object, given: object) -> None:
    if expected != given:
        raise Refused(f"{given}, not {expected}")
