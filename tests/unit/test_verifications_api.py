"""The API answers API Gateway's proxy events: starting, finding, searching and cancelling, down to the calls of AWS."""

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from linkwatch.find_request import NEXT_PATTERN, next_after, parse_find
from linkwatch.start_request import InvalidInput
from tests.sample_events import event
from tests.schemas import OPENAPI, complaints
from tests.unit.fake_aws import Function

ID = "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"
MINE = "application-4711"
CALLER = "arn:aws:sts::123456789012:assumed-role/sender/sender"
#: The verification that the sample event starts.
SHOWN = OPENAPI["components"]["examples"]["Watched"]["value"]
#: What the state machine writes, and as the API shows it.
CLICKED = {
    "status": {"S": "SETTLED"},
    "outcome": {"S": "LINK_CLICKED"},
    "reason": {"S": ""},
    "checks": {"N": "4"},
    "result": {"S": '{"carrier": "Ærizon"}'},
}
CLICKED_SHOWN = SHOWN | {"status": "SETTLED", "outcome": "LINK_CLICKED", "checks": 4, "result": {"carrier": "Ærizon"}}


class Api(Function):
    """The handler. last: its last answer, with its body as text."""

    def call(self, name: str, *, request_id: str | None = None, **changes: Any) -> tuple[int, dict[str, Any]]:
        given = event(f"verifications-api-{name}") | changes
        given["requestContext"]["requestId"] = request_id or given["requestContext"]["requestId"]
        self.last = self(given)
        assert self.last["headers"]["Content-Type"] == "application/json"
        answer = json.loads(self.last["body"])
        assert "error" not in answer or complaints("error", answer) == []
        return self.last["statusCode"], answer

    def search(self, **parameters: str) -> tuple[int, dict[str, Any]]:
        return self.call("search", multiValueQueryStringParameters={name: [it] for name, it in parameters.items()})


@pytest.fixture
def api(aws, capsys):  # noqa: ARG001  its environment
    return Api("verifications_api", capsys)


@pytest.fixture
def started(api, aws):
    """Starts a verification through the API."""
    api.call("post")
    aws.called.clear()


def body(**changes: Any) -> str:
    return json.dumps(json.loads(event("verifications-api-post")["body"]) | changes)


# ── Start ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_start_stores_the_whole_verification_and_starts_its_execution(api, aws, recwarn):
    assert api.call("post") == (202, SHOWN)

    texts = {name: value for name, value in SHOWN.items() if value is not None} | {
        "schemaVersion": "1.0",
        "openVerifications": SHOWN["deadline"],
        "executionName": ID,
        "startId": event("verifications-api-post")["requestContext"]["requestId"],
        "startedAt": "2026-11-23T10:00:00.250Z",
        "startedBy": CALLER,
        "source": "API",
    }
    assert aws.table.items[ID] == {name: {"S": text} for name, text in texts.items()} | {"takeovers": {"N": "0"}}
    assert {name: json.loads(it["input"]) for name, it in aws.executions.items()} == {ID: {"verificationId": ID}}
    assert api.metrics == {"Starts": 1}
    assert [line["startedBy"] for line in api.logged("INFO")] == [CALLER]
    assert not recwarn.list, "Powertools warns where there is no metric to publish"
    assert api.call("get") == (200, SHOWN)


def test_a_start_without_a_time_counts_from_when_api_gateway_received_it(api, aws):
    api.call("post", body=body(linkSentAt=None, correlationId=None))

    item = aws.table.items[ID]
    assert item["linkSentAt"] == item["startedAt"] == {"S": "2026-11-23T10:00:00.250Z"}
    assert item["deadline"] == {"S": "2026-11-23T10:05:00.000Z"}
    assert "correlationId" not in item


@pytest.mark.parametrize(
    ("path", "location"),
    [
        pytest.param("/v1/verifications/", f"/v1/verifications/{ID}", id="stage, and a slash at the end"),
        pytest.param("/bank/links/verifications", f"/bank/links/verifications/{ID}", id="base path"),
    ],
)
def test_a_start_names_the_verifications_path_below_the_path_of_the_request(path, location, api):
    request = event("verifications-api-post")["requestContext"] | {"path": path}

    for status, request_id in ((202, "first"), (200, "second")):
        assert api.call("post", request_id=request_id, path=path, requestContext=request)[0] == status
        assert api.last["headers"]["Location"] == location


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(("correlation_id", "warnings"), [("application-4712", 1), (None, 0), (MINE, 0)])
def test_a_known_start_is_answered_with_the_verification_as_it_is(correlation_id, warnings, api, aws):
    aws.table.store(aws.table.items[ID] | CLICKED)

    assert api.call("post", request_id="another", body=body(correlationId=correlation_id)) == (200, CLICKED_SHOWN)

    assert aws.called == ["PutItem"]
    assert api.metrics == {}
    assert len(api.logged("WARNING")) == warnings


