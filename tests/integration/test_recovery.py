"""What stops half-way on the deployed stack is finished by recovery: after a status event, or by the sweep."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from tests.integration import calls
from tests.integration.calls import refuse
from tests.integration.conftest import ENTRY_POINTS, Link, assert_finished, late_link, measured, moment, send_link

CLICKED, PENDING, UNKNOWN_IDS = {"answer": "clicked"}, {"answer": "pending"}, {"answer": "unknown-ids"}
PENDING_AT_FIRST = {**PENDING, "checks": [1]}
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


# ── After a status event ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def aborted(stack) -> dict[str, Link]:
    """Verifications whose first execution was aborted after the first check, each at once: a second rejection would settle it."""

    def abort_after_the_first_check(link: Link, state: str = "Check Link") -> Link:
        link.await_that(link.checks_at, "it is checked")
        link.await_state(state)
        stack.executions.abort(link.verification_id)
        return link

    def settled_and_not_published() -> Link:
        link = send_link(stack, CLICKED, sent_seconds_ago=240)
        refuse(stack, calls.PUBLISH, link.verification_id, 40)
        link.start_by("api", linkSentAt=moment(stack, 240))
        return abort_after_the_first_check(link, "Publish Outcome")

    scripts = {
        "never clicked": [PENDING],
        "unknown ids before and after": [UNKNOWN_IDS],
        "unknown ids before, then clicked": [{**UNKNOWN_IDS, "checks": [1]}, CLICKED],
    }
    with ThreadPoolExecutor(4) as pool:
        settled = pool.submit(settled_and_not_published)
        links = pool.map(lambda script: abort_after_the_first_check(late_link(stack, 240, *script)), scripts.values())
        return dict(zip(scripts, links, strict=True)) | {"settled": settled.result()}


def test_an_aborted_execution_is_replaced_and_the_deadline_stays(aborted):
    link = aborted["never clicked"]

    assert_taken_over(link, "EXPIRED")

    assert link.checks_at()[-1] == pytest.approx(298, abs=2)


def test_what_was_settled_before_a_takeover_is_published_and_not_checked_again(aborted):
    assert_taken_over(aborted["settled"], "LINK_CLICKED")

    assert len(aborted["settled"].checks_at()) == 1


def test_rejections_before_and_after_a_takeover_result_in_unknown(aborted):
    assert_taken_over(aborted["unknown ids before and after"], "UNKNOWN", "UNKNOWN_IDS")


def test_a_click_after_a_rejection_and_a_takeover_counts(aborted):
    assert_taken_over(aborted["unknown ids before, then clicked"], "LINK_CLICKED")


def status_event(name: str) -> str:
    """What Step Functions says when an execution was aborted."""
    detail = {"name": name, "status": "ABORTED"}
    return json.dumps({"id": "by-hand", "detail-type": "Step Functions Execution Status Change", "detail": detail})


def test_repeated_status_events_and_sweeps_at_once_make_one_takeover(stack):
    link = late_link(stack, 240)
    change_item(link, f"SET {STARTED_EARLIER}")
    link.await_state("Wait For Next Check")
    stack.executions.abort(link.verification_id)

    events = [status_event(link.verification_id), '{"sweep": true}'] * 3
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda event: stack.functions.invoke("RecoverUnfinished", event), events))

    assert_taken_over(link, "EXPIRED")
    assert stack.executions.find(f"{link.verification_id}-r2") is None


@pytest.mark.parametrize("name", ["running", "started-by-hand"])
def test_a_status_event_about_an_execution_that_runs_or_is_unknown_changes_nothing(name, stack):
    link = late_link(stack, 240)
    before = stack.item(link.verification_id)
    about = link.verification_id if name == "running" else name

    answer = stack.functions.invoke("RecoverUnfinished", status_event(about))

    assert "FunctionError" not in answer
    assert stack.item(link.verification_id) == before
    assert stack.executions.find(f"{link.verification_id}-r1") is None


# ── By the sweep ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def without_status_events(stack):
    rules = stack.client("events")
    rule = next(rule for rule in rules.list_rules()["Rules"] if "OnExecutionEnded" in rule["Name"])
    rules.disable_rule(Name=rule["Name"])
    yield
    rules.enable_rule(Name=rule["Name"])


@pytest.fixture(scope="module")
def deferred(stack) -> dict[str, Link]:
    """Verifications whose execution Step Functions did not start."""
    functions = {"api": "VerificationsApi", "event": "InstantLinkSent"}
    links = {}
    for entry_point in ENTRY_POINTS:
        before = measured(stack, functions[entry_point], "StartsDeferred")
        link = links[entry_point] = send_link(stack, CLICKED)
        refuse(stack, calls.START, link.verification_id, 30)
        link.start_by(entry_point)
        link.await_that(
            lambda f=functions[entry_point], b=before: measured(stack, f, "StartsDeferred") == b + 1,
            "StartsDeferred is counted",
        )
    return links


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_an_execution_that_was_not_started_is_started_by_the_sweep(entry_point, deferred):
    link = deferred[entry_point]

    item = assert_finished(link, "LINK_CLICKED")

    assert (item["executionName"], item["takeovers"]) == (link.verification_id, 0)
    began = link.stack.executions.find(link.verification_id)["startDate"]
    assert 30 < (began - datetime.fromisoformat(item["startedAt"])).total_seconds() < 120


@pytest.mark.usefixtures("without_status_events")
def test_an_execution_whose_status_event_is_lost_is_replaced_by_the_sweep(stack):
    link = late_link(stack, 100, PENDING_AT_FIRST, CLICKED)
    link.await_that(link.checks_at, "it is checked")
    stack.executions.abort(link.verification_id)

    assert_taken_over(link, "LINK_CLICKED")


def test_what_is_published_and_not_marked_is_published_again_without_a_check(stack):
    link = late_link(stack, 200, CLICKED)
    settled = link.settled()
    # As if the execution had failed between Publish Outcome and Mark Published.
    change_item(link, "REMOVE publishedAt, expiresAt SET openVerifications = deadline")

    item = link.settled()

    successor = {"executionName": f"{link.verification_id}-r1", "takeovers": 1}
    assert item == {**settled, **successor, **{name: item[name] for name in ("publishedAt", "expiresAt")}}
    assert len(link.checks_at()) == settled["checks"]
    assert_finished(link, "LINK_CLICKED")


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
def test_a_sweep_recovers_the_others_and_publishes_its_metrics_when_an_item_is_garbage(stack):
    link = late_link(stack, 240)
    change_item(link, f"SET {STARTED_EARLIER}")
    link.await_state("Wait For Next Check")
    stack.executions.abort(link.verification_id)
    takeovers, listed = (measured(stack, "RecoverUnfinished", name) for name in ("Takeovers", "OpenVerifications"))

    stack.functions.invoke("RecoverUnfinished", '{"sweep": true}')

    assert measured(stack, "RecoverUnfinished", "Takeovers") > takeovers
    assert measured(stack, "RecoverUnfinished", "OpenVerifications") > listed
    assert_taken_over(link, "EXPIRED")


def test_recovery_gives_up_after_ten_takeovers_and_one_command_resumes_all(stack):
    links = [late_link(stack, 100, {**PENDING, "untilSecond": 150}, CLICKED) for _ in range(2)]
    exhausted = measured(stack, "RecoverUnfinished", "TakeoversExhausted")
    for link in links:
        link.await_state("Wait For Next Check")
        change_item(link, f"SET takeovers = :ten, {STARTED_EARLIER}", ten={"N": "10"})
        stack.executions.abort(link.verification_id)
    links[0].await_that(
        lambda: measured(stack, "RecoverUnfinished", "TakeoversExhausted") >= exhausted + 2, "recovery gives up"
    )
    stack.functions.recover()
    for link in links:
        item = stack.item(link.verification_id)
        assert item
        assert (item["executionName"], item["takeovers"]) == (link.verification_id, 10)
        assert "openVerifications" in item

    counts = stack.functions.recover(rearm=True)

    assert counts["taken_over_repeatedly"] >= 2
    for link in links:
        item = assert_finished(link, "LINK_CLICKED")
        assert (item["executionName"], item["takeovers"]) == (f"{link.verification_id}-r11", 11)
        assert item["takeoverLimit"] == 20
