"""The handler of recovery: one status event, or one sweep; what it counts, logs and raises."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads as load_yaml

from linkwatch import recovery
from linkwatch.aws_errors import AwsUnavailable
from tests.unit.fake_aws import Context, metrics_in

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
ABORTED = json.loads((EVENTS / "recover-unfinished-aborted.json").read_text("utf-8"))
ID = ABORTED["detail"]["name"]
LONG_AGO = 1_795_428_060.0


def item(**more: dict) -> dict:
    return {
        "verificationId": {"S": ID},
        "executionName": {"S": ID},
        "takeovers": {"N": "0"},
        "startedAt": {"S": "2026-11-23T10:00:00.250Z"},
        "openVerifications": {"S": "2026-11-23T10:05:00.000Z"},
        **more,
    }


def ended(**more: object) -> dict:
    return {"status": "ABORTED", "input": json.dumps({"verificationId": ID}), "stopDate": LONG_AGO, **more}


def named(nth: int) -> dict:
    return {"executionName": {"S": f"{ID}-r{nth}"}, "takeovers": {"N": str(nth)}}


@pytest.fixture
def handle(aws):  # noqa: ARG001  its environment
    import recover_unfinished  # noqa: PLC0415  it reads the environment when it is imported

    return lambda event, context=None: recover_unfinished.handler(event, context or Context())


@pytest.fixture
def metrics(capsys):
    def read() -> dict[str, float]:
        return {name: value for (name, *_), value in metrics_in(capsys.readouterr().out).items()}

    return read


# ── A status event ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reported_failure_is_taken_over_and_counted(handle, aws, metrics):
    aws.table.store(item())
    aws.executions[ID] = ended()

    handle(ABORTED)

    assert aws.table.items[ID] == item(**named(1))
    assert json.loads(aws.executions[f"{ID}-r1"]["input"]) == {"verificationId": ID}
    assert metrics() == {"Takeovers": 1}


def test_a_reported_failure_of_a_published_verification_counts_as_nothing(handle, aws, metrics):
    aws.table.store(item(publishedAt={"S": "2026-11-23T10:01:00.000Z"}))

    handle(ABORTED)

    assert (metrics(), aws.called) == ({}, ["GetItem"])


def test_a_status_event_that_could_not_be_handled_raises(handle, aws):
    aws.refused = {"GetItem"}

    with pytest.raises(AwsUnavailable, match="GetItem: AccessDeniedException"):
        handle(ABORTED)


# ── A sweep ───────────────────────────────────────────────────────────────────────────────────────────────────────────

SWEEP = json.loads((EVENTS / "recover-unfinished-sweep.json").read_text("utf-8"))
NOTHING = {"open": 0, "late": 0, "failed": 0, "left": 0}


def test_a_sweep_without_open_verifications_publishes_zeros(handle, metrics):
    assert handle(SWEEP) == NOTHING
    assert metrics() == {"OpenVerifications": 0, "OpenPastDeadline": 0}


def test_a_verification_in_its_window_is_not_late(handle, aws, metrics):
    aws.table.store(item(openVerifications={"S": "2099-01-01T00:00:00.000Z"}))
    aws.executions[ID] = ended(status="RUNNING")

    assert handle(SWEEP) == NOTHING | {"open": 1}
    assert metrics() == {"OpenVerifications": 1, "OpenPastDeadline": 0}


def test_a_sweep_replaces_what_failed_and_answers_with_its_counts(handle, aws, metrics):
    aws.table.store(item())
    aws.executions[ID] = ended()

    assert handle(SWEEP) == NOTHING | {"open": 1, "late": 1, "taken_over": 1}
    assert metrics() == {"OpenVerifications": 1, "OpenPastDeadline": 1, "Takeovers": 1}


def test_a_sweep_starts_what_was_never_started_and_counts_no_takeover(handle, aws, metrics):
    aws.table.store(item())

    assert handle(SWEEP)["running"] == 1
    assert list(aws.executions) == [ID]
    assert "Takeovers" not in metrics()


def test_the_third_takeover_also_counts_as_repeated(handle, aws, metrics):
    aws.table.store(item(**named(2)))
    aws.executions[f"{ID}-r2"] = ended()

    handle(SWEEP)

    assert {"Takeovers": 1, "TakeoversRepeated": 1}.items() <= metrics().items()


def test_an_exhausted_verification_is_counted_in_every_sweep(handle, aws, metrics):
    aws.table.store(item(**named(10)))
    aws.executions[f"{ID}-r10"] = ended()

    assert handle(SWEEP)["exhausted"] == 1
    assert metrics()["TakeoversExhausted"] == 1


def test_an_engineer_continues_an_exhausted_verification(handle, aws):
    aws.table.store(item(**named(10)))
    aws.executions[f"{ID}-r10"] = ended()

    assert handle(SWEEP | {"rearm": True})["taken_over_repeatedly"] == 1
    assert aws.table.items[ID]["takeoverLimit"] == {"N": "20"}


def test_a_sweep_that_fails_for_one_raises_after_it_has_reported(handle, aws, metrics, caplog):
    aws.table.store(item())
    aws.refused = {"StartExecution"}

    with pytest.raises(Exception, match="1 failures, the first: StartExecution: AccessDeniedException"):
        handle(SWEEP)

    assert metrics()["OpenVerifications"] == 1
    [logged] = [vars(record) for record in caplog.records if record.levelname == "ERROR"]
    assert (logged["error"], logged["count"]) == ("StartExecution: AccessDeniedException", 1)
    assert logged["verificationIds"] == [ID]


def test_an_item_with_wrong_values_is_reported_by_its_error_alone(handle, aws, metrics, caplog):
    aws.table.store(item(takeovers={"S": "of +15550001111"}))
    aws.executions[ID] = ended()

    with pytest.raises(Exception, match="1 failures, the first: ValueError"):
        handle(SWEEP)

    assert metrics()["OpenPastDeadline"] == 1
    logged = [vars(record) for record in caplog.records]
    assert [line["error"] for line in logged if line["levelname"] == "ERROR"] == ["ValueError"]
    assert "+15550001111" not in str(logged)


def test_a_sweep_that_knows_nothing_publishes_no_zero(handle, aws, metrics):
    aws.refused = {"Scan"}

    with pytest.raises(Exception, match="1 failures, the first: Scan: AccessDeniedException"):
        handle(SWEEP)

    assert metrics() == {}


def test_a_sweep_without_the_time_to_list_raises(handle, aws):
    aws.table.store(item())

    with pytest.raises(Exception, match="no time to list all open verifications"):
        handle(SWEEP, Context(remaining_millis=1000 * recovery.LISTING_RESERVE_SECONDS))

    assert aws.called == []


# ── Within its time ───────────────────────────────────────────────────────────────────────────────────────────────────

TEMPLATE = load_yaml((ROOT / "template.yaml").read_text("utf-8"))
TIMEOUT_SECONDS = TEMPLATE["Resources"]["RecoverUnfinished"]["Properties"]["Timeout"]


def test_every_call_ends_within_the_seconds_that_the_reserve_counts_with(handle):  # noqa: ARG001  its environment
    import recover_unfinished  # noqa: PLC0415  it reads the environment when it is imported

    for client in (recover_unfinished._executions._step_functions, recover_unfinished._table._dynamodb):  # noqa: SLF001
        config: Any = client.meta.config
        tries = config.retries["total_max_attempts"]
        # In this mode botocore waits a random share of 2 ** (n - 1) s before try n + 1, whatever AWS asks for.
        assert config.retries["mode"] == "legacy"
        back_offs = sum(2**nth for nth in range(tries - 1))
        assert tries * (config.connect_timeout + config.read_timeout) + back_offs <= recovery.CALL_SECONDS
        assert config.max_pool_connections >= recovery.WORKERS


def test_the_calls_for_an_item_are_those_that_the_reserve_counts_with(handle, aws):
    aws.table.store(item())
    aws.executions[ID] = ended()

    handle(ABORTED)

    assert aws.called == ["GetItem", "StartExecution", "DescribeExecution", "UpdateItem", "StartExecution"]
    assert len(aws.called[1:]) == recovery.CALLS_FOR_AN_ITEM
    assert len(aws.called) * recovery.CALL_SECONDS < TIMEOUT_SECONDS


def test_the_reserve_fits_the_calls_for_an_item_and_the_function_fits_the_reserve():
    assert recovery.CALLS_FOR_AN_ITEM * recovery.CALL_SECONDS < recovery.RESERVE_SECONDS
    assert recovery.RESERVE_SECONDS + recovery.CALL_SECONDS < recovery.LISTING_RESERVE_SECONDS < TIMEOUT_SECONDS
    assert TIMEOUT_SECONDS < 60, "the next sweep"


def test_powertools_does_not_warn_where_there_is_no_metric(aws):  # noqa: ARG001  its environment
    program = f"import recover_unfinished as it, tests.unit.fake_aws as aws; it.handler({ABORTED!r}, aws.Context())"
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "functions")))

    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": paths}, capture_output=True, check=True
    )

    assert done.stderr == b""
