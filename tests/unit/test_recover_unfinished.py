"""The handler of recovery: one status event, or one sweep; what it counts and what it raises."""

import json
from pathlib import Path

import pytest

from linkwatch.aws_errors import AwsUnavailable
from tests.unit.fake_aws import Context, metrics_in

EVENTS = Path(__file__).parents[2] / "events"
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


def test_a_death_is_taken_over_and_counted(handle, aws, metrics):
    aws.table.items[ID], aws.executions[ID] = item(), ended()

    handle(ABORTED)

    assert aws.table.items[ID] == item(**named(1))
    assert json.loads(aws.executions[f"{ID}-r1"]["input"]) == {"verificationId": ID}
    assert metrics() == {"Takeovers": 1}


def test_a_death_of_what_is_published_counts_as_nothing(handle, aws, metrics):
    aws.table.items[ID] = item(publishedAt={"S": "2026-11-23T10:01:00.000Z"})

    handle(ABORTED)

    assert (metrics(), aws.called) == ({}, ["GetItem"])


def test_a_status_event_that_cannot_be_handled_is_lambdas_to_try_again(handle, aws):
    aws.refused = {"GetItem"}

    with pytest.raises(AwsUnavailable, match="GetItem: AccessDeniedException"):
        handle(ABORTED)


# ── A sweep ───────────────────────────────────────────────────────────────────────────────────────────────────────────

SWEEP = json.loads((EVENTS / "recover-unfinished-sweep.json").read_text("utf-8"))
NOTHING = {"open": 0, "late": 0, "failed": 0, "left": 0}


def test_a_sweep_that_finds_nothing_says_so_in_its_metrics(handle, metrics):
    assert handle(SWEEP) == NOTHING
    assert metrics() == {"OpenVerifications": 0, "OpenPastDeadline": 0}


def test_what_is_open_within_its_window_is_not_late(handle, aws, metrics):
    aws.table.items[ID] = item(openVerifications={"S": "2099-01-01T00:00:00.000Z"})
    aws.executions[ID] = ended(status="RUNNING")

    assert handle(SWEEP) == NOTHING | {"open": 1}
    assert metrics() == {"OpenVerifications": 1, "OpenPastDeadline": 0}


def test_a_sweep_takes_over_what_died_and_answers_with_its_counts(handle, aws, metrics):
    aws.table.items[ID], aws.executions[ID] = item(), ended()

    assert handle(SWEEP) == NOTHING | {"open": 1, "late": 1, "taken_over": 1}
    assert metrics() == {"OpenVerifications": 1, "OpenPastDeadline": 1, "Takeovers": 1}


def test_a_sweep_starts_what_never_ran_and_counts_no_takeover(handle, aws, metrics):
    aws.table.items[ID] = item()

    assert handle(SWEEP)["running"] == 1
    assert list(aws.executions) == [ID]
    assert "Takeovers" not in metrics()


def test_the_third_takeover_is_counted_as_repeated_too(handle, aws, metrics):
    aws.table.items[ID], aws.executions[f"{ID}-r2"] = item(**named(2)), ended()

    handle(SWEEP)

    assert {"Takeovers": 1, "TakeoversRepeated": 1}.items() <= metrics().items()


def test_what_is_given_up_is_counted_in_every_sweep(handle, aws, metrics):
    aws.table.items[ID], aws.executions[f"{ID}-r10"] = item(**named(10)), ended()

    assert handle(SWEEP)["exhausted"] == 1
    assert metrics()["TakeoversExhausted"] == 1


def test_an_engineer_rearms_what_was_given_up(handle, aws):
    aws.table.items[ID], aws.executions[f"{ID}-r10"] = item(**named(10)), ended()

    assert handle(SWEEP | {"rearm": True})["taken_over_repeatedly"] == 1
    assert aws.table.items[ID]["takeoverLimit"] == {"N": "20"}


def test_a_sweep_that_fails_for_one_raises_after_it_has_counted(handle, aws, metrics):
    aws.table.items[ID] = item()
    aws.refused = {"StartExecution"}

    with pytest.raises(AwsUnavailable, match="1 could not be recovered, the first for StartExecution"):
        handle(SWEEP)

    assert metrics()["OpenVerifications"] == 1


@pytest.mark.parametrize(("remaining", "left"), [(10_000, 1), (10_001, 0)])
def test_a_sweep_ends_before_its_functions_time_does(handle, aws, remaining, left):
    aws.table.items[ID] = item()

    assert handle(SWEEP, Context(remaining_millis=remaining))["left"] == left
