"""Finding the verifications of a correlationId, on the deployed stack: the API, the index and the role."""

import secrets
from itertools import chain
from urllib.parse import quote

import pytest

from local.stack import Stack
from operations.deployed.clock import await_that
from operations.deployed.signed_calls import ApiAnswer
from tests.integration.conftest import moment, patience, send_link
from tests.integration.test_entry_points import assert_documented

COUNT = 60


def find(stack: Stack, **parameters: str) -> ApiAnswer:
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    return stack.call_api("GET", f"/verifications?{query}")


def item(number: int, correlation_id: str) -> dict[str, dict[str, str]]:
    """A settled verification; the higher the number, the newer its link. Every tenth shares its moment with the next one."""
    ids = {"requestId": f"{number:024x}", "sessionId": secrets.token_hex(12)}
    second = number + 1 if number % 10 == 0 else number
    sent_at = f"2026-11-23T{10 + second // 60}:{second % 60:02}:00.000Z"
    texts = {
        **ids,
        "verificationId": f"{ids['requestId']}-{ids['sessionId']}",
        "correlationId": correlation_id,
        "status": "SETTLED",
        "outcome": "EXPIRED",
        "linkSentAt": sent_at,
        "deadline": sent_at,
        "settledAt": sent_at,
        "publishedAt": sent_at,
        "startedAt": sent_at,
        "source": "API",
    }
    return {name: {"S": text} for name, text in texts.items()} | {"checks": {"N": "30"}, "takeovers": {"N": "0"}}


@pytest.fixture(scope="module")
def many(stack) -> str:
    """A correlationId with 60 verifications, stored in no order."""
    correlation_id = f"many-{secrets.token_hex(8)}"
    client = stack.client("dynamodb")
    for number in range(COUNT):
        client.put_item(TableName=stack.outputs.TableName, Item=item(number * 37 % COUNT, correlation_id))
    return correlation_id


def pages(stack: Stack, correlation_id: str) -> list[list[dict]]:
    found, parameters = [], {"correlationId": correlation_id}
    while True:
        answer = find(stack, **parameters)
        assert answer.status == 200, answer.body
        assert_documented(answer, "get", "/verifications")
        found.append(answer.body["verifications"])
        if answer.body["next"] is None:
            return found
        parameters["next"] = answer.body["next"]


def test_sixty_verifications_are_two_pages_newest_link_first(stack, many):
    found = pages(stack, many)

    everything = list(chain(*found))
    sent_at = [verification["linkSentAt"] for verification in everything]
    assert [len(page) for page in found] == [50, 10]
    assert len({verification["verificationId"] for verification in everything}) == COUNT
    assert sent_at == sorted(sent_at, reverse=True)


def test_verifications_are_found_by_their_correlation_id_as_they_are(stack):
    correlation_id = f"Straße 1+1=2 & 👩‍💻, {secrets.token_hex(4)}"
    older, newer = send_link(stack), send_link(stack)
    older.start(correlationId=correlation_id, linkSentAt=moment(stack, seconds_ago=20))
    newer.put_on_bus(correlationId=correlation_id)
    send_link(stack).start()  # without one, so in no index
    stack.cancel(older.verification_id)

    await_that(lambda: len(pages(stack, correlation_id)[0]) == 2, patience(stack), "both are in the index")

    found = pages(stack, correlation_id)[0]
    assert [each["verificationId"] for each in found] == [newer.verification_id, older.verification_id]
    assert found == [stack.find(link.verification_id).body for link in (newer, older)]


def test_an_unknown_correlation_id_has_no_verifications(stack):
    answer = find(stack, correlationId="unknown")

    assert (answer.status, answer.body) == (200, {"verifications": [], "next": None})


def test_the_next_of_one_correlation_id_is_refused_with_another(stack, many):
    following = find(stack, correlationId=many).body["next"]

    answer = find(stack, correlationId="another", next=following)

    assert (answer.status, set(answer.body["error"]["fields"])) == (400, {"next"})
    assert_documented(answer, "get", "/verifications")


@pytest.mark.parametrize(
    ("query", "bad"),
    [
        ("", "correlationId"),
        ("?correlationId=a%0Ab", "correlationId"),
        ("?correlationId=a&correlationId=b", "correlationId"),
        ("?correlationId=a&limit=10", "limit"),
        ("?correlationId=a&next=forged", "next"),
    ],
)
def test_a_bad_query_is_answered_with_400_and_its_parameter(stack, query, bad):
    answer = stack.call_api("GET", f"/verifications{query}")

    assert (answer.status, set(answer.body["error"]["fields"])) == (400, {bad})
    assert_documented(answer, "get", "/verifications")
