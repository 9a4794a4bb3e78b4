"""What the sweep finds on the deployed stack, and what it gives up until an engineer re-arms it (G1, G5)."""

import json
import time
from typing import Any

import pytest

from local.stack import Stack
from operations.deployed.clock import await_that
from tests.integration import calls
from tests.integration.calls import Call, lose_answers, refuse, start_of
from tests.integration.conftest import PATIENCE, Link, assert_finished_once, await_state, send_link


def set_in_item(link: Link, change: str, **values: Any) -> None:
    """Changes an item by hand."""
    link.stack.client("dynamodb").update_item(
        TableName=link.stack.outputs.TableName,
        Key={"verificationId": {"S": link.verification_id}},
        UpdateExpression=change,
        **({"ExpressionAttributeValues": {f":{n}": v for n, v in values.items()}} if values else {}),
    )


@pytest.fixture
def unheard(stack):
    """Step Functions' status events get lost meanwhile."""
    rules = stack.client("events")
    rule = next(rule for rule in rules.list_rules()["Rules"] if "OnExecutionEnded" in rule["Name"])
    rules.disable_rule(Name=rule["Name"])
    yield
    rules.enable_rule(Name=rule["Name"])


@pytest.mark.usefixtures("unheard")
def test_an_execution_whose_end_nobody_told_is_found_by_the_sweep(stack):
    link = send_link(stack, {"fromSecond": 100, "answer": "clicked"})
    link.start()
    await_state(link, "Wait For Next Check")
    stack.executions.abort(link.verification_id)

    item = assert_finished_once(link, "LINK_CLICKED")

    assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-r1", 1)


def test_what_was_stored_and_not_published_is_published_and_not_watched_again(stack):
    link = send_link(stack, {"answer": "clicked"})
    link.start()
    settled = link.settled()
    # As if the execution had died between publishing and its mark.
    set_in_item(link, "REMOVE publishedAt, expiresAt SET openVerifications = deadline")

    item = link.settled()

    successor = {"executionName": f"{link.verification_id}-r1", "takeovers": 1}
    again = {name: item[name] for name in ("publishedAt", "expiresAt")}
    assert item == {**settled, **successor, **again}
    assert len(link.checks_at()) == settled["checks"]
    events = await_that(lambda: more_than_one(stack.events(link.verification_id)), 10, "it is published again")
    assert events[0]["detail"] == events[1]["detail"]


def more_than_one(events: list) -> list | None:
    return events if len(events) > 1 else None


@pytest.fixture(scope="module")
def hindered(stack) -> dict[str, Link]:
    """Verifications whose execution died and whose recovery met a fault, side by side."""
    faults: dict[str, tuple[Call, Any]] = {
        "DescribeExecution refused": (calls.DESCRIBE, refuse),
        "the takeover's write refused": (calls.TAKE_OVER, refuse),
        "the takeover's write lost its answer": (calls.TAKE_OVER, lose_answers),
        "the successor's start refused": (calls.START, refuse),
        "the successor's start lost its answer": (calls.START, lose_answers),
    }
    links = {}
    for name, (call, break_it) in faults.items():
        link = links[name] = send_link(stack, {"fromSecond": 100, "answer": "clicked"})
        link.start()
        await_state(link, "Wait For Next Check")
        of_successor = start_of(f"{link.verification_id}-r1")
        break_it(stack, of_successor if call is calls.START else call, link.verification_id, 60)
        stack.executions.abort(link.verification_id)
    return links


@pytest.mark.parametrize(
    "fault",
    [
        "DescribeExecution refused",
        "the takeover's write refused",
        "the takeover's write lost its answer",
        "the successor's start refused",
        "the successor's start lost its answer",
    ],
)
def test_a_recovery_that_meets_a_fault_is_finished_by_a_later_one_with_one_takeover(fault, hindered):
    item = assert_finished_once(hindered[fault], "LINK_CLICKED")

    assert (item["executionName"][49:], item["takeovers"]) == ("-r1", 1)


@pytest.mark.usefixtures("unheard")
def test_a_sweep_that_cannot_list_the_executions_says_so_and_the_next_one_does_the_work(stack):
    link = send_link(stack, {"fromSecond": 100, "answer": "clicked"})
    link.start()
    await_state(link, "Wait For Next Check")
    stack.faults.refuse("listExecutions", "ThrottlingException", [], 40)
    stack.executions.abort(link.verification_id)

    failed = stack.functions.invoke("RecoverUnfinished", json.dumps({"sweep": True}))

    assert failed["FunctionError"]
    assert_finished_once(link, "LINK_CLICKED")


# ── Given up, and re-armed ────────────────────────────────────────────────────────────────────────────────────────────


def measured(stack: Stack, name: str) -> int:
    """How much recovery has counted of a metric: in its log, as embedded metrics."""
    lines = stack.functions.logs_of("RecoverUnfinished").splitlines()
    return int(sum(sum(json.loads(line).get(name, [])) for line in lines if line.startswith('{"_aws"')))


def test_takeovers_end_at_ten_and_one_command_rearms_all_that_was_given_up(stack):
    links = [send_link(stack, {"answer": "clicked"}) for _ in range(2)]
    for link in links:
        link.start()
        await_state(link, "Wait For Next Check")
        set_in_item(link, "SET takeovers = :ten", ten={"N": "10"})
        stack.executions.abort(link.verification_id)
    await_that(lambda: measured(stack, "TakeoversExhausted") >= 2, PATIENCE, "recovery says that it gave up")
    time.sleep(60 / stack.clock.speed)  # a sweep
    for link in links:
        item = stack.item(link.verification_id)
        assert (item["executionName"], item["takeovers"]) == (link.verification_id, 10)
        assert "outcome" not in item
        assert "openVerifications" in item
    repeated = measured(stack, "TakeoversRepeated")

    counts = stack.functions.recover(rearm=True)

    assert counts["taken_over_repeatedly"] >= 2
    assert measured(stack, "TakeoversRepeated") >= repeated + 2
    for link in links:
        item = assert_finished_once(link, "LINK_CLICKED")
        assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-r11", 11)
        assert item["takeoverLimit"] == 20
