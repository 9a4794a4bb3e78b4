"""What stops half-way on the deployed stack is finished by recovery: after a status event, or by the sweep."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from local.stack import Stack
from tests.integration import calls
from tests.integration.calls import refuse
from tests.integration.conftest import Link, assert_finished, late_link, measured, send_link, start_all, sweep

CLICKED = {"answer": "clicked"}
CLICKED_AFTER_REJECTIONS = [
    {"answer": "502-html", "checks": [1, 2, 3]},
    {"answer": "unknown-ids", "checks": [4, 5, 6]},
    CLICKED,
]
CLICKED_LATER = [{"answer": "pending", "checks": [1, 2, 3, 4, 5, 6]}, CLICKED]
#: The sweep ignores an item for 30 s after its start.
STARTED_EARLIER = "SET startedAt = :past"
PAST = {"S": "2026-01-01T00:00:00.000Z"}


def change_item(link: Link, expression: str, **values: dict[str, str]) -> None:
    """Changes an item by hand."""
    link.stack.client("dynamodb").update_item(
        TableName=link.stack.outputs.TableName,
        Key={"verificationId": {"S": link.verification_id}},
        UpdateExpression=expression,
        **({"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}),
    )


def is_taken_over(link: Link) -> bool:
    item = link.stack.item(link.verification_id)
    return item is not None and item["takeovers"] > 0


def assert_taken_over(link: Link, takeovers: int = 1) -> dict[str, Any]:
    item = assert_finished(link, "LINK_CLICKED")
    assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-r{takeovers}", takeovers)
    return item


@pytest.fixture(scope="module")
def interrupted(stack) -> dict[str, Future[Link]]:
    """Verifications that stop half-way, all at once."""

    def after_a_check() -> Link:
        """One of three that no sweep finds: on a busy machine recovery may fail for a status event."""
        links = [late_link(stack, 0, *CLICKED_AFTER_REJECTIONS) for _ in range(3)]
        for link in links:
            change_item(link, "REMOVE openVerifications")
            link.await_that(link.checks_at, "it is checked")
            stack.abort(link.verification_id)
        return links[0].await_that(lambda: next(filter(is_taken_over, links), None), "a status event is acted on")

    def after_the_record() -> Link:
        link = send_link(stack, CLICKED)
        refuse(stack, calls.PUBLISH, link.verification_id, 120)
        link.start_by("api")
        link.await_state("Publish Outcome")
        stack.abort(link.verification_id)
        detail = {"name": link.verification_id, "status": "ABORTED"}
        reported = json.dumps(
            {"id": "by-hand", "detail-type": "Step Functions Execution Status Change", "detail": detail}
        )
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(partial(stack.invoke, "RecoverUnfinished"), [reported, '{"sweep": true}'] * 3))
        return link

    def before_its_execution() -> Link:
        link = send_link(stack, CLICKED)
        refuse(stack, calls.START, link.verification_id, 3600, times=calls.TRIES)
        link.start_by("api")
        return link

    return start_all({act.__name__: act for act in (after_a_check, after_the_record, before_its_execution)})


def test_an_aborted_execution_is_replaced_after_its_status_event_and_rejections_do_not_settle_it(interrupted):
    link = interrupted["after_a_check"].result()

    assert_taken_over(link)

    assert len(link.checks_at()) > 6


def test_what_was_settled_is_published_by_one_takeover_however_often_its_end_is_reported(stack, interrupted):
    link = interrupted["after_the_record"].result()

    assert_taken_over(link)

    assert len(link.checks_at()) == 1
    assert stack.execution(f"{link.verification_id}-r2") is None


def test_an_execution_that_was_not_started_is_started_by_the_sweep(interrupted):
    link = interrupted["before_its_execution"].result()

    item = assert_finished(link, "LINK_CLICKED")

    assert (item["executionName"], item["takeovers"]) == (link.verification_id, 0)


def test_recovery_gives_up_after_ten_takeovers_and_one_command_resumes(stack):
    count = partial(measured, stack, "RecoverUnfinished")
    exhausted, repeated = count("TakeoversExhausted"), count("TakeoversRepeated")
    link = late_link(stack, 0, *CLICKED_LATER)
    link.await_state("Wait For Next Check")
    change_item(link, f"{STARTED_EARLIER}, takeovers = :ten", past=PAST, ten={"N": "10"})
    stack.abort(link.verification_id)
    link.await_that(lambda: count("TakeoversExhausted") > exhausted, "recovery gives up")
    item = stack.item(link.verification_id)
    assert (item["executionName"], item["takeovers"]) == (link.verification_id, 10)
    assert "openVerifications" in item

    link.await_that(
        lambda: sweep(stack, rearm=True) or stack.item(link.verification_id)["takeovers"] == 11, "it is resumed"
    )

    assert assert_taken_over(link, 11)["takeoverLimit"] == 20
    assert count("TakeoversRepeated") > repeated


@pytest.fixture
def without_status_events(stack: Stack) -> Iterator[None]:
    rules = stack.client("events")
    rule = next(rule for rule in rules.list_rules()["Rules"] if "OnExecutionEnded" in rule["Name"])
    rules.disable_rule(Name=rule["Name"])
    yield
    rules.enable_rule(Name=rule["Name"])


@pytest.mark.usefixtures("without_status_events")
def test_an_aborted_execution_is_replaced_by_the_sweep_without_a_status_event(stack):
    link = late_link(stack, 0, *CLICKED_LATER)
    change_item(link, STARTED_EARLIER, past=PAST)
    link.await_state("Wait For Next Check")

    stack.abort(link.verification_id)

    assert_taken_over(link)
