"""The in-process engine itself: its invariants notice what breaks a guarantee, and its AWS refuses what AWS refuses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.definition.engine import scenario
from tests.definition.engine.account import Account, Version
from tests.definition.engine.dynamodb import InMemoryTable, Refused
from tests.definition.engine.invariants import broken
from tests.definition.engine.scenario import ID, End, Fault, Scenario
from tests.definition.engine.world import World, play

CLICK = {"answer": "CLICKED", "reason": None, "result": None}


def first_execution(account: Account):
    return account.executions[ID]


def add_version(account: Account, **changes: dict[str, Any] | None) -> None:
    last = account.versions[-1]
    item = {name: value for name, value in {**last.item, **changes}.items() if value is not None}
    account.versions.append(Version(last.at, "somebody", item))


def publish_late(account: Account) -> None:
    account.versions[-1] = replace(account.versions[-1], at=account.scenario.deadline + 30_001)


def change_checks(account: Account, place: slice, checks: list[Any]) -> None:
    first_execution(account).checks[place] = checks


def check_by_another(account: Account) -> None:
    account.executions[f"{ID}-r1"] = first_execution(account)
    account.requests.append(replace(account.requests[0], by=f"{ID}-r1"))


#: What is broken, and how.
CHANGES: dict[str, tuple[str, Callable[[Account], object]]] = {
    "an outcome that changes": ("G1", lambda it: add_version(it, outcome={"S": "LINK_CLICKED"})),
    "an event that is not the item": ("G1", lambda it: it.events[0][1]["Detail"].update(carrier="another")),
    "no event": ("G1", lambda it: it.events.clear()),
    "a second event": ("G1", lambda it: it.events.append(it.events[0])),
    "an event that is late": ("G1", publish_late),
    "a late request": ("G2", lambda it: it.requests.append(replace(it.requests[0], at=it.scenario.deadline))),
    "an outcome that does not follow": ("G3", lambda it: change_checks(it, slice(9, 9), [CLICK])),
    "a wrong count": ("G3", lambda it: change_checks(it, slice(0, 1), [])),
    "more transitions than checks need": ("G4", lambda it: setattr(first_execution(it), "entered_states", ("",) * 99)),
    "more checks than points": ("G4", lambda it: change_checks(it, slice(0, 0), first_execution(it).checks[:1])),
    "a takeover of a running execution": ("G5", lambda it: add_version(it, executionName={"S": f"{ID}-r2"})),
    "a check by another execution": ("G5", check_by_another),
    "a cancel that is not final": ("G6", lambda it: it.answers.append((0, "cancel", {"outcome": "CANCELLED"}))),
    "something unpublished that expires": ("somebody", lambda it: add_version(it, publishedAt=None)),
    "another type than S and N": ("types", lambda it: add_version(it, reason={"NULL": True})),
    "an execution that never ends": ("never ended", lambda it: setattr(first_execution(it), "status", "RUNNING")),
}


@pytest.mark.parametrize(("name", "change"), CHANGES.values(), ids=CHANGES)
def test_the_invariants_name_what_is_broken(name, change):
    account = World(Scenario(window_seconds=40)).play()
    assert broken(account) == []

    change(account)

    assert any(name in found for found in broken(account))


def test_what_a_failure_prints_is_replayed_the_same_way():
    trouble = Scenario(faults=(Fault("API start: PutItem", error="Hang", tries=1),), ends=(End("Check Link", 3),))

    replayed = eval(str(trouble), {**vars(scenario)})  # noqa: S307  as the replay does

    assert play(replayed).timeline == play(trouble).timeline


@pytest.mark.parametrize(
    ("update", "values", "more"),
    [
        pytest.param(
            "SET a = :s", {":s": "1"}, {"ConditionExpression": "attribute_exists(source)"}, id="reserved word"
        ),
        pytest.param("SET a = :s", {":s": "1", ":t": "1"}, {}, id="a value that is not used"),
        pytest.param("SET a = :s", {}, {}, id="a value that is not declared"),
        pytest.param("SET a = :s SET b = :s", {":s": "1"}, {}, id="a clause twice"),
        pytest.param("SET a = :s", {":s": None}, {}, id="an invalid text"),
        pytest.param("SET a = :s", {":s": "1"}, {"ExpressionAttributeValues": {":s": {"N": "x"}}}, id="invalid number"),
        pytest.param("SET correlationId = :s", {":s": ""}, {}, id="an empty key of an index"),
        pytest.param("SET a = :s", {":s": "1"}, {"Returns": "ALL_NEW"}, id="an unknown argument"),
    ],
)
def test_the_table_refuses_what_dynamodb_refuses(update, values, more):
    request = {"Key": {"id": {"S": "1"}}, "UpdateExpression": update}
    values = {"ExpressionAttributeValues": {name: {"S": text} for name, text in values.items()}}

    with pytest.raises(Refused):
        InMemoryTable("id", ["correlationId"]).update_item(request | values | more)
