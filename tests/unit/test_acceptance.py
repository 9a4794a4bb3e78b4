"""The acceptance run without a stack: its verdicts on observations made by hand, and what prevents harm in an account."""

import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations.acceptance import guarantees
from operations.acceptance.accept import accept
from operations.acceptance.account import burst_and_limit, read_log, remove_stacks
from operations.acceptance.guarantees import Finding, Observation, Verdict, Window, judge
from operations.acceptance.refusals import forge_outcomes, nobody
from operations.deployed.outcome_events import listen
from operations.deployed.stack import as_published
from operations.environment import BadChoice, Environment
from simulator.client import SimulatorRequest

SENT, SENT_MS = "2026-11-25T12:00:00.000Z", 1_795_608_000_000
LATE, TOO_LATE = "2026-11-25T12:01:10.000Z", "2026-11-25T12:01:31.000Z"
CLICK = [(5.1, "pending"), (9.9, "clicked")]
TWICE = [(10, "unknown-ids"), (15, "unknown-ids")]
AT_ONCE = [(12.1, "pending"), (12.35, "clicked")]
AGAIN = [(17.1, "clicked"), (17.35, "clicked")]
TAKEN_OVER = {"takeovers": 1}
SAID_BY_SIGNZY = ("CREDENTIALS_REFUSED", "UPSTREAM_DOWN", "MALFORMED_IDS", "UNKNOWN_IDS")
KNOWN = "G3: the outcome states what is known"


def seen(
    outcome: str = "LINK_CLICKED", asked: Sequence[tuple[float, str]] = CLICK, reason: str = "", **changes: Any
) -> Observation:
    """What a verification has left behind. asked: the second and the answer of each request; item: changes of the stored item."""
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
    return Observation(Window(60, 5, 2), **{"item": item, "events": [event], "requests": requests, **changes})


SOUND = {
    "clicked, cancelled too late": seen(expected={"LINK_CLICKED"}, cancel_statuses=[409]),
    "unknown ids after not clicked": seen("UNKNOWN", [(5, "pending"), (58, "unknown-ids")], "UNKNOWN_IDS"),
    "two checks in a row say unknown ids": seen("REJECTED", [(5, "close"), *TWICE], "UNKNOWN_IDS"),
    "cancelled as it was clicked": seen("CANCELLED", cancel_statuses=[200]),
    "cancelled, and the answer was lost": seen("CANCELLED", cancel_statuses=[503]),
    "started late": seen("UNKNOWN", [], "STARTED_TOO_LATE", item={"startedAt": LATE, "publishedAt": TOO_LATE}),
    "aborted": seen("UNKNOWN", [(8, "clicked")], "INTERRUPTED", item=TAKEN_OVER | {"publishedAt": TOO_LATE}, aborts=1),
    "a check and its successor's": seen(asked=AT_ONCE, item=TAKEN_OVER, aborts=1, aborts_ms=[SENT_MS + 11_900]),
    "a late check, then one in time": seen(asked=[(9.9, "pending"), (10, "clicked")]),
    "asked again": seen(asked=[(10, "credentials-refused"), (10.1, "close"), (10.2, "clicked")]),
}


@pytest.mark.parametrize("sound", SOUND.values(), ids=SOUND)
def test_a_sound_verification_breaks_nothing(sound):
    assert {found.what for found in judge(sound) if found.verdict is not Verdict.KEPT} == set()


UNSOUND = [
    ("G1: its event arrived", seen(events=[])),
    ("G1: every event carries what is stored", seen(events=[*seen().events, {"detail": {"outcome": "EXPIRED"}}])),
    ("G1: a published item is not open", seen(item={"openVerifications": "x"})),
    ("G1: a published item is not open", seen(item={"expiresAt": 0})),
    ("G1: in time while AWS is healthy", seen(item={"publishedAt": TOO_LATE})),
    ("G2: the deadline is the link's", seen(item={"deadline": "2026-11-25T12:01:00.010Z"})),
    ("G2: no request after the deadline", seen("EXPIRED", [(58, "pending"), (60.6, "pending")])),
    ("G2: no request after the deadline", seen("EXPIRED", [(58, "pending"), (62.1, "pending")], is_slow=True)),
    (KNOWN, seen(asked=[(5, "pending"), (10, "not-clicked")])),
    (KNOWN, seen("EXPIRED", [(55, "pending"), (58, "upstream-down")])),
    (KNOWN, seen("EXPIRED", [(5, "close"), (58, "close")], is_slow=True)),
    (KNOWN, seen("REJECTED", TWICE[:1], "UNKNOWN_IDS")),
    (KNOWN, seen("REJECTED", [(5, "pending"), *TWICE], "UNKNOWN_IDS")),
    (KNOWN, seen("REJECTED", TWICE, "MALFORMED_IDS")),
    (KNOWN, seen("REJECTED", TWICE, "UNKNOWN_IDS", item=TAKEN_OVER, aborts=1)),
    *((KNOWN, seen("UNKNOWN", [(58, "pending")], reason)) for reason in SAID_BY_SIGNZY),
    (KNOWN, seen("UNKNOWN", [(58, "close")])),
    (KNOWN, seen("UNKNOWN", [(58, "close")], "INTERRUPTED")),
    (KNOWN, seen("UNKNOWN", [(58, "close")], "STARTED_TOO_LATE")),
    ("G3: a result only of a click", seen(item={"result": "null"})),
    ("G4: a click that was seen is stored", seen("UNKNOWN", CLICK, "TIMEOUT")),
    ("G4: a possible outcome", seen(expected={"EXPIRED"}, is_slow=True)),
    ("G4: one check a point at most", seen(item={"checks": 13}, asked=[(10, "clicked")] * 13)),
    ("G5: one execution watches at a time", seen(asked=[*AT_ONCE, *AGAIN], aborts_ms=[SENT_MS])),
    ("G5: only a failed execution is replaced", seen(item={"takeovers": 2}, failures=["FAILED"])),
    ("G5: no execution fails by itself", seen(item=TAKEN_OVER)),
    ("G6: a cancel answered with 200 is final", seen(cancel_statuses=[200])),
    ("G6: nothing is cancelled unasked", seen("CANCELLED", cancel_statuses=[404])),
    ("G6: a cancelled outcome carries nothing of a click", seen("CANCELLED", item={"checks": 2})),
    ("G6: 409 means another outcome", seen("CANCELLED", cancel_statuses=[200, 409])),
]


