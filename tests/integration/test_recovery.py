"""What stops half-way on the deployed stack is finished by recovery: after a status event, or by the sweep."""

import json
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from tests.integration import calls
from tests.integration.calls import refuse
from tests.integration.conftest import Link, assert_finished, late_link, measured, moment, send_link, start_all

CLICKED, PENDING, DOWN = {"answer": "clicked"}, {"answer": "pending"}, {"answer": "upstream-down"}
UNKNOWN_IDS, MALFORMED_IDS = {"answer": "unknown-ids"}, {"answer": "malformed-request-id"}
PENDING_AT_FIRST = {**PENDING, "checks": [1]}
#: Executions that are aborted after the first check: what the checks get, outcome, reason.
ABORTED = {
    "no click": ([PENDING], "EXPIRED", None),
    "ids unknown before and after": ([UNKNOWN_IDS], "UNKNOWN", "UNKNOWN_IDS"),
    "ids malformed before and after": ([MALFORMED_IDS], "UNKNOWN", "MALFORMED_IDS"),
    "ids unknown before, then a click": ([{**UNKNOWN_IDS, "checks": [1]}, CLICKED], "LINK_CLICKED", None),
    "ids malformed before, then a click": ([{**MALFORMED_IDS, "checks": [1]}, CLICKED], "LINK_CLICKED", None),
    "ids malformed twice after, then a click": (
        [{**DOWN, "checks": [1]}, {**MALFORMED_IDS, "checks": [2, 3]}, CLICKED],
        "LINK_CLICKED",
        None,
    ),
}
HANDLERS = {"api": "VerificationsApi", "event": "InstantLinkSent"}
#: The sweep ignores an item for 30 s after its start.
STARTED_EARLIER = "startedAt = linkSentAt"


def assert_taken_over(link: Link, outcome: str, reason: str | None = None) -> dict[str, Any]:
    item = assert_finished(link, outcome, reason)
    assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-r1", 1)
    return item


def change_item(link: Link, expression: str, **values: Any) -> None:
    """Changes an item by hand."""
    link.stack.client("dynamodb").update_item(
        TableName=link.stack.outputs.TableName,
        Key={"verificationId": {"S": link.verification_id}},
        UpdateExpression=expression,
        **({"ExpressionAttributeValues": {f":{n}": v for n, v in values.items()}} if values else {}),
    )


def status_event(name: str) -> str:
    """What Step Functions says when an execution was aborted."""
    detail = {"name": name, "status": "ABORTED"}
    return json.dumps({"id": "by-hand", "detail-type": "Step Functions Execution Status Change", "detail": detail})


@pytest.fixture(scope="module", autouse=True)
def interrupted(stack) -> dict[str, Future[Any]]:
    """Verifications that stop half-way, all at once."""

    def abort_after_the_first_check(script: list[dict[str, Any]]) -> Link:
        link = late_link(stack, 120, *script)
        link.await_that(link.checks_at, "it is checked")
        stack.abort(link.verification_id)
        return link

    def abort_after_the_record() -> Link:
        link = send_link(stack, CLICKED, sent_seconds_ago=120)
        refuse(stack, calls.PUBLISH, link.verification_id, 40)
        link.start_by("api", linkSentAt=moment(stack, 120))
        link.await_state("Publish Outcome")
        stack.abort(link.verification_id)
        return link

    def undo_the_mark() -> tuple[Link, dict[str, Any]]:
        link = late_link(stack, 120, CLICKED)
        settled = link.settled()
        change_item(link, "REMOVE publishedAt, expiresAt SET openVerifications = deadline")
        return link, settled

    def report_many_times() -> Link:
        link = late_link(stack, 120, PENDING_AT_FIRST, CLICKED)
        change_item(link, f"SET {STARTED_EARLIER}")
        link.await_state("Wait For Next Check")
        stack.abort(link.verification_id)
        with ThreadPoolExecutor(6) as pool:
            events = [status_event(link.verification_id), '{"sweep": true}'] * 3
            list(pool.map(partial(stack.invoke, "RecoverUnfinished"), events))
        return link

    def defer(entry_point: str) -> Link:
        deferred = partial(measured, stack, HANDLERS[entry_point], "StartsDeferred")
        before, link = deferred(), send_link(stack, CLICKED)
        refuse(stack, calls.START, link.verification_id, 300, times=calls.TRIES)
        link.start_by(entry_point)
        link.await_that(lambda: deferred() > before, "StartsDeferred is counted")
        return link

    return start_all(
        {name: partial(abort_after_the_first_check, script) for name, (script, *_) in ABORTED.items()}
        | {entry_point: partial(defer, entry_point) for entry_point in HANDLERS}
        | {"recorded": abort_after_the_record, "unmarked": undo_the_mark, "reported": report_many_times}
    )


# ── After a status event ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["running", "started-by-hand"])
def test_a_status_event_about_an_execution_that_runs_or_is_unknown_changes_nothing(name, stack):
    link = late_link(stack, 0)
    before = stack.item(link.verification_id)
    about = link.verification_id if name == "running" else name

    answer = stack.invoke("RecoverUnfinished", status_event(about))

    assert "FunctionError" not in answer
    assert stack.item(link.verification_id) == before
    assert stack.execution(f"{link.verification_id}-r1") is None


