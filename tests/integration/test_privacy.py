"""The token and phone numbers are written nowhere: Signzy gives every answer with a token and a phone number of this test's own,
and then everything that the stack has written is searched for them.
"""

import json
import secrets
import time
from collections.abc import Iterator

import pytest

from local.stack import Stack
from simulator.answers import ANSWERS
from simulator.misbehaviours import MISBEHAVIOURS
from simulator.server import DEFAULT_TOKEN
from tests.integration.conftest import Link, send_link

TOKEN = f"token-of-the-privacy-test-{secrets.token_hex(8)}"
PHONE_NUMBER = f"+1555{secrets.randbelow(10**7):07}"


@pytest.fixture(scope="module")
def watched(stack) -> Iterator[list[Link]]:
    """A verification for each answer, all at once: the first check gets it, the second finds the link clicked."""
    stack.rotate_token(TOKEN)
    links = []
    for answer in [*ANSWERS, *MISBEHAVIOURS]:
        steps = [{"checks": [1], "answer": answer}, {"answer": "older-answer-with-phone-number"}]
        link = send_link(stack, *({**step, "phoneNumber": PHONE_NUMBER} for step in steps))
        link.put_on_bus(correlationId=answer, phoneNumber=PHONE_NUMBER)
        links.append(link)
        time.sleep(0.1)  # the emulator starts a Lambda for each check that comes while another one is running
    for link in links:
        link.settled()
    yield links
    stack.rotate_token(DEFAULT_TOKEN)


def logs(stack: Stack) -> Iterator[tuple[str, str]]:
    client = stack.client("logs")
    for page in client.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            for lines in client.get_paginator("filter_log_events").paginate(logGroupName=name):
                yield name, json.dumps(lines["events"])


def items(stack: Stack) -> Iterator[tuple[str, str]]:
    for page in stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs.TableName):
        for item in page["Items"]:
            yield item["verificationId"]["S"], json.dumps(item)


def events_and_histories(stack: Stack, links: list[Link]) -> Iterator[tuple[str, str]]:
    for link in links:
        yield f"event of {link.verification_id}", json.dumps(stack.events(link.verification_id))
        yield (
            f"history of {link.verification_id}",
            json.dumps(stack.history(link.verification_id), default=str),
        )
        yield f"API's view of {link.verification_id}", json.dumps(stack.find(link.verification_id).body)


def dead_letters(stack: Stack) -> Iterator[tuple[str, str]]:
    yield "dead letters", json.dumps(stack.dead_letters())


@pytest.fixture(scope="module")
def written(stack, watched) -> list[tuple[str, str]]:
    """Everything that the stack has written: where, and what."""
    return [*logs(stack), *items(stack), *events_and_histories(stack, watched), *dead_letters(stack)]


def test_the_search_finds_what_was_written(watched, written):
    ids = {link.verification_id for link in watched}

    assert ids <= {where for where, _ in written}
    assert sum(text.count("Checked") for _, text in written) >= len(ids)
    assert all("Check Link" in text for where, text in written if where.startswith("history"))


@pytest.mark.parametrize("secret", [pytest.param(TOKEN, id="token"), pytest.param(PHONE_NUMBER, id="phone number")])
def test_no_log_item_event_history_or_dead_letter_contains_it(written, secret):
    assert [where for where, text in written if secret in text or secret.lstrip("+") in text] == []


def test_every_answer_was_given(stack, watched):
    given = {}
    for link in watched:
        item = link.settled()
        given[item["correlationId"]] = next(r.answer for r in stack.signzy.requests(link.request_id) if r.check == 1)

    assert given == {answer: answer for answer in [*ANSWERS, *MISBEHAVIOURS]}