@pytest.mark.parametrize(("what", "unsound"), UNSOUND)
def test_a_defect_breaks_its_guarantee(what, unsound):
    assert what in {f"{it.guarantee}: {it.what}" for it in judge(unsound) if it.verdict is Verdict.BROKEN}


SLOW = ("TIMEOUT", "NO_CONNECTION", "CHECK_FAILED", "PAST_DEADLINE", "THROTTLED", "INTERRUPTED")
UNCLEAR = {
    "the log lacks the click": seen(asked=CLICK[:1], item={"checks": 2}),
    "two requests at once, one time": seen(asked=AT_ONCE),
    "a scenario began late": seen("EXPIRED", [(40, "pending"), (58, "pending")], is_slow=True, expected={"REJECTED"}),
    "31 s late, on a slow machine": seen(item={"publishedAt": TOO_LATE}, is_slow=True),
    "a request that arrives late": seen("EXPIRED", [(58, "pending"), (61, "pending")], is_slow=True),
    "failed by itself": seen(item=TAKEN_OVER | {"publishedAt": TOO_LATE}, failures=["FAILED, States.Runtime"]),
    **{reason: seen("UNKNOWN", CLICK, reason, is_slow=True, expected={"LINK_CLICKED"}) for reason in SLOW},
}


@pytest.mark.parametrize("unclear", UNCLEAR.values(), ids=UNCLEAR)
def test_what_a_sound_stack_may_leave_behind_is_undecided_and_not_broken(unclear):
    verdicts = [found.verdict for found in judge(unclear)]

    assert Verdict.UNDECIDED in verdicts
    assert Verdict.BROKEN not in verdicts


KEPT = [Finding(guarantee, "a", "x", is_true=True) for guarantee in guarantees.GUARANTEES]
UNDECIDED = Finding("G2", "b", "y", is_true=False, excuse="the log is not complete")
BROKEN = Finding("G2", "c", "z", is_true=False)


@pytest.mark.parametrize(
    ("findings", "of_g2", "of_all"),
    [
        (KEPT, Verdict.KEPT, Verdict.KEPT),
        ([*KEPT, UNDECIDED], Verdict.UNDECIDED, Verdict.UNDECIDED),
        ([*KEPT, UNDECIDED, BROKEN], Verdict.BROKEN, Verdict.BROKEN),
        (KEPT[:1] + KEPT[2:], Verdict.NOT_TRIED, Verdict.UNDECIDED),
    ],
)
def test_one_breach_decides_and_what_was_not_tried_is_not_kept(findings, of_g2, of_all):
    assert (guarantees.verdict_on("G2", findings), guarantees.overall(findings)) == (of_g2, of_all)


DENIED = ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutEvents")