@pytest.mark.parametrize("name", ABORTED)
def test_an_aborted_execution_is_replaced_and_no_answer_before_it_counts(name, interrupted):
    link, (_, outcome, reason) = interrupted[name].result(), ABORTED[name]

    assert_taken_over(link, outcome, reason)


def test_the_deadline_stays_after_a_takeover(interrupted):
    link = interrupted["no click"].result()
    link.settled()

    assert link.checks_at()[-1] == pytest.approx(298, abs=2)


def test_what_was_settled_before_a_takeover_is_published_and_not_checked_again(interrupted):
    link = interrupted["recorded"].result()

    assert_taken_over(link, "LINK_CLICKED")

    assert len(link.checks_at()) == 1


def test_repeated_status_events_and_sweeps_at_once_make_one_takeover(stack, interrupted):
    link = interrupted["reported"].result()

    assert_taken_over(link, "LINK_CLICKED")

    assert stack.execution(f"{link.verification_id}-r2") is None


# ── By the sweep ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("entry_point", HANDLERS)
def test_an_execution_that_was_not_started_is_started_by_the_sweep(entry_point, interrupted):
    link = interrupted[entry_point].result()

    item = assert_finished(link, "LINK_CLICKED")

    assert (item["executionName"], item["takeovers"]) == (link.verification_id, 0)
    began = link.stack.execution(link.verification_id)["startDate"]
    assert 30 < (began - datetime.fromisoformat(item["startedAt"])).total_seconds() < 120


def test_what_is_published_and_not_marked_is_published_again_without_a_check(interrupted):
    link, settled = interrupted["unmarked"].result()

    item = link.settled()

    successor = {"executionName": f"{link.verification_id}-r1", "takeovers": 1}
    assert item == {**settled, **successor, **{name: item[name] for name in ("publishedAt", "expiresAt")}}
    assert len(link.checks_at()) == settled["checks"]
    assert_finished(link, "LINK_CLICKED")


def test_recovery_gives_up_after_ten_takeovers_and_one_command_resumes_all(stack):
    links = [late_link(stack, 100, {**PENDING, "untilSecond": 150}, CLICKED) for _ in range(2)]
    exhausted = measured(stack, "RecoverUnfinished", "TakeoversExhausted")
    for link in links:
        link.await_state("Wait For Next Check")
        change_item(link, f"SET takeovers = :ten, {STARTED_EARLIER}", ten={"N": "10"})
        stack.abort(link.verification_id)
    links[0].await_that(
        lambda: measured(stack, "RecoverUnfinished", "TakeoversExhausted") >= exhausted + 2, "recovery gives up"
    )
    stack.recover()
    for link in links:
        item = stack.item(link.verification_id)
        assert (item["executionName"], item["takeovers"]) == (link.verification_id, 10)
        assert "openVerifications" in item

    counts = stack.recover(rearm=True)

    assert counts["taken_over_repeatedly"] >= 2
    for link in links:
        item = assert_finished(link, "LINK_CLICKED")
        assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-r11", 11)
        assert item["takeoverLimit"] == 20


@pytest.fixture
def without_status_events(stack):
    rules = stack.client("events")
    rule = next(rule for rule in rules.list_rules()["Rules"] if "OnExecutionEnded" in rule["Name"])
    rules.disable_rule(Name=rule["Name"])
    yield
    rules.enable_rule(Name=rule["Name"])


@pytest.fixture
def garbage(stack):
    """An open item whose values nobody of us wrote."""
    texts = {"takeovers": "many", "startedAt": "yesterday", "deadline": "?", "openVerifications": "?"}
    item = {"verificationId": "garbage", "executionName": "garbage", **texts}
    client, table = stack.client("dynamodb"), stack.outputs.TableName
    client.put_item(TableName=table, Item={name: {"S": text} for name, text in item.items()})
    yield
    client.delete_item(TableName=table, Key={"verificationId": {"S": "garbage"}})


@pytest.mark.usefixtures("garbage", "without_status_events")
def test_a_sweep_replaces_executions_without_a_status_event_and_beside_an_item_with_wrong_values(stack):
    link = late_link(stack, 120, PENDING_AT_FIRST, CLICKED)
    change_item(link, f"SET {STARTED_EARLIER}")
    link.await_that(link.checks_at, "it is checked")
    # Before the abort: the sweep of the schedule may come first.
    takeovers, listed = (measured(stack, "RecoverUnfinished", name) for name in ("Takeovers", "OpenVerifications"))
    stack.abort(link.verification_id)

    stack.invoke("RecoverUnfinished", '{"sweep": true}')

    assert measured(stack, "RecoverUnfinished", "Takeovers") > takeovers
    assert measured(stack, "RecoverUnfinished", "OpenVerifications") > listed
    assert_taken_over(link, "LINK_CLICKED")