def test_a_start_that_step_functions_refuses_is_accepted_and_counted(api, aws):
    aws.refused = {"StartExecution"}

    for _ in range(2):  # the second time, the item is there: the answer to the first put was lost
        assert api.call("post") == (202, SHOWN)
        assert api.metrics == {"Starts": 1, "StartsDeferred": 1}
        assert [line["deferred"] for line in api.logged("INFO")] == [True]
    assert aws.called == ["PutItem", "StartExecution"] * 2


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("text", "is_base64", "status"),
    [
        pytest.param("ü" * 4097, False, 413, id="characters of two bytes each"),
        pytest.param(in_base64(body().ljust(8192)), True, 202, id="8 KiB"),
        pytest.param(in_base64(body().ljust(8193)), True, 413, id="more"),
        pytest.param("!" * 10_928, True, 413, id="too long to be decoded"),
    ],
)
def test_a_body_of_more_than_8_kib_is_too_large(text, is_base64, status, api):
    answered, answer = api.call("post", body=text, isBase64Encoded=is_base64)

    assert answered == status
    assert status == 202 or answer["error"]["code"] == "TOO_LARGE"


# ── Cancel ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("started")
def test_a_cancel_stores_the_whole_outcome_and_replaces_the_execution(api, aws):
    before = aws.table.items[ID]

    status, cancelled = api.call("delete")

    settled_at = cancelled["settledAt"]
    assert (status, complaints("verification", cancelled)) == (200, [])
    assert cancelled == SHOWN | {"status": "SETTLED", "outcome": "CANCELLED", "settledAt": settled_at}
    assert abs((datetime.now(UTC) - datetime.fromisoformat(settled_at)).total_seconds()) < 60
    texts = {
        "status": "SETTLED",
        "outcome": "CANCELLED",
        "reason": "",
        "result": "null",
        "settledAt": settled_at,
        "executionName": f"{ID}-cancel",
        "cancelledBy": CALLER,
    }
    assert aws.table.items[ID] == before | {name: {"S": text} for name, text in texts.items()}
    assert aws.called == ["UpdateItem", "StartExecution", "StopExecution"]
    assert {name: it["status"] for name, it in aws.executions.items()} == {ID: "ABORTED", f"{ID}-cancel": "RUNNING"}
    assert [line["cancelledBy"] for line in api.logged("INFO")] == [CALLER]
    assert api.call("get") == api.call("delete") == (200, cancelled)


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("refused", ["StartExecution", "StopExecution"])
def test_a_cancel_is_final_whatever_step_functions_refuses(refused, api, aws):
    aws.refused = {refused}

    status, cancelled = api.call("delete")

    assert (status, cancelled["outcome"]) == (200, "CANCELLED")
    assert aws.called == ["UpdateItem", "StartExecution", "StopExecution"]


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(("outcome", "status"), [("CANCELLED", 200), ("LINK_CLICKED", 409)])
def test_a_cancel_of_a_settled_verification_returns_it_and_does_nothing(outcome, status, api, aws):
    aws.table.store(aws.table.items[ID] | CLICKED | {"outcome": {"S": outcome}})

    assert api.call("delete") == (status, CLICKED_SHOWN | {"outcome": outcome})
    assert aws.called == ["UpdateItem"]


def test_an_unknown_caller_is_left_out(api, aws):
    for name in ("post", "delete"):
        api.call(name, requestContext=event(f"verifications-api-{name}")["requestContext"] | {"identity": {}})

    assert not {"startedBy", "cancelledBy"} & set(aws.table.items[ID])


# ── Search ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def store_links(aws, count: int) -> None:
    """The higher the number, the newer the link; two numbers share each moment."""
    for number in range(count):
        session_id, sent_at = f"{number:024x}", f"2026-11-23T10:{number // 120:02}:{number // 2 % 60:02}.000Z"
        texts = {"verificationId": f"{'fb' * 12}-{session_id}", "sessionId": session_id, "linkSentAt": sent_at}
        aws.table.store({name: {"S": text} for name, text in (texts | {"correlationId": MINE}).items()})


def numbers_on(page: dict[str, Any]) -> list[int]:
    return [int(it["sessionId"], 16) for it in page["verifications"]]


@pytest.mark.usefixtures("started")
def test_a_search_shows_a_verification_with_every_field(api):
    assert api.search(correlationId=MINE) == (200, {"verifications": [SHOWN], "next": None})
    assert api.search(correlationId="application-4712") == (200, {"verifications": [], "next": None})


@pytest.mark.parametrize(("count", "sizes"), [(50, [50]), (101, [50, 50, 1])])
def test_pages_of_fifty_show_each_verification_once_newest_link_first(count, sizes, api, aws):
    store_links(aws, count)

    pages = [api.search(correlationId=MINE)[1]]
    for _ in sizes[1:]:
        pages.append(api.search(correlationId=MINE, next=pages[-1]["next"])[1])

    assert pages[-1]["next"] is None
    assert [len(page["verifications"]) for page in pages] == sizes
    assert [number for page in pages for number in numbers_on(page)] == list(reversed(range(count)))


