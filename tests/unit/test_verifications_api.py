"""The API answers API Gateway's proxy events: status, headers, body, and what is logged and counted."""

import base64
import json
from typing import Any

import pytest

from tests.sample_events import event
from tests.unit.fake_aws import Context, logged_in, metrics_in, print_logs

ID = "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"
CALLER = "arn:aws:sts::123456789012:assumed-role/sender/sender"


class Api:
    """The handler. last: its last answer, with its body parsed."""

    def __init__(self) -> None:
        import verifications_api  # noqa: PLC0415  it reads the environment when it is imported

        self._handler = verifications_api.handler

    def send(self, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        print_logs()
        self.last = self._handler(given, Context())  # pyright: ignore[reportArgumentType]  as much as it reads
        assert self.last["headers"]["Content-Type"] == "application/json"
        return self.last["statusCode"], json.loads(self.last["body"])

    def call(self, name: str, *, request_id: str | None = None, **changes: Any) -> tuple[int, dict[str, Any]]:
        given = event(f"verifications-api-{name}") | changes
        if request_id:
            given["requestContext"]["requestId"] = request_id
        return self.send(given)

    def search(self, **parameters: str) -> tuple[int, dict[str, Any]]:
        return self.call("search", multiValueQueryStringParameters={name: [it] for name, it in parameters.items()})


@pytest.fixture
def api(aws):  # noqa: ARG001  its environment
    return Api()


def body(**changes: Any) -> str:
    return json.dumps(json.loads(event("verifications-api-post")["body"]) | changes)


# ── Start ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_start_is_accepted_and_found(api, aws, capsys, recwarn):
    status, verification = api.call("post")

    assert (status, verification["status"], api.call("get")) == (202, "WATCHING", (200, verification))
    assert list(aws.executions) == [ID]
    assert metrics_in(capsys.readouterr().out) == {("Starts", "service=linkwatch"): 1}
    assert not recwarn.list, "Powertools warns where there is no metric to publish"


def test_a_start_counts_from_when_api_gateway_received_it(api, aws):
    api.call("post", body=body(linkSentAt=None))

    times = (aws.table.items[ID]["startedAt"], aws.table.items[ID]["linkSentAt"], aws.table.items[ID]["deadline"])
    assert [time["S"] for time in times] == [
        "2026-11-23T10:00:00.250Z",
        "2026-11-23T10:00:00.250Z",
        "2026-11-23T10:05:00.000Z",
    ]


@pytest.mark.parametrize(
    ("path", "location"),
    [
        pytest.param("/v1/verifications", f"/v1/verifications/{ID}", id="stage"),
        pytest.param("/v1/verifications/", f"/v1/verifications/{ID}", id="slash at the end"),
        pytest.param("/verifications", f"/verifications/{ID}", id="custom domain"),
        pytest.param("/bank/links/verifications", f"/bank/links/verifications/{ID}", id="base path"),
    ],
)
def test_a_start_names_the_verifications_path_below_the_path_of_the_request(path, location, api):
    given = event("verifications-api-post")
    given |= {"path": path, "requestContext": given["requestContext"] | {"path": path}}

    assert api.send(given)[0] == 202
    assert api.last["headers"]["Location"] == location


@pytest.mark.parametrize("name", ["get", "delete", "search"])
def test_every_call_works_below_a_base_path(name, api):
    api.call("post")

    assert api.call(name, path=f"/bank/links{event(f'verifications-api-{name}')['path']}")[0] == 200


def test_only_a_new_verification_counts_as_a_start(api, capsys):
    for request_id in ("first", "second"):
        api.call("post", request_id=request_id)

    assert metrics_in(capsys.readouterr().out) == {("Starts", "service=linkwatch"): 1}


def test_a_known_start_is_answered_with_the_verification_as_it_is(api):
    _, verification = api.call("post")

    assert api.call("post", request_id="another") == (200, verification)
    assert api.last["headers"]["Location"] == f"/v1/verifications/{ID}"


@pytest.mark.parametrize(("correlation_id", "warnings"), [("application-4712", 1), (None, 0), ("application-4711", 0)])
def test_a_second_start_shows_the_first_correlation_id(correlation_id, warnings, api, capsys):
    _, verification = api.call("post")

    again = api.call("post", request_id="another", body=body(correlationId=correlation_id))

    assert again == (200, verification)
    assert len(logged_in(capsys.readouterr().out, "WARNING")) == warnings


def test_a_start_that_step_functions_refuses_is_accepted_and_counted(api, aws, capsys):
    aws.refused = {"StartExecution"}

    assert api.call("post")[0] == 202
    assert metrics_in(capsys.readouterr().out) == {
        ("Starts", "service=linkwatch"): 1,
        ("StartsDeferred", "service=linkwatch"): 1,
    }


def test_a_body_in_base64_is_read(api):
    encoded = base64.b64encode(body().encode()).decode()

    assert api.call("post", body=encoded, isBase64Encoded=True)[0] == 202


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"body": None}, id="none"),
        pytest.param({"body": "{"}, id="half of it"),
        pytest.param({"body": "eyJ9!", "isBase64Encoded": True}, id="no base64"),
        pytest.param({"body": "//79", "isBase64Encoded": True}, id="no UTF-8"),
        pytest.param({"body": '"\ud800"'}, id="half a surrogate pair"),
    ],
)
def test_a_body_that_is_not_json_is_a_bad_request(changes, api, aws):
    status, answer = api.call("post", **changes)

    assert (status, answer["error"]["code"], list(answer["error"]["fields"])) == (400, "BAD_REQUEST", ["body"])
    assert aws.called == []


