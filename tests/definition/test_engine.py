"""The in-process engine itself: its invariants notice what breaks a guarantee, and its AWS refuses what AWS refuses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.definition.engine import scenario
from tests.definition.engine.account import ID, Account, AwsError, Call, SignzyRequest, Version
from tests.definition.engine.aws import Aws
from tests.definition.engine.dynamodb import ConditionFailed, InMemoryTable, Refused
from tests.definition.engine.invariants import broken
from tests.definition.engine.played import CLICKED, play
from tests.definition.engine.queue import Queue
from tests.definition.engine.scenario import End, Fault, Outage, Scenario
from tests.definition.engine.virtual_time import Thread
from tests.definition.engine.world import World

# ── The invariants ────────────────────────────────────────────────────────────────────────────────────────────────────

REJECTION = {"answer": "REJECTED", "reason": "UNKNOWN_IDS", "result": None}


def played(**fields) -> Account:
    return World(Scenario(window_seconds=40, **fields)).play()


def first_execution(account: Account):
    return account.executions[ID]


def add_version(account: Account, **changes: dict[str, Any] | None) -> None:
    last = account.versions[-1]
    item = {name: value for name, value in {**last.item, **changes}.items() if value is not None}
    account.versions.append(Version(last.at, "somebody", item))


def change_versions(account: Account, **changes: dict[str, object]) -> None:
    """Changes attributes wherever they are."""
    for version in account.versions:
        version.item.update({name: value for name, value in changes.items() if name in version.item})


def publish_early(account: Account) -> None:
    _, entry = account.events[0]
    account.events[0] = (account.versions[0].at, entry)


def publish_late(account: Account) -> None:
    account.versions[-1] = replace(account.versions[-1], at=account.scenario.deadline + 30_001)


def check_at_the_deadline(account: Account) -> None:
    deadline = account.scenario.deadline
    account.requests.append(SignzyRequest(deadline, ID, deadline, "pending"))


def check_by_another(account: Account) -> None:
    account.executions[f"{ID}-r1"] = first_execution(account)
    at = account.scenario.link_sent_at + 5_000
    account.requests.append(SignzyRequest(at, f"{ID}-r1", at, "pending"))


def reject_after_a_not_clicked(account: Account) -> None:
    first_execution(account).checks[-2:] = [REJECTION] * 2
    change_versions(account, outcome={"S": "REJECTED"}, reason={"S": "UNKNOWN_IDS"})


def change_checks(account: Account, place: slice, checks: list[Any]) -> None:
    first_execution(account).checks[place] = checks


CHANGES: dict[str, tuple[str, Callable[[Account], object]]] = {
    "an outcome that changes": ("G1", lambda it: add_version(it, outcome={"S": "LINK_CLICKED"})),
    "an event that is not the item": ("G1", lambda it: it.events[0][1]["Detail"].update(carrier="another")),
    "an event before the item": ("G1", publish_early),
    "no event": ("G1", lambda it: it.events.clear()),
    "a second event": ("G1", lambda it: it.events.append(it.events[0])),
    "an event that is late": ("G1", publish_late),
    "a request at the deadline": ("G2", check_at_the_deadline),
    "an outcome that does not follow": (
        "G3",
        lambda it: change_checks(it, slice(9, 9), [{"answer": "CLICKED", "reason": None, "result": None}]),
    ),
    "a rejection after a not clicked": ("G3", reject_after_a_not_clicked),
    "a wrong count": ("G3", lambda it: change_checks(it, slice(0, 1), [])),
    "more transitions than checks need": ("G4", lambda it: setattr(first_execution(it), "entered_states", ("",) * 99)),
    "more checks than points": ("G4", lambda it: change_checks(it, slice(0, 0), ["KeyError"])),
    "checks after two rejections": (
        "G4",
        lambda it: change_checks(it, slice(0, 4), [REJECTION, REJECTION, "KeyError", "KeyError"]),
    ),
    "a takeover of a running execution": (
        "G5",
        lambda it: add_version(it, executionName={"S": f"{ID}-r2"}) or add_version(it),
    ),
    "a check by another execution": ("G5", check_by_another),
    "a cancel that is not final": (
        "G6",
        lambda it: it.answers.append((it.time.now, "cancel", {"outcome": "CANCELLED"})),
    ),
    "fewer takeovers than before": ("takeovers", lambda it: add_version(it, takeovers={"N": "-1"})),
    "something unpublished that expires": ("somebody", lambda it: add_version(it, publishedAt=None)),
    "another type than S and N": ("types", lambda it: add_version(it, reason={"NULL": True})),
    "a wrong settledAt": ("settledAt", lambda it: change_versions(it, settledAt={"S": "2026-11-23T10:00:30.000Z"})),
    "a wrong publishedAt": ("publishedAt", lambda it: change_versions(it, publishedAt={"S": "1970-01-01T00:00:00Z"})),
    "an execution that never ends": ("never ended", lambda it: setattr(first_execution(it), "status", "RUNNING")),
}


@pytest.mark.parametrize(("guarantee", "change"), CHANGES.values(), ids=CHANGES)
def test_the_invariants_name_what_is_broken(guarantee, change):
    account = played()
    assert broken(account) == []

    change(account)

    assert any(guarantee in found for found in broken(account))


def test_the_invariants_notice_a_cancel_that_carries_something_of_a_click():
    account = played(answers=((0, CLICKED),), cancelled_at=(5_000,))
    assert broken(account) == []

    for version in account.versions:
        if "outcome" in version.item:
            version.item["checks"] = {"N": "1"}

    assert any(found.startswith("G6") for found in broken(account))


# ── Scenarios ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TROUBLE = Scenario(
    faults=(Fault("Record Outcome", 0, 10, "States.Timeout"), Fault("API start: PutItem", error="Hang", tries=1)),
    ends=(End("Check Link", 3),),
    outages=(Outage("events", 0, 1),),
    cancelled_at=(170_000,),
)


def test_a_scenario_runs_the_same_way_twice():
    assert play(TROUBLE).timeline == play(TROUBLE).timeline


def test_a_scenario_can_be_replayed_from_what_a_failure_prints():
    assert eval(str(TROUBLE), {**vars(scenario)}) == TROUBLE  # noqa: S307  as the replay does


# ── AWS ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

ENTRY = {
    "EventBusName": "LinkBus",
    "Source": "linkwatch",
    "DetailType": "VerificationSettled",
    "Detail": {"outcome": ""},
}


@pytest.mark.parametrize(
    ("operation", "asked"),
    [
        pytest.param("PutEvents", {"Entries": [ENTRY | {"EventBusName": "default"}]}, id="another bus"),
        pytest.param("PutEvents", {"Entries": [ENTRY | {"Source": "other"}]}, id="another source"),
        pytest.param("GetItem", {"TableName": "Another", "Key": {"verificationId": {"S": ID}}}, id="another table"),
    ],
)
def test_a_name_that_is_not_the_stacks_is_refused(operation, asked):
    account = Account(Scenario())
    aws = Aws(account, Queue(account, lambda *_: None))

    def ask() -> None:
        with pytest.raises(AwsError, match="ValidationException"):
            aws.answer(thread, Call("dynamodb", operation, 1_000, (10, 10), asked), None)

    thread = Thread(account.time, ask, ID)
    thread.start()
    account.time.run(account.time.now + 1_000)

    assert thread.is_over
    assert thread.failure is None
    assert "AWS refuses" in account.bugs[0]


SOURCE = {"S": "API"}


def request(update_expression, names=None, values=None, **more):
    return {
        "Key": {"id": {"S": "1"}},
        "UpdateExpression": update_expression,
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ExpressionAttributeValues": values} if values else {}),
        **more,
    }


@pytest.fixture
def table():
    return InMemoryTable("id", ["index"])


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(request("SET source = :s", values={":s": SOURCE}), id="a reserved word"),
        pytest.param(
            request("SET a = :s", values={":s": SOURCE}, ConditionExpression="attribute_exists(source)"),
            id="a reserved word in a condition",
        ),
        pytest.param(request("SET a = :s", values={":s": SOURCE, ":t": SOURCE}), id="a value that is not used"),
        pytest.param(request("SET #a = :s", {"#a": "a", "#b": "b"}, {":s": SOURCE}), id="a name that is not used"),
        pytest.param(request("SET a = :s"), id="a value that is not declared"),
        pytest.param(request("SET a = :s, a = :s", values={":s": SOURCE}), id="one attribute twice"),
        pytest.param(request("SET a = b"), id="from an attribute that does not exist"),
        pytest.param(request("SET a = :s SET b = :s", values={":s": SOURCE}), id="a clause twice"),
        pytest.param(request("SET a = :s", values={":s": {"N": "x"}}), id="an invalid number"),
        pytest.param(request("SET a = :s", values={":s": {"S": None}}), id="an invalid text"),
        pytest.param(request("SET #i = :s", {"#i": "index"}, {":s": {"S": ""}}), id="an empty key of an index"),
        pytest.param(request("SET id = :s", values={":s": SOURCE}), id="the key itself"),
        pytest.param(request("SET a = :s", values={":s": SOURCE}, Returns="ALL_NEW"), id="an unknown argument"),
    ],
)
def test_the_table_refuses_what_dynamodb_refuses(table, refused):
    with pytest.raises(Refused):
        table.update_item(refused)

    assert table.items == {}


def test_a_failed_condition_returns_the_item_on_request(table):
    table.put_item({"Item": {"id": {"S": "1"}, "a": SOURCE}})
    again = {"Item": {"id": {"S": "1"}}, "ConditionExpression": "attribute_not_exists(id)"}

    with pytest.raises(ConditionFailed) as plain:
        table.put_item(again)
    with pytest.raises(ConditionFailed) as asked:
        table.put_item(again | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"})

    assert (plain.value.item, asked.value.item) == (None, {"id": {"S": "1"}, "a": SOURCE})


@pytest.mark.parametrize(
    ("wanted", "attributes"),
    [
        ("ALL_OLD", {"Attributes": {"id": {"S": "1"}}}),
        ("ALL_NEW", {"Attributes": {"id": {"S": "1"}, "a": SOURCE}}),
        ("NONE", {}),
    ],
)
def test_an_update_returns_what_it_is_asked_for(table, wanted, attributes):
    table.put_item({"Item": {"id": {"S": "1"}}})

    assert table.update_item(request("SET a = :s", values={":s": SOURCE}, ReturnValues=wanted)) == attributes
