"""What the state machine's tasks call: DynamoDB, the function CheckLink and the bus."""

import json
from typing import TYPE_CHECKING, Any

from sfnx.testing import Failure

from tests.definition.engine.definition import STATE_MACHINE, deployed
from tests.definition.engine.dynamodb import ConditionFailed, Refused
from tests.definition.engine.functions import check_link
from tests.definition.engine.signzy import SIGNZY

if TYPE_CHECKING:
    from tests.definition.engine.execution import Execution

_NAMES = {name: deployed(value) for name, value in STATE_MACHINE["DefinitionSubstitutions"].items()}


def perform(by: "Execution", resource: str, arguments: dict[str, Any], invoked_at: int) -> Any:
    """The result of a task's request now, or the Failure that it is answered with."""
    try:
        match resource:
            case "arn:aws:states:::dynamodb:getItem":
                return _read(by, arguments)
            case "arn:aws:states:::dynamodb:updateItem":
                return _update(by, arguments)
            case "arn:aws:states:::lambda:invoke":
                return _check_link(by, arguments, invoked_at)
            case "arn:aws:states:::events:putEvents":
                return _put_events(by, arguments["Entries"])
        raise AssertionError(f"unknown resource {resource}")
    except ConditionFailed:
        return Failure("DynamoDB.ConditionalCheckFailedException")
    except Refused as refused:
        by.account.record.bugs.append(f"{by.name}: AWS refuses {refused}")
        return Failure("States.TaskFailed", str(refused))


def _expect(name: str, given: object) -> None:
    if given != _NAMES[name]:
        raise Refused(f"{given}, not {_NAMES[name]}")


def _read(by: "Execution", arguments: dict[str, Any]) -> dict[str, Any]:
    _expect("VerificationsTable", arguments["TableName"])
    output = by.account.table.get_item(arguments)
    if arguments.get("ConsistentRead"):
        return output
    item = by.account.item_at(by.account.time.now - by.account.scenario.index_lag)
    return {"Item": item} if item else {}


def _update(by: "Execution", arguments: dict[str, Any]) -> dict[str, Any]:
    _expect("VerificationsTable", arguments["TableName"])
    output = by.account.table.update_item(arguments)
    by.account.note_write(by.name)
    return output


def _check_link(by: "Execution", arguments: dict[str, Any], invoked_at: int) -> dict[str, Any]:
    _expect("CheckLinkFunction", arguments["FunctionName"])
    SIGNZY.expect(by.account, by.name, invoked_at)
    payload = check_link(by.account.parameters, arguments["Payload"], by.account.time)
    return {"StatusCode": 200, "Payload": json.loads(json.dumps(payload))}


def _put_events(by: "Execution", entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Refuses what the state machine's role does not allow."""
    for entry in entries:
        _expect("LinkBus", entry["EventBusName"])
        if (entry["Source"], entry["DetailType"]) != ("linkwatch", "VerificationSettled"):
            raise Refused(f"source and detail type of {entry}")
        by.account.record.events.append((by.account.time.now, entry))
        by.account.note(by.name, f"published {entry['Detail']['outcome']}")
    return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in entries]}
