"""The events in events/ are what the functions get: each is read here by the code that reads it there."""

import json
from datetime import UTC, datetime

import pytest

from linkwatch.model import parse_ids, parse_verification_id
from linkwatch.recovery import verification_of
from linkwatch.start_request import ApiStartRequest, BadStart, StartRequest, parse_start
from tests.sample_events import EVENTS, event, link_sent

FUNCTIONS = ["check-link", "instant-link-sent", "measure-outcomes", "recover-unfinished", "verifications-api"]
VERIFICATION_ID = "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"


def test_every_function_has_one_and_every_one_has_a_function():
    names = [path.stem for path in EVENTS.iterdir()]

    assert all(any(name.startswith(function) for name in names) for function in FUNCTIONS)
    assert all(any(name.startswith(function) for function in FUNCTIONS) for name in names)


@pytest.mark.parametrize("name", ["instant-link-sent", "instant-link-sent-bare"])
def test_a_link_that_was_sent_is_a_start(name):
    given = link_sent(name)

    start = parse_start(StartRequest, given["detail"], "EVENT", given["id"], datetime.fromisoformat(given["time"]))

    assert start.ids.verification_id == VERIFICATION_ID
    assert start.link_sent_at == datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)


def test_a_posted_body_is_a_start():
    given = event("verifications-api-post")
    taken_at = datetime.fromtimestamp(given["requestContext"]["requestTimeEpoch"] / 1000, UTC)

    start = parse_start(ApiStartRequest, given["body"], "API", given["requestContext"]["requestId"], taken_at)

    assert (start.ids.verification_id, start.correlation_id) == (VERIFICATION_ID, "application-4711")


@pytest.mark.parametrize(
    ("entry_point", "start"),
    [
        pytest.param(StartRequest, link_sent("instant-link-sent-malformed")["detail"], id="event"),
        pytest.param(ApiStartRequest, event("verifications-api-post-bad")["body"], id="body"),
    ],
)
def test_a_start_that_is_none_is_refused(entry_point, start):
    with pytest.raises(BadStart):
        parse_start(entry_point, start, "API", "x", datetime.now(UTC))


def test_a_path_names_a_verification_or_does_not():
    def named(name: str) -> str | None:
        return parse_verification_id(event(name)["pathParameters"]["verificationId"])

    assert named("verifications-api-get") == named("verifications-api-delete") == VERIFICATION_ID
    assert named("verifications-api-get-bad") is None


def test_a_check_has_ids_or_has_none():
    def ids(name: str) -> object:
        return parse_ids(event(name)["requestId"], event(name)["sessionId"])

    assert ids("check-link") == ids("check-link-past-deadline")
    assert ids("check-link") is not None
    assert ids("check-link-malformed-ids") is None


def test_an_execution_that_died_tells_its_verification():
    detail = event("recover-unfinished-aborted")["detail"]

    assert verification_of(detail["name"]) == VERIFICATION_ID
    assert json.loads(detail["input"]) == {"verificationId": VERIFICATION_ID}
