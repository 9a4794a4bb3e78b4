"""The handler of recovery: one status event, or one sweep; what it counts, logs and raises."""

import json
from typing import Any

import pytest

from linkwatch import recovery
from linkwatch.aws_errors import AwsUnavailable
from tests.definition.engine.definition import RESOURCES
from tests.sample_events import event
from tests.unit.fake_aws import Context, metrics_in

ABORTED, SWEEP = event("recover-unfinished-aborted"), event("recover-unfinished-sweep")
ID = ABORTED["detail"]["name"]


def item(nth: int = 0, **more: dict) -> dict:
    """An open item, past its deadline, after nth takeovers."""
    return {
        "verificationId": {"S": ID},
        "executionName": {"S": name_of(nth)},
        "takeovers": {"N": str(nth)},
        "startedAt": {"S": "2026-11-23T10:00:00.250Z"},
        "openVerifications": {"S": "2026-11-23T10:05:00.000Z"},
        **more,
    }


def name_of(nth: int) -> str:
    return f"{ID}-r{nth}" if nth else ID


def ended(nth: int = 0, status: str = "ABORTED") -> dict:
    """The execution of the nth takeover; it ended long ago."""
    return {name_of(nth): {"status": status, "input": json.dumps({"verificationId": ID}), "stopDate": 1_795_428_060.0}}


@pytest.fixture
def recover_unfinished(aws):  # noqa: ARG001  its environment
    import recover_unfinished  # noqa: PLC0415  it reads the environment when it is imported

    return recover_unfinished


@pytest.fixture
def handle(recover_unfinished):
    return lambda event, context=None: recover_unfinished.handler(event, context or Context())


@pytest.fixture
def metrics(capsys):
    return lambda: {name: value for (name, *_), value in metrics_in(capsys.readouterr().out).items()}


# ── A status event ────────────────────────────────────────────────────────────────────────────────────────────────────

TIMEOUT_SECONDS = RESOURCES["RecoverUnfinished"]["Properties"]["Timeout"]


def test_a_reported_failure_is_taken_over_with_the_calls_that_the_reserve_counts_with(handle, aws, metrics, caplog):
    aws.table.store(item())
    aws.executions |= ended()

    handle(ABORTED)

    assert aws.table.items[ID] == item(1)
    assert json.loads(aws.executions[name_of(1)]["input"]) == {"verificationId": ID}
    assert metrics() == {"Takeovers": 1}
    [logged] = [vars(record) for record in caplog.records if record.levelname == "WARNING"]
    assert (logged["verificationId"], logged["result"]) == (ID, "taken over")
    assert aws.called == ["GetItem", "StartExecution", "DescribeExecution", "UpdateItem", "StartExecution"]
    assert len(aws.called[1:]) == recovery.CALLS_FOR_AN_ITEM
    assert len(aws.called) * recovery.CALL_SECONDS < TIMEOUT_SECONDS


def test_a_status_event_that_could_not_be_handled_raises(handle, aws):
    aws.refused = {"GetItem"}

    with pytest.raises(AwsUnavailable, match="GetItem: AccessDeniedException"):
        handle(ABORTED)


def test_powertools_does_not_warn_where_there_is_no_metric(handle, metrics, recwarn):
    handle(ABORTED)

    assert (metrics(), recwarn.list) == ({}, [])


# ── A sweep ───────────────────────────────────────────────────────────────────────────────────────────────────────────

LATE = {"OpenVerifications": 1, "OpenPastDeadline": 1}
#: The items, the executions, the answer without its zeros, the metrics.
SWEEPS = {
    "nothing is open": ([], {}, {}, {"OpenVerifications": 0, "OpenPastDeadline": 0}),
    "one is in its window": (
        [item(openVerifications={"S": "2099-01-01T00:00:00.000Z"})],
        ended(status="RUNNING"),
        {"open": 1},
        {"OpenVerifications": 1, "OpenPastDeadline": 0},
    ),
    "one was never started": ([item()], {}, {"open": 1, "late": 1, "running": 1}, LATE),
    "one has failed": ([item()], ended(), {"open": 1, "late": 1, "taken_over": 1}, LATE | {"Takeovers": 1}),
    "one has failed for the third time": (
        [item(2)],
        ended(2),
        {"open": 1, "late": 1, "taken_over_repeatedly": 1},
        LATE | {"Takeovers": 1, "TakeoversRepeated": 1},
    ),
    "one is exhausted": (
        [item(10)],
        ended(10),
        {"open": 1, "late": 1, "exhausted": 1},
        LATE | {"TakeoversExhausted": 1},
    ),
}


