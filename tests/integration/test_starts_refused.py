"""Starts that AWS refuses or whose answers get lost, at both entry points: what was accepted is watched (G1), once (G5)."""

import json
from datetime import datetime

import pytest

from operations.deployed.clock import await_that
from tests.integration import calls
from tests.integration.calls import lose_answers, refuse
from tests.integration.conftest import PATIENCE, Link, send_link


def seconds_from_start(link: Link, field: str) -> float:
    """When something happened to it: seconds after it was started."""
    item = link.settled()
    return (datetime.fromisoformat(item[field]) - datetime.fromisoformat(item["startedAt"])).total_seconds()


def deferred_starts(stack, function: str) -> int:
    """How often an entry point has measured StartsDeferred: in its log, as embedded metrics."""
    lines = (line for line in stack.functions.logs_of(function).splitlines() if line.startswith('{"_aws"'))
    return sum(sum(json.loads(line).get("StartsDeferred", [])) for line in lines)


def start(link: Link, entry_point: str) -> int:
    """Starts it and gives the status; of an event, once the event handler has it in the table."""
    if entry_point == "VerificationsApi":
        return link.start().status
    link.put_on_bus()
    await_that(lambda: link.stack.item(link.verification_id), PATIENCE, "the event handler has put it")
    return 202


ENTRY_POINTS = ["VerificationsApi", "InstantLinkSent"]


@pytest.fixture(scope="module")
def refused(stack) -> dict[str, Link]:
    """Verifications whose starts met a fault, all started by now; what comes of them comes side by side."""
    links = {}
    for entry_point in ENTRY_POINTS:
        before = deferred_starts(stack, entry_point)
        link = links[f"throttled at {entry_point}"] = send_link(stack, {"answer": "clicked"})
        refuse(stack, calls.START, link.verification_id, 30)
        assert start(link, entry_point) == 202
        await_that(lambda e=entry_point, b=before: deferred_starts(stack, e) == b + 1, 20, "StartsDeferred is measured")
        assert stack.find(link.verification_id).body["status"] == "WATCHING"
        link = links[f"answer lost at {entry_point}"] = send_link(stack, {"answer": "clicked"})
        lose_answers(stack, calls.START, link.verification_id, 10)
        assert start(link, entry_point) == 202
        link = links[f"put's answer lost at {entry_point}"] = send_link(stack, {"answer": "clicked"})
        lose_answers(stack, calls.PUT, link.verification_id, 30, times=1)
        assert start(link, entry_point) == 202
    link = links["the table refuses the event"] = send_link(stack, sent_seconds_ago=0)
    refuse(stack, calls.PUT, link.verification_id, 420)
    link.put_on_bus()
    return links


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_a_start_is_accepted_though_step_functions_refuses_it_and_the_sweep_starts_it(entry_point, refused):
    link = refused[f"throttled at {entry_point}"]

    item = link.settled()

    assert (item["outcome"], item["executionName"], item["takeovers"]) == ("LINK_CLICKED", link.verification_id, 0)
    began = link.stack.executions.find(link.verification_id)["startDate"]
    assert 30 < (began - datetime.fromisoformat(item["startedAt"])).total_seconds() < 120


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
@pytest.mark.parametrize("what", ["answer", "put's answer"])
def test_a_lost_answer_makes_one_verification_and_one_execution(what, entry_point, refused):
    link = refused[f"{what} lost at {entry_point}"]

    item = link.settled()

    assert (item["outcome"], item["executionName"], item["takeovers"]) == ("LINK_CLICKED", link.verification_id, 0)
    assert len(link.checks_at()) == item["checks"] == 1
    assert len(link.stack.events(link.verification_id)) == 1


def test_a_start_that_the_table_refuses_is_503_and_safe_to_send_again(stack):
    link = send_link(stack, {"answer": "clicked"})
    refuse(stack, calls.PUT, link.verification_id, 30)

    answer = link.start()

    assert (answer.status, answer.body["error"]["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"
    assert stack.executions.find(link.verification_id) is None
    await_that(lambda: link.start().status == 202, PATIENCE, "the table takes it")
    assert link.settled()["outcome"] == "LINK_CLICKED"


def test_an_event_that_the_table_refuses_for_seven_minutes_is_started_then(stack, refused):
    link = refused["the table refuses the event"]

    item = link.settled()

    assert item["source"] == "EVENT"
    assert 420 <= seconds_from_start(link, "settledAt") < 420 + 150 + 60
    # It was reported in time: that nothing could ask is AWS's lateness, not the caller's.
    assert (item["outcome"], item["reason"]) == ("UNKNOWN", "INTERRUPTED")
    assert link.verification_id[:24] not in json.dumps(stack.event_queue.dead_letters())


def test_a_repeated_start_starts_no_execution(stack):
    link = send_link(stack)
    refuse(stack, calls.START, link.verification_id, 60)
    before = {entry_point: deferred_starts(stack, entry_point) for entry_point in ENTRY_POINTS}
    assert link.start().status == 202

    statuses = [link.start().status for _ in range(3)]
    link.put_on_bus()
    await_that(lambda: known_by_event(link), 30, "the event handler knows it")

    assert statuses == [200] * 3
    after = {entry_point: deferred_starts(stack, entry_point) for entry_point in ENTRY_POINTS}
    assert after == {**before, "VerificationsApi": before["VerificationsApi"] + 1}  # a second try would be refused, too
    assert stack.executions.find(link.verification_id) is None


def known_by_event(link: Link) -> bool:
    lines = link.stack.functions.logs_of("InstantLinkSent").splitlines()
    return any("Known already" in line and link.verification_id in line for line in lines)
