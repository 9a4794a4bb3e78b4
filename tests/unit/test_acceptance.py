"""The acceptance run without a stack: its verdicts on observations made by hand, and what it checks before it begins."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations.acceptance.accept import burst_from
from operations.acceptance.account import SimulatorLog, fitting_burst, remove_stacks, simulator_limit, stack_name_for
from operations.acceptance.consumer import connect
from operations.acceptance.findings import Finding, Verdict, count_by_guarantee, overall
from operations.acceptance.guarantees import Observation, Window, breaches, judge
from operations.acceptance.refusals import forge_outcomes, make_nobody
from operations.deployed.outcome_events import OutcomeEvents
from operations.deployed.stack import as_published
from operations.environment import BadChoice, Environment
from simulator.client import SimulatorRequest

WINDOW = Window(60, 5, 2)
SENT = "2026-11-25T12:00:00.000Z"
SENT_MS = 1_795_608_000_000
#: A link that is clicked between the first two checks.
ITEM = {
    "linkSentAt": SENT,
    "startedAt": SENT,
    "deadline": "2026-11-25T12:01:00.000Z",
    "settledAt": "2026-11-25T12:00:10.100Z",
    "publishedAt": "2026-11-25T12:00:10.200Z",
    "outcome": "LINK_CLICKED",
    "reason": "",
    "result": '{"carrier": "T-Mobile USA"}',
    "checks": 2,
    "takeovers": 0,
    "expiresAt": 1,
}


def check(second: float, answer: str) -> SimulatorRequest:
    return SimulatorRequest(1, round(SENT_MS + second * 1000), "/", answer)


def seen(item: dict | None = None, **changes: object) -> Observation:
    stored = as_published(ITEM | (item or {}))
    event = {"detail": {key: stored[key] for key in ("outcome", "result", "reason")}}
    sound = Observation(stored, [event], [check(5, "pending"), check(10, "clicked")], WINDOW)
    return replace(sound, **changes)


def settled(outcome: str, *requests: SimulatorRequest, reason: str = "", **changes: object) -> Observation:
    """Not clicked, at the end of the window."""
    times = {"settledAt": "2026-11-25T12:00:58.100Z", "publishedAt": "2026-11-25T12:00:58.200Z"}
    stored = {"outcome": outcome, "reason": reason, "result": "null", "checks": len(requests), **times}
    return seen(stored, requests=list(requests), **{"expected": {outcome}, **changes})


def lacking_last_check() -> Observation:
    whole = settled("EXPIRED", check(5, "pending"), check(58, "pending"))
    return replace(whole, requests=whole.requests[:1])


def cancelled(**item: object) -> Observation:
    stored = {"outcome": "CANCELLED", "result": "null", "checks": None, **item}
    return seen(stored, requests=[check(5, "pending")], cancel_statuses=[200])


def rejected(*answers: str, **changes: object) -> Observation:
    requests = [check(5 * (number + 1), answer) for number, answer in enumerate(answers)]
    return settled("REJECTED", *requests, reason="UNKNOWN_IDS", **changes)


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(seen(), id="clicked"),
        pytest.param(settled("EXPIRED", check(58, "pending")), id="the last check says not clicked"),
        pytest.param(settled("UNKNOWN", check(58, "close"), reason="NO_CONNECTION"), id="the last check has no answer"),
        pytest.param(rejected("unknown-ids", "unknown-ids"), id="two checks in a row say unknown"),
        pytest.param(
            settled("UNKNOWN", check(5, "pending"), check(58, "unknown-ids"), reason="UNKNOWN_IDS"),
            id="unknown after not clicked",
        ),
        pytest.param(seen(requests=[check(5, "unknown-ids"), check(10, "clicked")]), id="unknown once, then clicked"),
        pytest.param(cancelled(), id="cancelled"),
        pytest.param(seen(events=[*seen().events, *seen().events]), id="published twice"),
        pytest.param(
            seen({"publishedAt": "2026-11-25T12:01:50.000Z"}, accepted_ms=SENT_MS + 85_000),
            id="25 s after it was accepted, past its window",
        ),
        pytest.param(
            seen({"takeovers": 1, "publishedAt": "2026-11-25T12:03:00.000Z"}, aborts=1, aborts_ms=[SENT_MS + 58_000]),
            id="its execution was aborted",
        ),
        pytest.param(seen(requests=[check(9.9, "pending"), check(10, "clicked")]), id="a late check, then one in time"),
        pytest.param(
            seen(requests=[check(10, "credentials-refused"), check(10.1, "clicked")]), id="asked again with a new token"
        ),
    ],
)
def test_a_sound_verification_breaks_nothing(sound):
    assert {found.what for found in judge(sound) if found.verdict is not Verdict.KEPT} == set()


@pytest.mark.parametrize(
    ("guarantee", "unsound"),
    [
        pytest.param("G1", seen(events=[]), id="no event"),
        pytest.param("G1", seen({"publishedAt": "2026-11-25T12:01:31.000Z"}), id="31 s late"),
        pytest.param("G1", seen({"openVerifications": "x"}), id="published, and open"),
        pytest.param("G1", seen(events=[{"detail": {"outcome": "EXPIRED"}}]), id="an event with another outcome"),
        pytest.param("G2", seen({"deadline": "2026-11-25T12:01:05.000Z"}), id="a deadline that moved"),
        pytest.param("G2", seen(requests=[check(10, "clicked"), check(61, "pending")]), id="a check past the deadline"),
        pytest.param("G3", seen(requests=[check(5, "pending"), check(10, "not-clicked")]), id="a click nobody saw"),
        pytest.param("G3", settled("EXPIRED", check(58, "upstream-down")), id="expired without an answer"),
        pytest.param("G3", settled("EXPIRED", check(55, "pending")), id="expired without the last check"),
        pytest.param("G3", rejected("unknown-ids"), id="rejected by one check"),
        pytest.param("G3", rejected("unknown-ids", "upstream-down", "unknown-ids"), id="rejected, not in a row"),
        pytest.param("G3", rejected("pending", "unknown-ids", "unknown-ids"), id="rejected after not clicked"),
        pytest.param("G3", rejected("malformed-request-id", "malformed-request-id"), id="rejected, another reason"),
        pytest.param("G3", settled("UNKNOWN", check(58, "pending"), reason="UNKNOWN_IDS"), id="an invented reason"),
        pytest.param("G3", settled("UNKNOWN", check(58, "close")), id="unknown without a reason"),
        pytest.param("G3", seen({"result": "null"}), id="a click without a result"),
        pytest.param("G4", settled("UNKNOWN", check(10, "clicked"), reason="TIMEOUT"), id="a click that was lost"),
        pytest.param("G4", seen(expected={"EXPIRED"}), id="an impossible outcome"),
        pytest.param("G4", seen({"checks": 13}, requests=[check(10, "clicked")] * 13), id="more checks than points"),
        pytest.param(
            "G5",
            seen(requests=[check(second, "clicked") for second in (5.1, 5.2, 10.1, 10.2)]),
            id="two executions watch",
        ),
        pytest.param("G5", seen({"takeovers": 1}), id="replaced without a failure"),
        pytest.param("G5", seen({"takeovers": 2}, failures=["FAILED"]), id="replaced more often than it failed"),
        pytest.param("G6", seen(cancel_statuses=[200]), id="a click after a cancel"),
        pytest.param("G6", cancelled(result=ITEM["result"]), id="a click within a cancel"),
        pytest.param("G6", cancelled(checks=2), id="checks within a cancel"),
        pytest.param("G6", replace(cancelled(), cancel_statuses=[404]), id="cancelled unasked"),
        pytest.param("G6", replace(cancelled(), cancel_statuses=[200, 409]), id="a cancel that found a cancel is 409"),
    ],
)
def test_a_defect_breaks_its_guarantee(guarantee, unsound):
    assert guarantee in {what.split(":")[0] for what in breaches(unsound)}


@pytest.mark.parametrize(
    "unclear",
    [
        pytest.param(seen(requests=[check(5, "pending")]), id="the log lacks the click"),
        pytest.param(lacking_last_check(), id="the log lacks the last check"),
        pytest.param(
            seen(requests=[check(10.1, "pending"), check(10.2, "clicked")]), id="two requests at once, one time"
        ),
        pytest.param(
            settled("UNKNOWN", check(58, "pending"), reason="CHECK_FAILED", is_slow=True, expected={"EXPIRED"}),
            id="a Lambda that did not start in time",
        ),
        pytest.param(
            replace(
                rejected("unknown-ids", "unknown-ids", is_slow=True, expected={"UNKNOWN"}),
                requests=[check(40, "unknown-ids"), check(45, "unknown-ids")],
            ),
            id="a scenario that began late",
        ),
        pytest.param(
            seen({"publishedAt": "2026-11-25T12:01:31.000Z"}, is_slow=True), id="31 s late, on a slow machine"
        ),
        pytest.param(
            settled("EXPIRED", check(58, "pending"), check(61, "pending"), is_slow=True),
            id="a request that arrives late",
        ),
        pytest.param(seen({"takeovers": 1}, failures=["FAILED, States.Runtime"]), id="an execution failed by itself"),
    ],
)
def test_what_a_sound_stack_may_leave_behind_is_undecided_and_not_broken(unclear):
    verdicts = [found.verdict for found in judge(unclear)]

    assert Verdict.UNDECIDED in verdicts
    assert Verdict.BROKEN not in verdicts


def test_a_slow_machine_does_not_excuse_a_false_outcome():
    requests = [check(second, "upstream-down") for second in (5, 10, 58)]
    unsound = settled("EXPIRED", *requests, is_slow=True, expected={"UNKNOWN"})

    assert {"G3", "G4"} <= {what.split(":")[0] for what in breaches(unsound)}


# ── Verdicts on the whole ─────────────────────────────────────────────────────────────────────────────────────────────

KEPT = [Finding.of(guarantee, "a", "x", is_true=True) for guarantee in ("G1", "G2", "G3", "G4", "G5", "G6", "contract")]
UNDECIDED = Finding.of("G2", "b", "y", is_true=False, excuse="the log is not complete")
BROKEN = Finding.of("G2", "c", "z", is_true=False)


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        pytest.param(KEPT, Verdict.KEPT, id="all is kept"),
        pytest.param([*KEPT, UNDECIDED], Verdict.UNDECIDED, id="one is undecided"),
        pytest.param([*KEPT, UNDECIDED, BROKEN], Verdict.BROKEN, id="one of many is broken"),
        pytest.param(KEPT[1:], Verdict.UNDECIDED, id="one was not tried"),
    ],
)
def test_one_breach_of_many_findings_decides(findings, verdict):
    assert overall(findings) is verdict


def test_a_guarantee_that_was_not_tried_does_not_count_as_kept():
    assert {row.verdict for row in count_by_guarantee([])} == {Verdict.NOT_TRIED}


# ── What must be refused ──────────────────────────────────────────────────────────────────────────────────────────────


class FakeAws:
    """A stack whose clients answer as told. Calls are kept."""

    stack_name = "linkwatch-acceptance"
    outputs = SimpleNamespace(BusName="links")

    def __init__(self, answer: Any = None, **parameters: str) -> None:
        self.answer, self.parameters = answer, parameters

    def client(self, _service: str) -> "FakeAws":
        return self

    def put_events(self, **_: object) -> Any:
        if isinstance(self.answer, ClientError):
            raise self.answer
        return self.answer

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": "arn:aws:iam::1:user/eve"}

    def create_role(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        return {"Role": {"RoleName": asked["RoleName"], "Arn": "arn"}}


DENIED, NO_BUS = (
    ClientError({"Error": {"Code": code}}, "PutEvents")
    for code in ("AccessDeniedException", "ResourceNotFoundException")
)


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
    target: Any = SimpleNamespace(stack=FakeAws(answer), is_emulator=is_emulator)

    assert {found.verdict for found in forge_outcomes(target)} == {verdict}


@pytest.mark.parametrize(
    ("boundary", "limits"),
    [
        pytest.param("", {}, id="no boundary"),
        pytest.param("arn:aws:iam::1:policy/b", {"PermissionsBoundary": "arn:aws:iam::1:policy/b"}, id="a boundary"),
    ],
)
def test_the_role_without_rights_has_the_stacks_path_and_boundary_and_trusts_the_caller_alone(boundary, limits):
    stack: Any = FakeAws(PermissionsBoundaryArn=boundary, RolePath="/apps/")

    name, _ = make_nobody(stack)

    [statement] = json.loads(stack.asked.pop("AssumeRolePolicyDocument"))["Statement"]
    assert statement == {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:user/eve"}, "Action": "sts:AssumeRole"}
    assert stack.asked == {"RoleName": name, "Path": "/apps/", **limits}


# ── Before it begins ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wanted", "concurrent", "burst"),
    [(100, 1000, 100), (100, 300, 100), (100, 299, 99), (100, 50, 16), (100, 10, 3), (100, 1, 1), (1, 1000, 1)],
)
def test_a_burst_fits_the_lambdas_that_an_account_runs_at_once(wanted, concurrent, burst):
    assert fitting_burst(wanted, concurrent) == burst


@pytest.mark.parametrize(("burst", "unreserved", "limit"), [(100, 1000, 150), (100, 349, 0), (3, 10, 0), (16, 200, 66)])
def test_the_simulator_has_a_limit_where_the_account_leaves_room_for_one(burst, unreserved, limit):
    assert simulator_limit(burst, unreserved) == limit


def test_a_stack_name_that_is_too_long_is_refused_before_anything_is_made():
    assert stack_name_for(Environment("dev", "x" * 35, "eu-west-1")) == f"{'x' * 35}-acceptance"
    with pytest.raises(BadChoice, match="may have 35"):
        stack_name_for(Environment("dev", "x" * 36, "eu-west-1"))


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "²", "9" * 5000])
def test_a_burst_that_is_not_a_number_is_refused(text):
    with pytest.raises(BadChoice, match="BURST="):
        burst_from(text)


def test_what_a_deployment_that_failed_has_made_is_removed():
    removed = []
    aws = SimpleNamespace(
        describe_stacks=lambda **_: {"Stacks": [{"StackStatus": "ROLLBACK_COMPLETE"}]},
        describe_stack_resource=lambda **_: {"StackResourceDetail": {"PhysicalResourceId": "the table"}},
        delete_stack=lambda **asked: removed.extend(asked.values()),
        get_waiter=lambda _: SimpleNamespace(wait=lambda **_: None),
        describe_table=lambda **_: {"Table": {}},
        delete_table=lambda **asked: removed.extend(asked.values()),
    )

    remove_stacks(lambda _: aws, "a", print)

    assert removed == ["a", "a-simulator", "the table"]


# ── The consumer and the log ──────────────────────────────────────────────────────────────────────────────────────────


class FakeBus:
    """A bus with a rule that takes effect late, and its queue, which delivers everything twice."""

    def __init__(self, late_puts: int = 0) -> None:
        self.late_puts, self.puts = late_puts, 0
        self.calls: list[str] = []
        self.messages: list[dict] = []

    def put_rule(self, Name, EventBusName, EventPattern, State):  # noqa: N803
        self.calls.append(f"rule {State}")
        self.pattern = json.loads(EventPattern)
        return {"RuleArn": f"arn:aws:events:eu-west-1:111122223333:rule/{EventBusName}/{Name}"}

    def create_queue(self, QueueName, Attributes):  # noqa: N803
        self.calls.append("queue")
        self.policy = json.loads(Attributes["Policy"])
        return {"QueueUrl": QueueName}

    def put_targets(self, **_):
        self.calls.append("target")

    def put_events(self, Entries):  # noqa: N803
        for entry in Entries:
            self.puts += 1
            assert entry["Source"] in self.pattern["source"]
            assert entry["DetailType"] in self.pattern["detail-type"]
            if self.late_puts:
                self.late_puts -= 1
            else:
                self.deliver(str(len(self.messages)), json.loads(entry["Detail"]))

    def deliver(self, event_id, detail):
        body = json.dumps({"id": event_id, "detail": detail})
        self.messages += [{"Body": body, "ReceiptHandle": "x", "Attributes": {"SentTimestamp": "5"}}] * 2

    def receive_message(self, **options):
        assert options["WaitTimeSeconds"] > 0
        got, self.messages = self.messages[:10], self.messages[10:]
        return {"Messages": got} if got else {}

    def delete_message(self, **_): ...


def test_the_consumer_is_connected_only_when_its_rule_delivers():
    bus = FakeBus(late_puts=7)

    assert connect(lambda _: bus, "links", "acceptance", pause_seconds=0) == "acceptance"

    assert bus.calls == ["rule DISABLED", "queue", "target", "rule ENABLED"]
    rule = "arn:aws:events:eu-west-1:111122223333:rule/links/acceptance"
    assert bus.policy["Statement"][0]["Condition"] == {"ArnEquals": {"aws:SourceArn": rule}}
    assert bus.puts == 15, "the first five and two of the second are lost"


def test_a_second_delivery_is_not_a_second_event():
    bus = FakeBus()
    events = OutcomeEvents(lambda _: bus, "queue")
    for event_id in ("a", "b"):
        bus.deliver(event_id, {"verificationId": "v"})

    events.receive(wait_seconds=1)

    assert [event["id"] for event in events.of("v")] == ["a", "b"]
    assert events.arrived_ms == {"a": 5, "b": 5}


def test_a_late_line_of_the_simulators_log_is_found_when_the_log_is_read_again():
    class FakeLogs:
        def __init__(self) -> None:
            self.pages: list[dict] = [{"events": []}]

        def get_paginator(self, _name):
            return self

        def paginate(self, **_):
            return self.pages

    logs = FakeLogs()
    log = SimulatorLog(lambda _: logs, "group", "arn", 0)
    assert log.read_requests(["r"]) == {"r": []}
    line = {"requestId": "r", "check": 1, "atMs": 5, "path": "/", "answer": "pending"}
    logs.pages = [{"events": [{"message": json.dumps(line)}, {"message": json.dumps(line | {"requestId": "another"})}]}]

    assert log.read_requests(["r"]) == {"r": [SimulatorRequest(1, 5, "/", "pending")]}
