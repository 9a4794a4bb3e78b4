"""The acceptance run without a stack: its verdicts on observations made by hand, and what prevents harm in an account."""

import itertools
import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations.acceptance.accept import accept
from operations.acceptance.account import connect, fit, read_log, remove_stacks
from operations.acceptance.findings import GUARANTEES, Finding, Verdict, overall, verdict_on
from operations.acceptance.guarantees import Observation, breaches, judge
from operations.acceptance.refusals import forge_outcomes, make_nobody
from operations.acceptance.target import Window
from operations.deployed.outcome_events import OutcomeEvents
from operations.deployed.stack import as_published
from operations.environment import BadChoice, Environment
from simulator.client import SimulatorRequest

SENT, SENT_MS = "2026-11-25T12:00:00.000Z", 1_795_608_000_000
LATE, TOO_LATE = "2026-11-25T12:01:10.000Z", "2026-11-25T12:01:31.000Z"
CLICK = [(5, "pending"), (10, "clicked")]
TWICE = [(5, "unknown-ids"), (10, "unknown-ids")]
AT_ONCE = [(12.1, "pending"), (12.4, "clicked")]
TAKEN_OVER = {"takeovers": 1}


def seen(
    outcome: str = "LINK_CLICKED", asked: Sequence[tuple[float, str]] = CLICK, reason: str = "", **changes: Any
) -> Observation:
    """What a verification has left behind, in a window of 60 s. asked: the second and the answer of each request.

    changes: fields of the observation; item: of the stored item.
    """
    stored = {
        "linkSentAt": SENT,
        "startedAt": SENT,
        "deadline": "2026-11-25T12:01:00.000Z",
        "publishedAt": "2026-11-25T12:00:58.200Z",
        "outcome": outcome,
        "reason": reason,
        "result": '{"carrier": "T-Mobile USA"}' if outcome == "LINK_CLICKED" else "null",
        "checks": None if outcome == "CANCELLED" else len(asked),
        "takeovers": 0,
        "expiresAt": 1,
    }
    item = as_published(stored | changes.pop("item", {}))
    event = {"detail": {key: item[key] for key in ("outcome", "result", "reason")}}
    requests = [SimulatorRequest(1, round(SENT_MS + second * 1000), "/", answer) for second, answer in asked]
    return Observation(**{"item": item, "events": [event], "requests": requests, "window": Window(60, 5, 2), **changes})


SOUND = {
    "clicked": seen(),
    "published twice": seen(events=[*seen().events, *seen().events]),
    "the last check says not clicked": seen("EXPIRED", [(58, "pending")]),
    "the last check has no answer": seen("UNKNOWN", [(58, "close")], "NO_CONNECTION"),
    "unknown ids after not clicked": seen("UNKNOWN", [(5, "pending"), (58, "unknown-ids")], "UNKNOWN_IDS"),
    "two checks in a row say unknown ids": seen("REJECTED", TWICE, "UNKNOWN_IDS"),
    "cancelled": seen("CANCELLED", [(5, "pending")], cancel_statuses=[200]),
    "started late": seen("UNKNOWN", [], "STARTED_TOO_LATE", item={"startedAt": LATE, "publishedAt": TOO_LATE}),
    "aborted": seen("UNKNOWN", [], "INTERRUPTED", item=TAKEN_OVER | {"publishedAt": TOO_LATE}, aborts=1),
    "a check and its successor's": seen(asked=AT_ONCE, item=TAKEN_OVER, aborts=1, aborts_ms=[SENT_MS + 11_900]),
    "a late check, then one in time": seen(asked=[(9.9, "pending"), (10, "clicked")]),
    "asked again with a new token": seen(asked=[(10, "credentials-refused"), (10.1, "clicked")]),
    "a click was lost": seen("EXPIRED", [(8, "clicked"), (58, "pending")], lost_answers=True),
}


@pytest.mark.parametrize("sound", SOUND.values(), ids=SOUND)
def test_a_sound_verification_breaks_nothing(sound):
    assert {found.what for found in judge(sound) if found.verdict is not Verdict.KEPT} == set()


