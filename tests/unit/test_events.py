"""The functions can read the events in events/."""

import json
from datetime import UTC, datetime

import pytest

from linkwatch.find_request import parse_find
from linkwatch.model import parse_ids, parse_verification_id
from linkwatch.recovery import verification_of
from linkwatch.start_request import InvalidInput, parse_body, parse_event
from tests.sample_events import EVENTS, event

FUNCTIONS = ["check-link", "instant-link-sent", "measure-outcomes", "recover-unfinished", "verifications-api"]
VERIFICATION_ID = "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"


def test_every_function_has_an_event_and_every_event_a_function():
    names = [path.stem for path in EVENTS.iterdir()]

    assert all(any(name.startswith(function) for name in names) for function in FUNCTIONS)
    assert all(any(name.startswith(function) for function in FUNCTIONS) for name in names)


@pytest.mark.parametrize("name", ["instant-link-sent", "instant-link-sent-bare"])
def test_a_start_event_is_a_start(name):
    (record,) = event(name)["Records"]
    taken_at = datetime.fromtimestamp(int(record["attributes"]["SentTimestamp"]) / 1000, UTC)

    start = parse_event(record["body"], taken_at)

    assert start.ids.verification_id == VERIFICATION_ID
    assert start.link_sent_at == datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)


def test_a_posted_body_is_a_start():
    given = event("verifications-api-post")
    taken_at = datetime.fromtimestamp(given["requestContext"]["requestTimeEpoch"] / 1000, UTC)

    start = parse_body(given["body"].encode(), given["requestContext"]["requestId"], taken_at, None)

    assert (start.ids.verification_id, start.correlation_id) == (VERIFICATION_ID, "application-4711")


def test_a_malformed_start_is_refused():
    (record,) = event("instant-link-sent-malformed")["Records"]

    with pytest.raises(InvalidInput):
        parse_event(record["body"], datetime.now(UTC))
    with pytest.raises(InvalidInput):
        parse_body(event("verifications-api-post-bad")["body"].encode(), "x", datetime.now(UTC), None)


def test_a_search_asks_for_a_correlation_id():
    query = parse_find(event("verifications-api-search")["multiValueQueryStringParameters"])

    assert query.correlationId == "application-4711"


def test_the_path_of_a_sample_event_names_a_verification():
    def named(name: str) -> str | None:
        return parse_verification_id(event(name)["pathParameters"]["verificationId"])

    assert named("verifications-api-get") == named("verifications-api-delete") == VERIFICATION_ID
    assert named("verifications-api-get-bad") is None


def test_the_ids_of_a_check_are_valid_or_malformed():
    def ids(name: str) -> object:
        return parse_ids(event(name)["requestId"], event(name)["sessionId"])

    assert ids("check-link") == ids("check-link-past-deadline")
    assert ids("check-link") is not None
    assert ids("check-link-malformed-ids") is None


def test_a_failed_execution_names_its_verification():
    detail = event("recover-unfinished-aborted")["detail"]

    assert verification_of(detail["name"]) == VERIFICATION_ID
    assert json.loads(detail["input"]) == {"verificationId": VERIFICATION_ID}
