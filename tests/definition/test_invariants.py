"""The invariants notice what breaks a guarantee: each is shown a scenario whose record was changed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.definition.engine import CLICKED, Scenario
from tests.definition.engine.account import Account
from tests.definition.engine.invariants import broken
from tests.definition.engine.record import ID, SignzyRequest, Version
from tests.definition.engine.state_tasks import perform
from tests.definition.engine.world import World

REJECTION = {"answer": "REJECTED", "reason": "UNKNOWN_IDS", "result": None}


def played(**fields) -> Account:
    return World(Scenario(window_seconds=40, **fields)).play()


def first_execution(account: Account):
    return account.executions[ID]


def add_version(account: Account, **changes: dict[str, Any] | None) -> None:
    last = account.record.versions[-1]
    item = {name: value for name, value in {**last.item, **changes}.items() if value is not None}
    account.record.versions.append(Version(last.at, "somebody", item))


def change_versions(account: Account, **changes: dict[str, object]) -> None:
    """Changes attributes wherever they are."""
    for version in account.record.versions:
        version.item.update({name: value for name, value in changes.items() if name in version.item})


def change_event(account: Account) -> None:
    account.record.events[0][1]["Detail"]["carrier"] = "another"


def publish_early(account: Account) -> None:
    _, entry = account.record.events[0]
    account.record.events[0] = (account.record.versions[0].at, entry)


def publish_late(account: Account) -> None:
    last = account.record.versions[-1]
    account.record.versions[-1] = replace(last, at=account.scenario.deadline + 30_001)


def check_at_the_deadline(account: Account) -> None:
    deadline = account.scenario.deadline
    account.record.requests.append(SignzyRequest(deadline, ID, deadline, "pending"))


def check_by_another(account: Account) -> None:
    account.executions[f"{ID}-r1"] = first_execution(account)
    at = account.scenario.link_sent_at + 5_000
    account.record.requests.append(SignzyRequest(at, f"{ID}-r1", at, "pending"))


def reject_after_a_not_clicked(account: Account) -> None:
    first_execution(account).checks[-2:] = [REJECTION] * 2
    change_versions(account, outcome={"S": "REJECTED"}, reason={"S": "UNKNOWN_IDS"})


CHANGES: dict[str, tuple[str, Callable[[Account], object]]] = {
    "an outcome that changes": ("G1", lambda it: add_version(it, outcome={"S": "LINK_CLICKED"})),
    "an event that is not the item": ("G1", change_event),
    "an event before the item": ("G1", publish_early),
    "no event": ("G1", lambda it: it.record.events.clear()),
    "a second event": ("G1", lambda it: it.record.events.append(it.record.events[0])),
    "an event that is late": ("G1", publish_late),
    "a request at the deadline": ("G2", check_at_the_deadline),
    "an outcome that does not follow": (
        "G3",
        lambda it: first_execution(it).checks.append({"answer": "CLICKED", "reason": None, "result": None}),
    ),
    "a rejection after a not clicked": ("G3", reject_after_a_not_clicked),
    "a wrong count": ("G3", lambda it: first_execution(it).checks.pop(0)),
    "more transitions than checks need": (
        "G4",
        lambda it: setattr(first_execution(it), "entered_states", (*first_execution(it).entered_states, "Check Link")),
    ),
    "more checks than points": ("G4", lambda it: first_execution(it).checks.insert(0, "KeyError")),
    "checks after two rejections": (
        "G4",
        lambda it: first_execution(it).checks.__setitem__(slice(0, 4), [REJECTION, REJECTION, "KeyError", "KeyError"]),
    ),
    "a takeover of a running execution": (
        "G5",
        lambda it: add_version(it, executionName={"S": f"{ID}-r2"}) or add_version(it),
    ),
    "a check by another execution": ("G5", check_by_another),
    "a cancel that is not final": (
        "G6",
        lambda it: it.record.answers.append((it.time.now, "cancel", {"outcome": "CANCELLED"})),
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

    for version in account.record.versions:
        if "outcome" in version.item:
            version.item["checks"] = {"N": "1"}

    assert any(found.startswith("G6") for found in broken(account))


@pytest.mark.parametrize("change", [{"bus": "default"}, {"source": "other"}, {"table": "Another"}])
def test_a_name_that_is_not_the_stacks_is_refused(change):
    account = played()
    execution = first_execution(account)
    entry = {"EventBusName": change.get("bus", "LinkBus"), "Source": change.get("source", "linkwatch")}
    entry |= {"DetailType": "VerificationSettled", "Detail": {"outcome": "EXPIRED"}}
    key = {"verificationId": {"S": ID}}

    if "table" in change:
        perform(execution, "arn:aws:states:::dynamodb:getItem", {"TableName": change["table"], "Key": key}, 0)
    else:
        perform(execution, "arn:aws:states:::events:putEvents", {"Entries": [entry]}, 0)

    assert any("AWS refuses" in found for found in broken(account))
