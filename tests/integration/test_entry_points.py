"""Both entry points of the deployed stack: what they take, what they refuse, and that they lead to one place."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from operations.deployed.clock import await_that
from tests.integration.conftest import Link, moment, send_link

VERIFICATION_KEYS = {
    *("verificationId", "requestId", "sessionId", "correlationId", "status", "outcome", "reason"),
    *("linkSentAt", "deadline", "checks", "result", "settledAt", "publishedAt"),
}


def test_a_start_is_accepted_and_found_at_once(stack):
    link = send_link(stack)

    started = link.start(correlationId="application-4711")
    found = stack.find(link.verification_id)

    assert started.status == 202
    assert started.headers["location"] == f"/v1/verifications/{link.verification_id}"
    assert set(started.body) == VERIFICATION_KEYS
    assert (started.body["status"], started.body["correlationId"]) == ("WATCHING", "application-4711")
    assert (found.status, found.body) == (200, started.body)


def test_the_item_is_whole_before_the_answer_leaves(stack):
    link = send_link(stack)

    started = link.start(correlationId="application-4711")

    item = stack.item(link.verification_id)
    assert item.items() >= {name: value for name, value in started.body.items() if value is not None}.items()
    assert (item["executionName"], item["takeovers"], item["source"]) == (link.verification_id, 0, "API")
    assert item["openVerifications"] == item["deadline"]
    assert item["startId"]
    assert not {"outcome", "publishedAt", "expiresAt", "takeoverLimit"} & set(item)


def test_the_execution_is_told_nothing_but_the_verification(stack):
    link = send_link(stack, {"answer": "clicked"})
    link.start(correlationId="application-4711")
    link.settled()

    execution = await_that(lambda: ended(link, link.verification_id), 10, "it has ended")

    assert json.loads(execution["input"]) == {"verificationId": link.verification_id}
    assert json.loads(execution["output"]) == {}


def test_the_same_start_again_gets_the_verification_as_it_stands(stack):
    link = send_link(stack)
    first = link.start(correlationId="first")

    again = link.start(correlationId="second")

    assert (again.status, again.body) == (200, first.body)


def test_an_event_on_the_bus_starts_a_verification(stack):
    link = send_link(stack, {"answer": "clicked"})

    link.put_on_bus(correlationId="application-4711", channel="unknown fields are ignored")

    item = link.settled()
    assert (item["outcome"], item["source"], item["correlationId"]) == ("LINK_CLICKED", "EVENT", "application-4711")
    assert link.event()["detail"]["correlationId"] == "application-4711"


def test_twenty_starts_at_once_through_both_entry_points_make_one_execution(stack):
    link = send_link(stack, {"answer": "clicked"})
    link_sent_at = moment(stack, 1)

    def start(number: int) -> int:
        if number % 2:
            link.put_on_bus(linkSentAt=link_sent_at)
            return 0
        # Ten Lambdas that start at once on two cores, under an accelerated clock, may not be in time: a caller then tries again.
        answers = (link.start(linkSentAt=link_sent_at).status for _ in range(5))
        return next(status for status in answers if status < 500)

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(start, range(20)))

    assert set(statuses) <= {0, 200, 202}
    assert statuses.count(202) <= 1
    item = link.settled()
    assert (item["executionName"], item["takeovers"]) == (link.verification_id, 0)
    assert len(stack.signzy.requests(link.request_id)) == item["checks"]
    assert len(stack.events(link.verification_id)) == 1


def test_an_unsigned_call_is_refused(stack):
    link = send_link(stack)
    body = {"requestId": link.request_id, "sessionId": link.session_id}

    answer = stack.call_api("POST", "/verifications", body, signed=False)

    assert answer.status == 403
    assert stack.find(link.verification_id).status == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"requestId": "12"}, "requestId", id="an id that is none"),
        pytest.param({"sessionId": None}, "sessionId", id="an id that is missing"),
        pytest.param({"linkSentAt": "10 o'clock"}, "linkSentAt", id="a time that is none"),
        pytest.param({"linkSentAt": "2099-01-01T00:00:00Z"}, "linkSentAt", id="a time that has not come"),
        pytest.param({"correlationId": ""}, "correlationId", id="an empty correlationId"),
        pytest.param({"phoneNumber": "+15550001111"}, "phoneNumber", id="an unknown field"),
    ],
)
def test_a_bad_field_is_named(change, field, stack):
    link = send_link(stack)
    body = {"requestId": link.request_id, "sessionId": link.session_id, **change}

    answer = stack.call_api("POST", "/verifications", body)

    assert answer.status == 400
    assert set(answer.body) == {"error"}
    assert set(answer.body["error"]) == {"code", "message", "fields"}
    assert list(answer.body["error"]["fields"]) == [field]
    assert "5550001111" not in json.dumps(answer.body)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param("", 400, id="nothing"),
        pytest.param("{", 400, id="no JSON"),
        pytest.param("[]", 400, id="a list"),
        pytest.param('"x"', 400, id="a text"),
        pytest.param("[" * 4000, 400, id="deep"),
        pytest.param('{"requestId": "\\ud800"}', 400, id="half a character"),
        pytest.param(json.dumps({"requestId": "x" * 9000}), 413, id="too large"),
        pytest.param("x" * 1_000_000, 413, id="much too large"),
    ],
)
def test_a_body_that_is_no_start_is_refused_as_the_callers_mistake(body, status, stack):
    answer = stack.call_api("POST", "/verifications", body)

    assert answer.status == status
    assert {"code", "message"} <= set(answer.body["error"])


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    ("verification_id", "status"), [("4711", 400), ("x" * 49, 400), (f"{'0' * 24}-{'0' * 24}", 404)]
)
def test_what_does_not_exist_is_not_found(method, verification_id, status, stack):
    answer = stack.call_api(method, f"/verifications/{verification_id}")

    assert answer.status == status
    assert {"code", "message"} <= set(answer.body["error"])


def ended(link: Link, name: str) -> dict | None:
    """An execution, once it is over."""
    execution = link.stack.executions.find(name)
    return execution if execution and execution["status"] != "RUNNING" else None