@pytest.mark.parametrize(("unprocessed", "status"), [(1, 200), (2, 503)])
def test_a_search_asks_twice_for_what_dynamodb_leaves_unprocessed(unprocessed, status, api, aws):
    store_links(aws, 4)
    aws.unprocessed = unprocessed

    answer = api.search(correlationId=MINE, next=next_after(f"{'fb' * 12}-{3:024x}"))

    assert answer[0] == status
    assert status != 200 or numbers_on(answer[1]) == [2, 1, 0]
    assert aws.called == ["GetItem", "Query", "BatchGetItem", "BatchGetItem"]


@pytest.mark.parametrize("stored", [[], ["application-4712"]], ids=["expired", "another"])
def test_there_is_no_page_after_a_verification_that_is_not_of_the_correlation_id(stored, api):
    for correlation_id in stored:
        api.call("post", body=body(correlationId=correlation_id))

    status, answer = api.search(correlationId=MINE, next=next_after(ID))

    assert (status, list(answer["error"]["fields"])) == (400, ["next"])


@pytest.mark.parametrize(
    ("parameters", "bad"),
    [
        ({"next": ["A" * 32]}, "correlationId"),
        ({"correlationId": ["x" * 129]}, "correlationId"),
        ({"correlationId": [f"{MINE} "]}, "correlationId"),
        ({"correlationId": [MINE, MINE]}, "correlationId"),
        ({"correlationId": [MINE], "half a \ud800 pair": ["x"]}, "query"),
        ({"correlationId": [MINE], "limit": ["10"]}, "limit"),
        ({"correlationId": [MINE], "next": ["A" * 31]}, "next"),
        ({"correlationId": [MINE], "next": ["A" * 32 + "\n"]}, "next"),
    ],
    ids=str,
)
def test_an_invalid_query_is_refused_by_the_name_of_its_parameter_without_its_value(parameters, bad):
    with pytest.raises(InvalidInput) as refused:
        parse_find(parameters)

    assert list(refused.value.fields) == [bad]
    assert not [text for text in refused.value.fields.values() if MINE in text or "AAA" in text]


def test_next_is_a_verification_id_in_characters_that_need_no_escape_in_a_url():
    following = next_after(f"{'fb' * 12}-{'ff' * 12}")

    assert re.fullmatch(NEXT_PATTERN, following)
    assert parse_find({"correlationId": [MINE], "next": [following]}).next == f"{'fb' * 12}-{'ff' * 12}"


# ── Errors ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("post", "PutItem"),
        ("get", "GetItem"),
        ("delete", "UpdateItem"),
        ("search", "Query"),
        ("search", "BatchGetItem"),
    ],
)
def test_a_call_that_the_table_refuses_is_unavailable_and_logged_with_the_ids_of_the_request(name, refused, api, aws):
    aws.refused = {refused}
    ids = {"post": [ID, MINE], "search": [None, MINE]}.get(name, [ID, None])  # and nothing of the request before

    status, answer = api.call(name)

    assert (status, answer["error"]["code"], api.last["headers"]["Retry-After"]) == (503, "UNAVAILABLE", "1")
    assert aws.called[-1] == refused
    (line,) = api.logged("ERROR")
    assert line["call"] == f"{refused}: AccessDeniedException"
    assert [line.get("verificationId"), line.get("correlationId")] == ids


@pytest.mark.parametrize("name", ["get", "delete"])
def test_an_unknown_verification_is_not_found(api, aws, name):
    status, answer = api.call(name)

    assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")
    assert (len(aws.called), aws.table.items) == (1, {})


@pytest.mark.parametrize(
    ("name", "changes", "field"),
    [
        pytest.param("get-bad", {}, "verificationId", id="path"),
        pytest.param("search", {"multiValueQueryStringParameters": None}, "correlationId", id="no query"),
        pytest.param("post-bad", {}, "requestId", id="body"),
        pytest.param("post", {"body": None}, "body", id="no body"),
        pytest.param("post", {"body": f"!{in_base64(body())}", "isBase64Encoded": True}, "body", id="no base64"),
        pytest.param("post", {"body": "//79", "isBase64Encoded": True}, "body", id="no UTF-8"),
        pytest.param("post", {"body": '"\ud800"'}, "body", id="half a surrogate pair"),
    ],
)
def test_a_malformed_request_is_a_bad_request_that_names_the_field(api, aws, name, changes, field):
    status, answer = api.call(name, **changes)

    assert (status, answer["error"]["code"], aws.called) == (400, "BAD_REQUEST", [])
    assert field in answer["error"]["fields"]
