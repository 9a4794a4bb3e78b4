"""Both entry points of the deployed stack: what they take, what they refuse, and that they lead to one place."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from local.stack.paths import ROOT
from local.stack.stack import await_that
from tests.integration import calls
from tests.integration.calls import lose_answers, refuse
from tests.integration.conftest import PATIENCE, Link, moment, send_link

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


# ── What AWS refuses ──────────────────────────────────────────────────────────────────────────────────────────────────


def ended(link: Link, name: str) -> dict | None:
    """An execution, once it is over."""
    execution = link.stack.executions.find(name)
    return execution if execution and execution["status"] != "RUNNING" else None


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


# ── Dead letters ──────────────────────────────────────────────────────────────────────────────────────────────────────


def dead_letter_of(link: Link) -> dict | None:
    return next(
        (e for e in link.stack.event_queue.dead_letters() if e["detail"].get("sessionId") == link.session_id), None
    )


def test_a_malformed_event_lies_whole_among_the_dead_letters_at_once_and_is_not_tried_again(stack):
    link = send_link(stack)
    detail = {"requestId": "12", "sessionId": link.session_id, "phoneNumber": "+15550001111"}
    stack.put_link_sent(detail)

    letter = await_that(
        lambda: dead_letter_of(link), 30, "it is a dead letter"
    )  # the queue would try again after 150 s

    assert letter["detail"] == detail
    assert {"id", "time", "source", "detail-type"} <= set(letter)
    logged = stack.functions.logs_of("InstantLinkSent")
    assert "5550001111" not in logged
    assert attributes_of(stack, "InstantLinkSentQueue") == {"0"}


def attributes_of(stack, queue: str) -> set[str]:
    """How many messages of a queue wait and are being handled."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = stack.event_queue.url(queue)
    return set(stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())


def test_of_a_mixed_batch_only_what_the_table_refuses_stays_in_the_queue(stack):
    good, refused, malformed = send_link(stack, {"answer": "clicked"}), send_link(stack), send_link(stack)
    refuse(stack, calls.PUT, refused.verification_id, 30)
    bare = json.loads((ROOT / "events" / "instant-link-sent-bare.json").read_text())
    details = [{"requestId": link.request_id, "sessionId": link.session_id} for link in (refused, good)]
    details.append({"requestId": "12", "sessionId": malformed.session_id})
    bodies = [json.dumps(bare | {"id": str(n), "time": moment(stack, 1), "detail": d}) for n, d in enumerate(details)]
    records = [{"messageId": name, "body": body} for name, body in zip("abc", bodies, strict=True)]

    answer = stack.functions.invoke("InstantLinkSent", json.dumps({"Records": records}))

    assert json.loads(answer["Payload"].read()) == {"batchItemFailures": [{"itemIdentifier": "a"}]}
    assert stack.item(refused.verification_id) is None
    assert good.settled()["outcome"] == "LINK_CLICKED"
    assert dead_letter_of(malformed)


def test_dead_letters_are_sent_again_from_the_queue(stack):
    link = send_link(stack, {"answer": "clicked"})
    event = json.loads((ROOT / "events" / "instant-link-sent-bare.json").read_text())
    event |= {"time": moment(stack, 1), "detail": {"requestId": link.request_id, "sessionId": link.session_id}}
    url = stack.event_queue.url("InstantLinkSentDeadLetters")
    stack.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(event))

    redriven = stack.event_queue.redrive()

    assert redriven >= 1
    assert link.settled()["outcome"] == "LINK_CLICKED"
