"""What the state machine's tasks call: DynamoDB, CheckLink with Signzy behind it, the bus."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine.dynamodb import ConditionFailed
from engine.dynamodb_expressions import Refused
from engine.interpreter import TaskFailed
from engine.record import IDS, VendorCheck
from linkwatch.model import Reason
from linkwatch.signzy_answer import classify
from simulator.answers import ANSWERS

if TYPE_CHECKING:
    from engine.account import Account
    from engine.execution import Execution


def perform(by: "Execution", resource: str, arguments: dict[str, Any], invoked_at: int) -> dict[str, Any] | TaskFailed:
    """What a task's request comes to now."""
    account, request = by.account, json.loads(json.dumps(arguments))
    match resource.rpartition(":::")[2]:
        case "dynamodb:getItem" | "dynamodb:updateItem" as operation:
            return _ask_table(account, by, operation, request)
        case "lambda:invoke":
            return {"StatusCode": 200, "Payload": _check_link(account, by, request["Payload"], invoked_at)}
        case "events:putEvents":
            return _put_events(account, by, request["Entries"])
    raise AssertionError(f"nobody plays {resource}")


def _ask_table(account: "Account", by: "Execution", operation: str, request: dict[str, Any]) -> Any:
    try:
        if operation == "dynamodb:updateItem":
            output = account.table.update_item(request)
            account.wrote(by.name)
            return json.loads(json.dumps(output))
        output = account.table.get_item(request)
    except ConditionFailed:
        return TaskFailed("DynamoDB.ConditionalCheckFailedException")
    except Refused as refused:
        account.record.bugs.append(f"DynamoDB refuses: {refused}")
        return TaskFailed("DynamoDB.DynamoDbException", str(refused))
    if not request.get("ConsistentRead"):
        item = account.item_at(account.time.now - account.scenario.index_lag)
        return {"Item": item} if item else {}
    return json.loads(json.dumps(output))


def _check_link(account: "Account", by: "Execution", payload: dict[str, Any], invoked_at: int) -> dict[str, Any]:
    scenario, now = account.scenario, account.time.now
    if (payload["requestId"], payload["sessionId"]) != (IDS.request_id, IDS.session_id):
        account.record.bugs.append(f"CheckLink is called with {payload}")
    if now >= _millis(payload["deadline"]):
        return _unavailable(Reason.PAST_DEADLINE)
    since_sent = max(now - scenario.link_sent_at, 0)
    name = [answer for since, answer in scenario.answers if since <= since_sent][-1]
    account.record.vendor_checks.append(VendorCheck(now, by.name, invoked_at, name))
    account.note(by.name, f"check {len(account.record.vendor_checks)}: {name}")
    if name in Reason.__members__:
        return _unavailable(Reason[name])
    check = classify(ANSWERS[name].status, ANSWERS[name].body, session_id=payload["sessionId"])
    return {"answer": check.answer, "reason": check.reason, "result": check.result}


def _put_events(account: "Account", by: "Execution", entries: list[dict[str, Any]]) -> dict[str, Any]:
    for entry in entries:
        if not all(entry.get(key) for key in ("EventBusName", "Source", "DetailType", "Detail")):
            account.record.bugs.append(f"EventBridge refuses: {entry}")
        account.record.events.append((account.time.now, entry["Detail"]))
        account.note(by.name, f"published {entry['Detail']['outcome']}")
    return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in entries]}


def _unavailable(reason: Reason) -> dict[str, Any]:
    return {"answer": "UNAVAILABLE", "reason": reason, "result": None}


def _millis(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
