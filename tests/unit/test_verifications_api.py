"""The API's answers: their status, and what is counted."""

import json
from pathlib import Path

import pytest

from tests.unit.fake_aws import Context, metrics_in

EVENTS = Path(__file__).parents[2] / "events"
ID = "6462150e29c23b4d42352a63-646214d929c23b4d42c1fc39"


def event(name: str) -> dict:
    return json.loads((EVENTS / f"verifications-api-{name}.json").read_text("utf-8"))


@pytest.fixture
def call(aws):  # noqa: ARG001  its environment
    import verifications_api  # noqa: PLC0415  it reads the environment when it is imported

    def call(name: str, request_id: str | None = None) -> tuple[int, dict]:
        given = event(name)
        if request_id:
            given["requestContext"]["requestId"] = request_id
        answer = verifications_api.handler(given, Context())  # pyright: ignore[reportArgumentType]  as much as it reads
        return answer["statusCode"], json.loads(answer["body"])

    return call


def test_a_start_is_accepted_and_found(call, aws, capsys):
    status, verification = call("post")

    assert (status, verification["status"], call("get")) == (202, "WATCHING", (200, verification))
    assert list(aws.executions) == [ID]
    assert not metrics_in(capsys.readouterr().out)


def test_a_start_that_is_known_already_is_answered_as_it_stands(call):
    _, verification = call("post")

    assert call("post", request_id="another") == (200, verification)


def test_a_start_that_step_functions_does_not_take_is_accepted_and_counted(call, aws, capsys):
    aws.refused = {"StartExecution"}

    assert call("post")[0] == 202
    assert metrics_in(capsys.readouterr().out) == {("StartsDeferred", "service=linkwatch"): 1}


@pytest.mark.parametrize(("name", "refused"), [("post", "PutItem"), ("get", "GetItem"), ("delete", "UpdateItem")])
def test_what_the_table_does_not_answer_is_unavailable(call, aws, name, refused):
    aws.refused = {refused}

    status, body = call(name)

    assert (status, body["error"]["code"]) == (503, "UNAVAILABLE")


def test_a_cancel_is_answered_with_200_again_and_again(call, aws):
    call("post")

    first, second = call("delete"), call("delete")

    assert (first[0], first[1]["outcome"]) == (200, "CANCELLED")
    assert second == first
    assert aws.executions[ID]["status"] == "ABORTED"
    assert aws.executions[f"{ID}-cancel"]["status"] == "RUNNING"


def test_a_cancel_of_what_has_another_outcome_is_a_conflict(call, aws):
    call("post")
    aws.table.items[ID] |= {"outcome": {"S": "EXPIRED"}, "status": {"S": "SETTLED"}}

    status, verification = call("delete")

    assert (status, verification["outcome"]) == (409, "EXPIRED")


@pytest.mark.parametrize("name", ["get", "delete"])
def test_what_nobody_started_is_not_found(call, name):
    status, body = call(name)

    assert (status, body["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("name", ["get-bad", "post-bad"])
def test_what_is_malformed_is_a_bad_request(call, aws, name):
    status, body = call(name)

    assert (status, body["error"]["code"], aws.called) == (400, "BAD_REQUEST", [])
