"""The token and phone numbers are written nowhere: Signzy gives every answer with a token and a phone number of this test's own,
and then everything that the stack has written is searched for them.
"""

import json
import secrets
from collections.abc import Iterator
from functools import partial

import pytest

from local.stack import Stack
from simulator.answers import ANSWERS
from simulator.misbehaviours import MISBEHAVIOURS
from simulator.server import DEFAULT_TOKEN
from tests.integration.conftest import Link, send_link

TOKEN = f"token-of-the-privacy-test-{secrets.token_hex(8)}"
PHONE_NUMBER = f"+1555{secrets.randbelow(10**7):07}"


def send(stack: Stack, answer: str) -> Link:
    return send_link(stack, {"answer": answer, "phoneNumber": PHONE_NUMBER})


def check(link: Link) -> str | None:
    """What CheckLink returns; None where it could not ask Signzy in time."""
    answer = link.stack.invoke("CheckLink", json.dumps(link.fields))["Payload"].read().decode()
    return answer if link.stack.signzy.requests(link.request_id) else None


@pytest.fixture(scope="module")
def checked(stack) -> Iterator[dict[str, str]]:
    """What CheckLink has returned, for each answer of Signzy's."""
    stack.rotate_token(TOKEN)
    returned = {}
    for answer in [*ANSWERS, *MISBEHAVIOURS]:  # one after the other, by one warm Lambda
        link = send(stack, answer)
        returned[answer] = link.await_that(partial(check, link), "it is checked")
    yield returned
    stack.rotate_token(DEFAULT_TOKEN)


@pytest.fixture(scope="module")
def written(stack, checked) -> dict[str, str]:
    """Everything that the stack has written, by where it is."""
    link = send(stack, "older-answer-with-phone-number")
    link.put_on_bus(phoneNumber=PHONE_NUMBER)
    link.settled()
    link.event()
    client = stack.client("logs")
    groups = [group["logGroupName"] for group in client.describe_log_groups()["logGroups"]]
    pages = client.get_paginator("filter_log_events")
    logs = {name: [page["events"] for page in pages.paginate(logGroupName=name)] for name in groups}
    found = {
        **logs,
        **checked,
        "items": stack.items(),
        "events": stack.events(link.verification_id),
        "history": stack.history(link.verification_id),
        "API": link.shown(),
    }
    return {where: json.dumps(what, default=str) for where, what in found.items()}


def test_the_search_finds_what_was_written(written):
    assert "".join(written.values()).count("Checked") > len(ANSWERS)
    assert "Check Link" in written["history"]
    assert "LINK_CLICKED" in written["items"]
    assert "LINK_CLICKED" in written["events"]


@pytest.mark.parametrize("secret", [pytest.param(TOKEN, id="token"), pytest.param(PHONE_NUMBER, id="phone number")])
def test_no_log_item_event_or_history_contains_it(written, secret):
    assert [where for where, text in written.items() if secret in text or secret.lstrip("+") in text] == []