@pytest.mark.parametrize("case", SWEEPS)
def test_a_sweep_answers_with_its_counts_publishes_and_logs_them(handle, aws, metrics, caplog, case):
    items, executions, counts, counted = SWEEPS[case]
    for it in items:
        aws.table.store(it)
    aws.executions |= executions

    counts = {"open": 0, "late": 0, "failed": 0, "left": 0} | counts
    assert handle(SWEEP) == counts
    assert metrics() == counted
    [line] = [vars(record) for record in caplog.records if record.levelname == "INFO"]
    assert line.items() >= {"message": "Swept", "isComplete": True, **counts}.items()


def test_an_engineer_continues_an_exhausted_verification(handle, aws):
    aws.table.store(item(10))
    aws.executions |= ended(10)

    assert handle(SWEEP | {"rearm": True})["taken_over_repeatedly"] == 1
    assert aws.table.items[ID]["takeoverLimit"] == {"N": "20"}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(({"N": "0"}, {"StartExecution"}, "StartExecution: AccessDeniedException"), id="a call is refused"),
        # An error of ours may quote the item.
        pytest.param(({"S": "of +15550001111"}, set(), "ValueError"), id="its values are wrong"),
    ],
)
def test_a_sweep_that_fails_for_one_raises_after_it_has_reported(handle, aws, metrics, caplog, case):
    takeovers, aws.refused, error = case
    aws.table.store(item(takeovers=takeovers))
    aws.executions |= ended()

    with pytest.raises(Exception, match=f"1 failures, the first: {error}"):
        handle(SWEEP)

    assert metrics() == LATE
    logged = [vars(record) for record in caplog.records]
    [line] = [it for it in logged if it["levelname"] == "ERROR"]
    assert (line["error"], line["count"], line["verificationIds"]) == (error, 1, [ID])
    assert "+15550001111" not in str(logged)


def test_a_sweep_that_knows_nothing_publishes_no_zero(handle, aws, metrics):
    aws.refused = {"Scan"}

    with pytest.raises(Exception, match="1 failures, the first: Scan: AccessDeniedException"):
        handle(SWEEP)

    assert metrics() == {}


# ── Within its time ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sweep_without_the_time_to_list_raises(handle, aws):
    aws.table.store(item())

    with pytest.raises(Exception, match="no time to list all open verifications"):
        handle(SWEEP, Context(remaining_millis=1000 * recovery.LISTING_RESERVE_SECONDS))

    assert aws.called == []


def test_every_call_ends_within_the_seconds_that_the_reserve_counts_with(recover_unfinished):
    for client in (recover_unfinished._executions._step_functions, recover_unfinished._table._dynamodb):  # noqa: SLF001
        config: Any = client.meta.config
        tries = config.retries["total_max_attempts"]
        # In this mode botocore waits a random share of 2 ** (n - 1) s before try n + 1, whatever AWS asks for.
        assert config.retries["mode"] == "legacy"
        back_offs = sum(2**nth for nth in range(tries - 1))
        assert tries * (config.connect_timeout + config.read_timeout) + back_offs <= recovery.CALL_SECONDS
        assert config.max_pool_connections >= recovery.WORKERS


def test_the_reserve_fits_the_calls_for_an_item_and_the_function_fits_the_reserve():
    assert recovery.CALLS_FOR_AN_ITEM * recovery.CALL_SECONDS < recovery.RESERVE_SECONDS
    assert recovery.RESERVE_SECONDS + recovery.CALL_SECONDS < recovery.LISTING_RESERVE_SECONDS < TIMEOUT_SECONDS
    assert TIMEOUT_SECONDS < 60, "the next sweep"