class FakeClients:
    """Any client: notes its calls, and answers each operation with a value, an exception, or a function of what is asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.calls = answers, list[tuple[str, dict[str, Any]]]()

    def client(self, _service: str) -> Any:
        return self

    def asked(self, operation: str) -> dict[str, Any]:
        return dict(self.calls)[operation]

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(*_: str, **asked: Any) -> Any:
            self.calls.append((operation, asked))
            answer = self.answers.get(operation, {})
            if isinstance(answer, Exception):
                raise answer
            return answer(**asked) if callable(answer) else answer

        return call


@pytest.mark.parametrize(
    ("answer", "endpoint", "verdict"),
    [
        (DENIED, None, Verdict.KEPT),
        ({"FailedEntryCount": 1}, None, Verdict.KEPT),
        ({"FailedEntryCount": 0}, None, Verdict.BROKEN),
        ({"FailedEntryCount": 0}, "of an emulator", Verdict.UNDECIDED),
    ],
)
def test_a_forged_outcome_has_to_be_refused_where_policies_are_enforced(answer, endpoint, verdict):
    outputs, calls = SimpleNamespace(BusName="links"), SimpleNamespace(endpoint=endpoint)
    stack = SimpleNamespace(client=FakeClients(put_events=answer).client, outputs=outputs, calls=calls)
    target: Any = SimpleNamespace(stack=stack)

    assert {found.verdict for found in forge_outcomes(target)} == {verdict}


def test_the_role_without_rights_has_the_stacks_path_and_boundary_and_trusts_the_caller_alone():
    aws = FakeClients(
        get_caller_identity={"Arn": "arn:aws:iam::1:user/eve"},
        create_role={"Role": {"RoleName": "nobody", "Arn": "arn"}},
        assume_role=RuntimeError(),
    )
    parameters = {"PermissionsBoundaryArn": "arn:aws:iam::1:policy/b", "RolePath": "/apps/"}
    stack: Any = SimpleNamespace(client=aws.client, stack_name="links", parameters=parameters)

    with pytest.raises(RuntimeError), nobody(stack, print):
        pass

    asked = aws.asked("create_role")
    [statement] = json.loads(asked["AssumeRolePolicyDocument"])["Statement"]
    assert statement == {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:user/eve"}, "Action": "sts:AssumeRole"}
    assert (asked["Path"], asked["PermissionsBoundary"]) == ("/apps/", "arn:aws:iam::1:policy/b")
    assert aws.asked("delete_role") == {"RoleName": "nobody"}


@pytest.mark.parametrize(
    ("stack_name", "burst"), [("x" * 36, "1"), ("x", "0"), ("x", "1000"), ("x", "1.5"), ("x", "²"), ("x", "9" * 5000)]
)
def test_a_run_that_cannot_be_made_is_refused_before_anything_is_made(stack_name, burst):
    with pytest.raises(BadChoice):
        accept(Environment("dev", stack_name, "nowhere"), {"BURST": burst})


@pytest.mark.parametrize(
    ("burst", "concurrent", "unreserved", "expected"),
    [(100, 1000, 1000, (100, 150)), (100, 300, 449, (100, 0)), (100, 50, 198, (16, 66)), (1, 1, 1, (1, 0))],
)
def test_burst_and_simulator_leave_lambdas_to_each_other_and_to_the_account(burst, concurrent, unreserved, expected):
    assert burst_and_limit(burst, concurrent, unreserved) == expected


def test_what_a_deployment_that_failed_has_made_is_removed():
    physical: dict[str, dict[str, str]] = {"Verifications": {"PhysicalResourceId": "the table"}, "LinkBus": {}}
    aws = FakeClients(
        describe_stack_resource=lambda **asked: {"StackResourceDetail": physical[asked["LogicalResourceId"]]},
        get_queue_url={"QueueUrl": "the queue"},
        get_waiter=SimpleNamespace(wait=lambda **_: None),
        describe_table={"Table": {}},
    )

    remove_stacks(aws.client, "a", print)

    deleted = [(operation, *asked.values()) for operation, asked in aws.calls if operation.startswith("delete_")]
    assert deleted[1:] == [
        ("delete_queue", "the queue"),
        ("delete_stack", "a"),
        ("delete_stack", "a-simulator"),
        ("delete_table", "the table"),
    ]


def test_only_the_runs_rule_may_deliver_to_its_queue_and_not_before_it_may():
    rule = "arn:aws:events:eu-west-1:111122223333:rule/links/name"
    aws = FakeClients(put_rule={"RuleArn": rule}, create_queue={"QueueUrl": "the queue"})

    assert listen(aws.client, "links", "name") == "the queue"

    assert [operation for operation, _ in aws.calls] == ["put_rule", "create_queue", "put_targets", "put_rule"]
    assert [asked.get("State") for _, asked in aws.calls] == ["DISABLED", None, None, "ENABLED"]
    [statement] = json.loads(aws.asked("create_queue")["Attributes"]["Policy"])["Statement"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rule}}


def test_the_simulators_log_is_read_from_all_pages_in_the_order_of_the_requests():
    line = {"requestId": "r", "check": 1, "atMs": 5, "path": "/", "answer": "pending"}
    lines = [line | {"atMs": 7}, line, line | {"requestId": "of another run"}]
    logs = SimpleNamespace(paginate=lambda **_: [{"events": [{"message": json.dumps(each)}]} for each in lines])

    found = read_log(SimpleNamespace(get_paginator=lambda _: logs), "group", 0, ["r", "s"])

    assert found == {"r": [SimulatorRequest(1, at_ms, "/", "pending") for at_ms in (5, 7)], "s": []}