@pytest.mark.parametrize(
    ("what", "unsound"),
    [
        ("G1: its event arrived", seen(events=[])),
        ("G1: every event carries what is stored", seen(events=[*seen().events, {"detail": {"outcome": "EXPIRED"}}])),
        ("G1: a published item is not open", seen(item={"openVerifications": "x"})),
        ("G1: in time while AWS is healthy", seen(item={"publishedAt": TOO_LATE})),
        ("G2: the deadline is the link's", seen(item={"deadline": "2026-11-25T12:01:00.010Z"})),
        ("G2: no request after the deadline", seen("EXPIRED", [(58, "pending"), (60.6, "pending")])),
        ("G3: the outcome states what is known", seen(asked=[(5, "pending"), (10, "not-clicked")])),
        ("G3: the outcome states what is known", seen("EXPIRED", [(55, "pending"), (58, "upstream-down")])),
        ("G3: the outcome states what is known", seen("REJECTED", TWICE[:1], "UNKNOWN_IDS")),
        ("G3: the outcome states what is known", seen("REJECTED", [(5, "pending"), *TWICE], "UNKNOWN_IDS")),
        ("G3: the outcome states what is known", seen("REJECTED", TWICE, "MALFORMED_IDS")),
        ("G3: the outcome states what is known", seen("REJECTED", TWICE, "UNKNOWN_IDS", item=TAKEN_OVER, aborts=1)),
        ("G3: the outcome states what is known", seen("UNKNOWN", [(58, "pending")], "UNKNOWN_IDS")),
        ("G3: the outcome states what is known", seen("UNKNOWN", [(58, "close")])),
        ("G3: the outcome states what is known", seen("UNKNOWN", [(58, "close")], "INTERRUPTED")),
        ("G3: the outcome states what is known", seen("UNKNOWN", [(58, "close")], "STARTED_TOO_LATE")),
        ("G3: a result only of a click", seen(item={"result": "null"})),
        ("G4: a click that was seen is stored", seen("UNKNOWN", CLICK, "TIMEOUT")),
        ("G4: a possible outcome", seen(expected={"EXPIRED"})),
        ("G4: one check a point at most", seen(item={"checks": 13}, asked=[(10, "clicked")] * 13)),
        ("G5: one execution watches at a time", seen(asked=[(at, "clicked") for at in (5.1, 5.4, 11.1, 11.2)])),
        ("G5: only a failed execution is replaced", seen(item={"takeovers": 2}, failures=["FAILED"])),
        ("G5: no execution fails by itself", seen(item=TAKEN_OVER)),
        ("G6: a cancel answered with 200 is final", seen(cancel_statuses=[200])),
        ("G6: nothing is cancelled unasked", seen("CANCELLED", cancel_statuses=[404])),
        (
            "G6: a cancelled outcome carries nothing of a click",
            seen("CANCELLED", item={"checks": 2}, cancel_statuses=[200]),
        ),
        ("G6: 409 means another outcome", seen("CANCELLED", cancel_statuses=[200, 409])),
    ],
)
def test_a_defect_breaks_its_guarantee(what, unsound):
    assert what in breaches(unsound)


UNCLEAR = {
    "the log lacks the click": seen(asked=CLICK[:1], item={"checks": 2}),
    "two requests at once, one time": seen(asked=AT_ONCE),
    "a Lambda started late": seen("UNKNOWN", [(58, "pending")], "CHECK_FAILED", is_slow=True, expected={"EXPIRED"}),
    "a scenario began late": seen("EXPIRED", [(40, "pending"), (58, "pending")], is_slow=True, expected={"REJECTED"}),
    "31 s late, on a slow machine": seen(item={"publishedAt": TOO_LATE}, is_slow=True),
    "a request that arrives late": seen("EXPIRED", [(58, "pending"), (61, "pending")], is_slow=True),
    "an execution failed by itself": seen(item=TAKEN_OVER, failures=["FAILED, States.Runtime"]),
}


@pytest.mark.parametrize("unclear", UNCLEAR.values(), ids=UNCLEAR)
def test_what_a_sound_stack_may_leave_behind_is_undecided_and_not_broken(unclear):
    verdicts = [found.verdict for found in judge(unclear)]

    assert Verdict.UNDECIDED in verdicts
    assert Verdict.BROKEN not in verdicts