@pytest.mark.parametrize(
    ("text", "is_base64"), [("x" * 8193, False), ("ü" * 4097, False), (base64.b64encode(b"x" * 8193).decode(), True)]
)
def test_a_body_of_more_than_8_kib_is_too_large(text, is_base64, api):
    status, answer = api.call("post", body=text, isBase64Encoded=is_base64)

    assert (status, answer["error"]["code"]) == (413, "TOO_LARGE")


# ── Who ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_started_and_who_cancelled_is_stored_and_logged_and_not_shown(api, aws, capsys):
    api.call("post")
    _, verification = api.call("delete")

    item = aws.table.items[ID]
    assert (item["startedBy"], item["cancelledBy"]) == ({"S": CALLER}, {"S": CALLER})
    assert {kind for attribute in item.values() for kind in attribute} == {"S", "N"}
    assert not {"startedBy", "cancelledBy"} & set(verification)
    lines = logged_in(capsys.readouterr().out, "INFO")
    assert (lines[0]["startedBy"], lines[1]["cancelledBy"]) == (CALLER, CALLER)


def test_an_unknown_caller_is_left_out(api, aws):
    for name in ("post", "delete"):
        given = event(f"verifications-api-{name}")
        given["requestContext"]["identity"]["userArn"] = None
        api.send(given)

    assert not {"startedBy", "cancelledBy"} & set(aws.table.items[ID])


def test_the_log_of_a_request_has_nothing_of_the_one_before(api, aws, capsys):
    api.call("post")
    capsys.readouterr()
    aws.refused = {"Query"}

    api.search(correlationId="application-4712")

    (line,) = logged_in(capsys.readouterr().out, "ERROR")
    assert (line["call"], line["correlationId"]) == ("Query: AccessDeniedException", "application-4712")
    assert "verificationId" not in line


# ── Search ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def start_many(api: Api, count: int) -> None:
    for number in range(count):
        sent_at = f"2026-11-23T09:{number // 60:02}:{number % 60:02}Z"
        assert api.call("post", body=body(sessionId=f"{number:024x}", linkSentAt=sent_at))[0] == 202


def test_a_search_gives_pages_with_the_newest_link_first(api):
    start_many(api, 51)

    status, first = api.search(correlationId="application-4711")
    _, second = api.search(correlationId="application-4711", next=first["next"])

    assert (status, second["next"]) == (200, None)
    found = [int(it["sessionId"], 16) for it in first["verifications"] + second["verifications"]]
    assert found == list(range(50, -1, -1))
    assert (
        first["verifications"][0]
        == api.call("get", pathParameters={"verificationId": first["verifications"][0]["verificationId"]})[1]
    )


def test_a_search_asks_again_for_what_dynamodb_left_unprocessed(api, aws):
    start_many(api, 3)
    aws.unprocessed = 1

    status, page = api.search(correlationId="application-4711")

    assert (status, len(page["verifications"])) == (200, 3)


def test_a_search_that_dynamodb_leaves_unprocessed_twice_is_unavailable(api, aws):
    start_many(api, 3)
    aws.unprocessed = 2

    assert api.search(correlationId="application-4711")[0] == 503


def test_a_search_without_a_query_is_a_bad_request(api):
    status, answer = api.call("search", multiValueQueryStringParameters=None)

    assert (status, list(answer["error"]["fields"])) == (400, ["correlationId"])


def test_a_page_after_an_unknown_verification_is_a_bad_request(api):
    status, answer = api.search(correlationId="application-4711", next="A" * 32)

    assert (status, list(answer["error"]["fields"])) == (400, ["next"])


# ── Cancel ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_repeated_cancel_is_answered_with_200(api, aws):
    api.call("post")

    first, second = api.call("delete"), api.call("delete")

    assert (first[0], first[1]["outcome"], first[1]["reason"], first[1]["result"]) == (200, "CANCELLED", None, None)
    assert second == first
    assert aws.executions[ID]["status"] == "ABORTED"
    assert aws.executions[f"{ID}-cancel"]["status"] == "RUNNING"


def test_a_cancel_of_a_verification_with_another_outcome_is_a_conflict(api, aws):
    api.call("post")
    aws.table.store(aws.table.items[ID] | {"outcome": {"S": "EXPIRED"}, "status": {"S": "SETTLED"}})

    status, verification = api.call("delete")

    assert (status, verification["outcome"]) == (409, "EXPIRED")


# ── Errors ────────────────────────────────────────────────────────────────────────────────────────────────────────────


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
def test_a_call_that_the_table_does_not_answer_is_unavailable_and_may_be_repeated(api, aws, capsys, name, refused):
    api.call("post")
    aws.refused = {refused}

    status, answer = api.call(name)

    assert (status, answer["error"]["code"], api.last["headers"]["Retry-After"]) == (503, "UNAVAILABLE", "1")
    assert logged_in(capsys.readouterr().out, "ERROR")[0]["call"] == f"{refused}: AccessDeniedException"


@pytest.mark.parametrize("name", ["get", "delete"])
def test_an_unknown_verification_is_not_found(api, name):
    status, answer = api.call(name)

    assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(("name", "field"), [("get-bad", "verificationId"), ("post-bad", "requestId")])
def test_a_malformed_request_is_a_bad_request_that_names_the_field(api, aws, name, field):
    status, answer = api.call(name)

    assert (status, answer["error"]["code"], aws.called) == (400, "BAD_REQUEST", [])
    assert field in answer["error"]["fields"]
