"""What stops half-way on the deployed stack is finished, once, and the deadline stays where it was."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.stack.stack import await_that
from tests.integration.conftest import PATIENCE, Link, moment, send_link

#: States in which an execution can be met, with the vendor's script that keeps it there long enough.
SLOW_CHECK = {"answer": "pending", "slowBySeconds": 4}


def await_state(link: Link, state: str) -> None:
    stack = link.stack
    await_that(lambda: state in stack.executions.states_entered(link.verification_id), PATIENCE, f"{state} is entered")


def await_claim(link: Link) -> None:
    await_that(lambda: "watchedBy" in (link.stack.item(link.verification_id) or {}), PATIENCE, "it is claimed")


def assert_finished_once(link: Link, outcome: str, reason: str | None = None) -> dict:
    item, stack = link.settled(), link.stack
    assert (item["outcome"], item["reason"]) == (outcome, reason)
    link.event()
    details = [event["detail"] for event in stack.events(link.verification_id)]
    assert all(detail == details[0] == {key: item.get(key) for key in detail} for detail in details)
    assert all(checked_at < 300 for checked_at in link.checks_at())
    return item


#: What keeps an execution in a state that is over in a moment: calls of it that are refused for a while.
REFUSED_IN = {
    "Claim Verification": ("updateItem", "InternalServerError", "watchedBy"),
    "Record Outcome": ("updateItem", "InternalServerError", ":settledAt"),
    "Publish Outcome": ("putEvents", "InternalException", "VerificationSettled"),
    "Mark Published": ("updateItem", "InternalServerError", "REMOVE openVerifications"),
}


@pytest.fixture(scope="module")
def aborted(stack) -> dict[str, Link]:
    """Verifications whose first execution was aborted, one in each state that an abort can meet; all go on at once."""
    links = {}
    for state, script in {"Wait For Next Check": {"answer": "pending"}, "Check Link": SLOW_CHECK}.items():
        links[state] = send_link(stack, script)
        links[state].start()
        await_state(links[state], state)
        stack.executions.abort(links[state].verification_id)
    links["before the claim"] = send_link(stack)
    links["before the claim"].start()
    stack.executions.abort(
        links["before the claim"].verification_id
    )  # entering the first state takes the emulator 0.15 s of its clock
    for state, (call, error, text) in REFUSED_IN.items():
        links[state] = send_link(stack, {"answer": "clicked"})
        stack.faults.refuse(
            call, error, [links[state].verification_id, text], 100
        )  # and its successor's, which sits it out
        links[state].start()
    for state in REFUSED_IN:
        await_state(links[state], state)
        stack.executions.abort(links[state].verification_id)
    return links


@pytest.mark.parametrize("state", ["before the claim", "Wait For Next Check", "Check Link"])
def test_a_watch_that_is_aborted_is_taken_over_at_once_and_ends_at_the_original_deadline(state, aborted):
    link = aborted[state]

    item = assert_finished_once(link, "EXPIRED")

    assert (item["executionName"], item["attempt"]) == (f"{link.verification_id}-r1", 1)
    assert link.stack.executions.find(link.verification_id)["status"] == "ABORTED"
    assert link.checks_at()[-1] == pytest.approx(298, abs=2)


@pytest.mark.parametrize("state", REFUSED_IN)
def test_an_execution_that_is_aborted_in_a_state_that_writes_is_taken_over(state, aborted):
    link = aborted[state]

    item = assert_finished_once(link, "LINK_CLICKED")

    assert item["executionName"] == f"{link.verification_id}-r1"
    # What was recorded is not checked at again; what was not recorded died with its execution.
    assert len(link.checks_at()) == (2 if state == "Record Outcome" else 1)


def test_an_execution_whose_end_nobody_told_is_found_by_the_sweep(stack):
    rules = stack.client("events")
    rule = next(rule for rule in rules.list_rules()["Rules"] if "OnExecutionEnded" in rule["Name"])
    link = send_link(stack, {"fromSecond": 100, "answer": "clicked"})
    rules.disable_rule(Name=rule["Name"])
    try:
        link.start()
        await_claim(link)
        stack.executions.abort(link.verification_id)
        item = assert_finished_once(link, "LINK_CLICKED")
    finally:
        rules.enable_rule(Name=rule["Name"])

    assert item["executionName"] == f"{link.verification_id}-r1"


def test_a_verification_that_was_stored_but_not_published_is_published_and_not_watched_again(stack):
    link = send_link(stack, {"answer": "clicked"})
    link.start()
    settled = link.settled()
    checks = len(link.checks_at())
    # As if the execution had died between record and publish: the item is open, and its owner runs no more.
    stack.client("dynamodb").update_item(
        TableName=stack.outputs.TableName,
        Key={"verificationId": {"S": link.verification_id}},
        UpdateExpression="REMOVE publishedAt SET openVerifications = deadline",
    )

    item = link.settled()

    assert {**item, "publishedAt": 0} == {
        **settled,
        "publishedAt": 0,
        "attempt": 1,
        "executionName": f"{link.verification_id}-r1",
        "watchedBy": f"{link.verification_id}-r1",
    }
    assert len(link.checks_at()) == checks
    details = [event["detail"] for event in await_that(lambda: second_event(link), 10, "it is published again")]
    assert details[0] == details[1]


def second_event(link: Link) -> list | None:
    events = link.stack.events(link.verification_id)
    return events if len(events) > 1 else None


def test_an_execution_that_was_never_started_is_found_by_the_sweep(stack):
    link = send_link(stack, {"answer": "clicked"})
    link.start()
    item = link.settled()
    open_item = {**item_as_noted(stack, link), "verificationId": {"S": f"{'f' * 24}-{'0' * 24}"}}
    open_item |= {
        "requestId": {"S": "f" * 24},
        "sessionId": {"S": "0" * 24},
        "executionName": open_item["verificationId"],
    }
    stack.client("dynamodb").put_item(TableName=stack.outputs.TableName, Item=open_item)

    lost = stack.await_published(open_item["verificationId"]["S"], PATIENCE)

    assert (lost["outcome"], lost["deadline"]) == (
        "REJECTED",
        item["deadline"],
    )  # the simulator does not know these ids


def item_as_noted(stack, link: Link) -> dict:
    kept = ("linkSentAt", "deadline", "startedAt", "source", "schemaVersion", "correlationId")
    item = stack.client("dynamodb").get_item(
        TableName=stack.outputs.TableName, Key={"verificationId": {"S": link.verification_id}}
    )["Item"]
    noted = {name: item[name] for name in kept}
    return {**noted, "attempt": {"N": "0"}, "openVerifications": item["deadline"], "status": {"S": "WATCHING"}}


def test_a_verification_is_taken_over_five_times_at_most_and_stays_open(stack):
    link = send_link(stack, SLOW_CHECK)
    link.start()
    names = [link.verification_id, *(f"{link.verification_id}-r{attempt}" for attempt in range(1, 6))]
    for name in names:
        await_that(
            lambda name=name: (stack.item(link.verification_id) or {}).get("executionName") == name, PATIENCE, name
        )
        stack.executions.abort(name)

    time.sleep(120 / stack.clock.speed)  # two sweeps

    item = stack.item(link.verification_id)
    assert item
    assert (item["executionName"], item["attempt"]) == (names[-1], 5)
    assert "outcome" not in item
    assert "openVerifications" in item
    assert stack.executions.find(f"{link.verification_id}-r6") is None
    assert "TakeoversExhausted" in stack.functions.logs_of("RecoverUnfinished")


# ── Cancel ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cancelled_watch_ends_at_once_and_is_checked_at_no_more(stack):
    link = send_link(stack)
    link.start(correlationId="application-4711")
    await_state(link, "Check Link")

    cancelled = stack.cancel(link.verification_id)

    assert (cancelled.status, cancelled.body["status"]) == (202, "WATCHING")
    item = assert_finished_once(link, "CANCELLED")
    checks = len(link.checks_at())
    assert (item["executionName"], item["attempt"]) == (f"{link.verification_id}-cancel", 0)
    assert stack.executions.find(link.verification_id)["status"] == "ABORTED"
    again = stack.cancel(link.verification_id)
    assert (again.status, again.body["outcome"]) == (409, "CANCELLED")
    time.sleep(25 / stack.clock.speed)
    assert len(link.checks_at()) == checks


def test_a_watch_that_is_cancelled_right_after_its_start_never_checks(stack):
    link = send_link(stack)
    link.start()

    assert stack.cancel(link.verification_id).status == 202

    assert_finished_once(link, "CANCELLED")
    assert link.checks_at() == []


def test_what_is_settled_cannot_be_cancelled(stack):
    link = send_link(stack, {"answer": "clicked"})
    link.start()
    link.settled()

    answer = stack.cancel(link.verification_id)

    assert (answer.status, answer.body["outcome"]) == (409, "LINK_CLICKED")
    assert stack.executions.find(f"{link.verification_id}-cancel") is None


@pytest.mark.parametrize("seconds", [9.0, 9.5, 10.0, 10.3])
def test_cancel_against_click_and_cancel_against_cancel_come_to_one_outcome(seconds, stack):
    link = send_link(stack, {"answer": "clicked"})
    link.start()
    time.sleep(max(0, seconds - (stack.clock.now_ms() - sent_ms(link)) / 1000) / stack.clock.speed)

    with ThreadPoolExecutor(3) as pool:
        statuses = list(pool.map(lambda _: stack.cancel(link.verification_id).status, range(3)))

    assert set(statuses) <= {202, 409}
    outcome = link.settled()["outcome"]
    assert outcome in {"CANCELLED", "LINK_CLICKED"}
    assert_finished_once(link, outcome)


def sent_ms(link: Link) -> float:
    from datetime import datetime  # noqa: PLC0415

    return datetime.fromisoformat(link.stack.find(link.verification_id).body["linkSentAt"]).timestamp() * 1000


def test_a_cancel_that_dies_is_finished_as_a_cancel(stack):
    link = send_link(stack)
    link.start()
    await_state(link, "Wait For Next Check")
    stack.cancel(link.verification_id)
    stack.executions.abort(f"{link.verification_id}-cancel")

    assert_finished_once(link, "CANCELLED")


# ── Told twice, or of nothing ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_status_event_that_comes_twice_and_sweeps_at_once_make_one_takeover(stack):
    link = send_link(
        stack, SLOW_CHECK, sent_seconds_ago=200
    )  # a hundred seconds are enough to see a second takeover in
    link.start(linkSentAt=moment(stack, 200))
    await_claim(link)
    told = json.dumps(
        {
            "id": "told-again",
            "detail-type": "Step Functions Execution Status Change",
            "detail": {
                "name": link.verification_id,
                "status": "ABORTED",
                "input": stack.executions.find(link.verification_id)["input"],
            },
        }
    )
    stack.executions.abort(link.verification_id)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda event: stack.functions.invoke("RecoverUnfinished", event), [told, '{"sweep": true}'] * 3))

    item = assert_finished_once(link, "EXPIRED")
    assert item["executionName"] == f"{link.verification_id}-r1"
    assert stack.executions.find(f"{link.verification_id}-r2") is None