def test_a_slow_machine_does_not_excuse_a_false_outcome():
    unsound = seen("EXPIRED", [(5, "close"), (58, "close")], is_slow=True, expected={"UNKNOWN"})

    assert {"G3: the outcome states what is known", "G4: a possible outcome"} <= set(breaches(unsound))


# ── Verdicts on the whole ─────────────────────────────────────────────────────────────────────────────────────────────

KEPT = [Finding(guarantee, "a", "x", is_true=True) for guarantee in GUARANTEES]
UNDECIDED = Finding("G2", "b", "y", is_true=False, excuse="the log is not complete")
BROKEN = Finding("G2", "c", "z", is_true=False)


@pytest.mark.parametrize(
    ("findings", "of_g2", "of_all"),
    [
        pytest.param(KEPT, Verdict.KEPT, Verdict.KEPT, id="all is kept"),
        pytest.param([*KEPT, UNDECIDED], Verdict.UNDECIDED, Verdict.UNDECIDED, id="one is undecided"),
        pytest.param([*KEPT, UNDECIDED, BROKEN], Verdict.BROKEN, Verdict.BROKEN, id="one of many is broken"),
        pytest.param(KEPT[:1] + KEPT[2:], Verdict.NOT_TRIED, Verdict.UNDECIDED, id="one was not tried"),
    ],
)
def test_one_breach_decides_and_what_was_not_tried_is_not_kept(findings, of_g2, of_all):
    assert (verdict_on("G2", findings), overall(findings)) == (of_g2, of_all)


# ── What must be refused ──────────────────────────────────────────────────────────────────────────────────────────────

DENIED = ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutEvents")
NO_BUS = ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "PutEvents")


