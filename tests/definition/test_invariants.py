"""The invariants notice what breaks a guarantee: each is shown a scenario whose record was tampered with."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.definition.engine import CLICKED, Scenario
from tests.definition.engine.account import Account
from tests.definition.engine.invariants import broken
from tests.definition.engine.record import ID, VendorCheck, Version
from tests.definition.engine.world import World


def played(**fields) -> Account:
    return World(Scenario(**fields)).play()


def first_execution(account: Account):
    return account.executions[ID]


def add_version(account: Account, **changes: dict[str, str] | None) -> None:
    last = account.record.versions[-1]
    item = {name: value for name, value in {**last.item, **changes}.items() if value is not None}
    account.record.versions.append(Version(last.at, "somebody", item))


def change_event(account: Account) -> None:
    account.record.events[0][1]["carrier"] = "another"


def publish_early(account: Account) -> None:
    _, detail = account.record.events[0]
    account.record.events[0] = (account.record.versions[0].at, detail)


def publish_late(account: Account) -> None:
    last = account.record.versions[-1]
    account.record.versions[-1] = replace(last, at=account.scenario.deadline + 30_001)


def check_at_the_deadline(account: Account) -> None:
    account.record.vendor_checks.append(
        VendorCheck(account.scenario.deadline, ID, account.scenario.deadline, "pending")
    )


def check_by_another(account: Account) -> None:
    account.executions[f"{ID}-r1"] = first_execution(account)
    started_at = account.scenario.link_sent_at + 5_000
    account.record.vendor_checks.append(VendorCheck(started_at, f"{ID}-r1", started_at, "pending"))


TAMPERED: dict[str, tuple[str, Callable[[Account], object]]] = {
    "an outcome that changes": ("G1", lambda it: add_version(it, outcome={"S": "LINK_CLICKED"})),
    "an event that is not the item": ("G1", change_event),
    "an event before the item": ("G1", publish_early),
    "no event": ("G1", lambda it: it.record.events.clear()),
    "a second event": ("G1", lambda it: it.record.events.append(it.record.events[0])),
    "an event that is late": ("G1", publish_late),
    "a request at the deadline": ("G2", check_at_the_deadline),
    "an outcome that does not follow": (
        "G3",
        lambda it: first_execution(it).checks.append({"answer": "CLICKED", "reason": None}),
    ),
    "a count that is wrong": ("G3", lambda it: first_execution(it).checks.pop(0)),
    "more transitions than checks need": ("G4", lambda it: first_execution(it).entered_states.extend(["Check Link"])),
    "more checks than points": ("G4", lambda it: first_execution(it).checks.insert(0, "KeyError")),
    "a takeover from what runs": ("G5", lambda it: add_version(it, executionName={"S": f"{ID}-r2"}) or add_version(it)),
    "a check by another execution": ("G5", check_by_another),
    "a cancel that does not stand": (
        "G6",
        lambda it: it.record.answers.append((it.time.now, "cancel", {"outcome": "CANCELLED"})),
    ),
    "takeovers that go back": ("takeovers", lambda it: add_version(it, takeovers={"N": "-1"})),
    "something unpublished that expires": ("somebody", lambda it: add_version(it, publishedAt=None)),
    "an execution that never ends": ("never ended", lambda it: setattr(first_execution(it), "status", "RUNNING")),
}


@pytest.mark.parametrize(("guarantee", "tamper"), TAMPERED.values(), ids=TAMPERED)
def test_it_is_told_that_a_guarantee_was_broken_by(guarantee, tamper):
    account = played()
    assert broken(account) == []

    tamper(account)

    assert any(guarantee in found for found in broken(account))


def test_a_cancel_that_carries_something_of_a_click_is_told():
    account = played(answers=((0, CLICKED),), cancelled_at=(5_000,))
    assert broken(account) == []

    for version in account.record.versions:
        if "outcome" in version.item:
            version.item["checks"] = {"N": "1"}

    assert any(found.startswith("G6") for found in broken(account))
