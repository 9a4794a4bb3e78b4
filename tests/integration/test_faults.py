"""What AWS may refuse on a bad day, on the deployed stack: what is stored, what is published, when.

The emulator refuses the calls itself (local/stack/emulator.py); everything else is as deployed.
"""

import json
from datetime import datetime

import pytest

from local.stack.paths import ROOT
from local.stack.stack import await_that
from tests.integration.conftest import PATIENCE, Link, moment, send_link

CLICKED_AT_30_S = [{"untilSecond": 25, "answer": "pending"}, {"answer": "clicked"}]


def broken(stack, call: str, error: str, *about: str, seconds: float, script=CLICKED_AT_30_S, **options) -> Link:
    """A link whose calls that say all of these texts are refused for so many seconds from its start."""
    link = send_link(stack, *script)
    key = ["-CheckLink-", link.request_id] if call == "invoke" else [link.verification_id]
    stack.faults.refuse(call, error, [*key, *about], seconds, **options)
    assert link.start().status == 202
    return link


#: name: what is refused, for how long, and what comes of it: outcome, reason, latest settling in seconds after the link was sent
FAULTS = {
    "the table throttles the claim": (
        ("updateItem", "ProvisionedThroughputExceededException", "watchedBy"),
        20,
        None,
        60,
    ),
    "the claim's answer is lost": (("updateItem", "InternalServerError", "watchedBy"), 5, "after", 60),
    "the table refuses the outcome for two minutes": (
        ("updateItem", "InternalServerError", ":settledAt"),
        150,
        None,
        300,
    ),
    "the outcome's answer is lost": (("updateItem", "InternalServerError", ":settledAt"), 35, "after", 60),
    "the bus refuses events for two minutes": (
        ("putEvents", "InternalException", "VerificationSettled"),
        150,
        None,
        60,
    ),
    "the bus takes the event and its answer is lost": (
        ("putEvents", "InternalException", "linkwatch"),
        35,
        "after",
        60,
    ),
    "the mark's answer is lost": (("updateItem", "InternalServerError", "REMOVE openVerifications"), 40, "after", 60),
    "CheckLink raises": (("invoke", "ValueError"), 35, None, 60),
    "CheckLink times out": (("invoke", "Sandbox.Timedout"), 35, None, 60),
    "CheckLink runs out of memory": (("invoke", "Runtime.ExitError"), 35, None, 60),
    "CheckLink is throttled": (("invoke", "Lambda.TooManyRequestsException"), 35, None, 60),
    "Lambda fails for reasons of its own": (("invoke", "Lambda.ServiceException"), 35, None, 60),
}


@pytest.fixture(scope="module")
def faulty(stack) -> dict[str, Link]:
    """One verification per fault, all under way at once."""
    links = {}
    for name, ((call, error, *about), seconds, after, _) in FAULTS.items():
        links[name] = broken(stack, call, error, *about, seconds=seconds, after=after is not None)
    return links


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes_changes_no_outcome(name, faulty):
    link, latest = faulty[name], FAULTS[name][-1]

    item = link.settled()

    assert item["outcome"] == "LINK_CLICKED"
    settled_after = datetime.fromisoformat(item["settledAt"]) - datetime.fromisoformat(item["linkSentAt"])
    assert settled_after.total_seconds() < latest
    link.event()
    details = [event["detail"] for event in link.stack.events(link.verification_id)]
    assert all(detail == {key: item.get(key) for key in detail} for detail in details)
    assert len(link.checks_at()) == len(set(map(round, link.checks_at())))


@pytest.mark.parametrize(
    "error", ["ValueError", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.TooManyRequestsException"]
)
def test_a_check_that_fails_to_the_end_is_unknown(error, stack):
    link = send_link(stack)
    stack.faults.refuse("invoke", error, ["-CheckLink-", link.request_id], 400)
    assert link.start(linkSentAt=moment(stack, 250)).status == 202

    item = link.settled()

    assert (item["outcome"], item["reason"]) == ("UNKNOWN", "CHECK_FAILED")
    assert link.checks_at() == []


# ── Dead letters ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_event_that_cannot_be_handled_is_kept_whole_and_not_tried_again(stack):
    detail = {"requestId": "12", "sessionId": "34", "phoneNumber": "+15550001111"}
    before = stack.functions.logs_of("InstantLinkSent").count("Cannot start a verification")
    stack.put_link_sent(detail)

    letters = await_that(lambda: stack.event_queue.dead_letters("InstantLinkSent"), PATIENCE, "it is a dead letter")

    assert [letter["detail"] for letter in letters] == [detail]
    logged = stack.functions.logs_of("InstantLinkSent")
    assert "5550001111" not in logged
    assert logged.count("Cannot start a verification") == before + 1


def test_an_event_that_could_not_be_started_is_sent_again_from_the_queue(stack):
    link = send_link(stack, {"answer": "clicked"})
    event = json.loads((ROOT / "events" / "instant-link-sent-bare.json").read_text())
    event |= {"time": moment(stack, 1), "detail": {"requestId": link.request_id, "sessionId": link.session_id}}
    stack.put_dead_letter("InstantLinkSent", event)

    redriven = stack.event_queue.redrive("InstantLinkSent")

    assert redriven >= 1
    assert link.settled()["outcome"] == "LINK_CLICKED"


def test_what_recovery_could_not_handle_is_kept_and_can_be_sent_again(stack):
    link = send_link(stack, {"answer": "clicked"})
    link.start()
    link.settled()
    told = {
        "id": "1",
        "detail": {"name": link.verification_id, "input": stack.executions.find(link.verification_id)["input"]},
    }
    stack.put_dead_letter("RecoverUnfinished", {"requestContext": {}, "requestPayload": told})

    assert stack.event_queue.redrive("RecoverUnfinished") == 1
    assert stack.event_queue.dead_letters("RecoverUnfinished") == []


def test_what_recovery_raises_at_lies_whole_in_its_queue_and_stays_until_it_can_be_handled(stack):
    told = {"id": "1", "detail": {"name": "not one of ours", "input": "{}"}}
    functions, name = stack.client("lambda"), stack.functions.name_of("RecoverUnfinished")
    live = functions.get_function_event_invoke_config(FunctionName=name, Qualifier="live")
    settings = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
    # The emulator heeds them on the function alone.
    functions.put_function_event_invoke_config(FunctionName=name, **{setting: live[setting] for setting in settings})
    functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(told))

    letters = await_that(lambda: stack.event_queue.dead_letters("RecoverUnfinished"), PATIENCE, "it is a dead letter")

    assert letters == [told]
    assert stack.event_queue.redrive("RecoverUnfinished") == 0
    stack.throw_dead_letters_away("RecoverUnfinished")