class FakeAws:
    """Any client: notes its calls, and answers each operation with a value, an exception, or a function of what is asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.calls = answers, list[tuple[str, dict[str, Any]]]()

    def client(self, _service: str) -> Any:
        return self

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(*_: str, **asked: Any) -> Any:
            self.calls.append((operation, asked))
            answer = self.answers.get(operation, {})
            if isinstance(answer, Exception):
                raise answer
            return answer(**asked) if callable(answer) else answer

        return call


@pytest.mark.parametrize(
    ("answer", "is_emulator", "verdict"),
    [
        pytest.param(DENIED, False, Verdict.KEPT, id="denied"),
        pytest.param({"FailedEntryCount": 1}, False, Verdict.KEPT, id="refused as an entry"),
        pytest.param({"FailedEntryCount": 0}, False, Verdict.BROKEN, id="taken"),
        pytest.param(NO_BUS, False, Verdict.BROKEN, id="not taken, and not refused"),
        pytest.param({"FailedEntryCount": 0}, True, Verdict.UNDECIDED, id="taken by an emulator"),
    ],
)
def test_a_forged_outcome_has_to_be_refused_where_policies_are_enforced(answer, is_emulator, verdict):
    stack = SimpleNamespace(client=FakeAws(put_events=answer).client, outputs=SimpleNamespace(BusName="links"))
    target: Any = SimpleNamespace(stack=stack, is_emulator=is_emulator)

    assert {found.verdict for found in forge_outcomes(target)} == {verdict}


def test_the_role_without_rights_has_the_stacks_path_and_boundary_and_trusts_the_caller_alone():
    role = {"Role": {"RoleName": "links-nobody", "Arn": "arn"}}
    aws = FakeAws(get_caller_identity={"Arn": "arn:aws:iam::1:user/eve"}, create_role=role)
    parameters = {"PermissionsBoundaryArn": "arn:aws:iam::1:policy/b", "RolePath": "/apps/"}
    stack: Any = SimpleNamespace(client=aws.client, stack_name="links", parameters=parameters)

    make_nobody(stack)

    asked = dict(aws.calls)["create_role"]
    [statement] = json.loads(asked["AssumeRolePolicyDocument"])["Statement"]
    assert statement == {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:user/eve"}, "Action": "sts:AssumeRole"}
    assert (asked["Path"], asked["PermissionsBoundary"]) == ("/apps/", "arn:aws:iam::1:policy/b")


# ── In an account ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("burst", "concurrent", "unreserved", "fitting"),
    [(100, 1000, 1000, (100, 150)), (100, 1000, 349, (100, 0)), (100, 50, 50, (16, 0)), (100, 1, 1, (1, 0))],
)
def test_a_burst_and_the_simulator_leave_lambdas_to_the_account(burst, concurrent, unreserved, fitting):
    assert fit(burst, concurrent, unreserved) == fitting


@pytest.mark.parametrize(
    ("stack_name", "burst"), [("x" * 36, "1"), ("x", "0"), ("x", "901"), ("x", "1.5"), ("x", "²"), ("x", "9" * 5000)]
)
def test_a_run_that_cannot_be_made_is_refused_before_anything_is_made(stack_name, burst):
    with pytest.raises(BadChoice):
        accept(Environment("dev", stack_name, "nowhere"), {"BURST": burst})


def test_what_a_deployment_that_failed_has_made_is_removed():
    aws = FakeAws(
        describe_stacks={"Stacks": [{"StackStatus": "ROLLBACK_COMPLETE"}]},
        describe_stack_resource={"StackResourceDetail": {"PhysicalResourceId": "the table"}},
        get_queue_url={"QueueUrl": "the queue"},
        get_waiter=SimpleNamespace(wait=lambda **_: None),
        describe_table={"Table": {}},
    )

    remove_stacks(aws.client, "a", print)

    removed = [value for operation, asked in aws.calls if operation.startswith("delete_") for value in asked.values()]
    assert removed == ["the queue", "a", "a-simulator", "the table"]


def bus_that_loses_seven_events_and_delivers_the_others_twice() -> FakeAws:
    puts, messages = itertools.count(1), list[dict[str, str]]()

    def put_events(Entries: list[dict[str, str]]) -> None:  # noqa: N803
        if (number := next(puts)) > 7:
            body = json.dumps({"id": str(number), "detail": json.loads(Entries[0]["Detail"])})
            messages.extend([{"Body": body, "ReceiptHandle": "x"}] * 2)

    def receive_message(**_: object) -> dict[str, Any]:
        return {"Messages": [messages.pop(0)]} if messages else {}

    rule = {"RuleArn": "arn:aws:events:eu-west-1:111122223333:rule/links/name"}
    queue = {"QueueUrl": "the queue"}
    return FakeAws(put_rule=rule, create_queue=queue, put_events=put_events, receive_message=receive_message)


def test_the_consumer_is_connected_only_when_its_rule_delivers():
    bus = bus_that_loses_seven_events_and_delivers_the_others_twice()

    assert connect(bus.client, "links", "name") == "the queue"

    made = [operation for operation, _ in bus.calls if operation in {"put_rule", "create_queue", "put_targets"}]
    assert made == ["put_rule", "create_queue", "put_targets", "put_rule"]
    assert [asked["State"] for operation, asked in bus.calls if operation == "put_rule"] == ["DISABLED", "ENABLED"]
    [statement] = json.loads(dict(bus.calls)["create_queue"]["Attributes"]["Policy"])["Statement"]
    rule = "arn:aws:events:eu-west-1:111122223333:rule/links/name"
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rule}}
    assert len([operation for operation, _ in bus.calls if operation == "put_events"]) == 15


def test_a_second_delivery_is_not_a_second_event():
    body = {"detail": {"verificationId": "v"}}
    messages = [{"Body": json.dumps({"id": each, **body}), "ReceiptHandle": "x"} for each in ("a", "b", "a")]
    answers = [{"Messages": messages}, {}]
    events = OutcomeEvents(FakeAws(receive_message=lambda **_: answers.pop(0)).client, "queue")

    events.receive()

    assert [event["id"] for event in events.of("v")] == ["a", "b"]


def test_the_simulators_log_is_read_from_all_pages_in_the_order_of_the_requests():
    line = {"requestId": "r", "check": 1, "atMs": 5, "path": "/", "answer": "pending"}
    lines = [line | {"atMs": 7}, line, line | {"requestId": "of another run"}]
    logs = SimpleNamespace(paginate=lambda **_: [{"events": [{"message": json.dumps(each)}]} for each in lines])

    found = read_log(SimpleNamespace(get_paginator=lambda _: logs), "group", 0, ["r", "s"])

    assert found == {"r": [SimulatorRequest(1, at_ms, "/", "pending") for at_ms in (5, 7)], "s": []}
