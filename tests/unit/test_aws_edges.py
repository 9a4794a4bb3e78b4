"""Errors of botocore become AwsUnavailable, and the table and the executions make the right calls."""

import time
from datetime import UTC, datetime

import boto3
import botocore.exceptions
import botocore.parsers
import botocore.utils
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

from linkwatch.aws_errors import AwsUnavailable, aws_call
from linkwatch.executions import Executions
from linkwatch.table import Table
from tests.unit.scripted_server import serving

ID = f"{'a' * 24}-{'b' * 24}"
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:LinkWatch"
ITEM = {"verificationId": ID, "executionName": ID, "takeovers": 0, "openVerifications": "2026-11-23T10:05:00.000Z"}


# ── Errors ────────────────────────────────────────────────────────────────────────────────────────────────────────────

NOT_TRANSLATED = {
    # our mistake: the request was never sent
    "ParamValidationError",
    # when a client is built
    "InvalidArnException",
    "MissingServiceIdError",
    "UndefinedModelAttributeError",
    # caught within botocore, which raises a BotoCoreError for them
    "BadIMDSRequestError",
    "_RetriesExceededError",
    # warnings
    "ImminentRemovalWarning",
    "UnsupportedTLSVersionWarning",
}


def botocore_exceptions() -> list[type[Exception]]:
    """All that a call can raise. botocore.model raises when a client is built, botocore.eventstream for streams."""
    return [
        found
        for module in (botocore.exceptions, botocore.parsers, botocore.utils)
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Exception) and found.__module__ == module.__name__
    ]


def raised_for(error_type: type[Exception]) -> Exception:
    """Returns what a call raises where botocore raises an error of this type, without a response."""
    error = error_type.__new__(error_type)
    Exception.__init__(error, "of +15550001111")
    if isinstance(error, ClientError | HTTPClientError):
        vars(error)["response"] = {} if isinstance(error, ClientError) else None
    with pytest.raises(Exception, match=r".") as caught, aws_call("PutItem"):
        raise error
    return caught.value


def test_every_exception_of_a_call_is_aws_unavailable_and_quotes_nothing():
    raised = {error_type.__name__: raised_for(error_type) for error_type in botocore_exceptions()}

    translated = {name: error for name, error in raised.items() if isinstance(error, AwsUnavailable)}
    assert raised.keys() - translated == NOT_TRANSLATED
    for name, error in translated.items():
        assert (str(error), error.__cause__, error.__suppress_context__) == (f"PutItem: {name}", None, True)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(lambda *_: time.sleep(0.3), "ReadTimeoutError", id="no answer"),
        pytest.param(lambda _, connection: connection.close(), "ConnectionClosedError", id="a closed connection"),
    ],
)
def test_a_call_without_an_answer_is_aws_unavailable(answer, error, aws):  # noqa: ARG001  its environment
    config = Config(read_timeout=0.1, retries={"mode": "standard", "total_max_attempts": 1})
    with serving(answer) as server:
        dynamodb = boto3.client("dynamodb", endpoint_url=f"http://127.0.0.1:{server.address[1]}", config=config)

        with pytest.raises(AwsUnavailable, match=f"^PutItem: {error}$"):
            Table(dynamodb, "Verifications").put(ITEM)


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("PutItem", lambda table, _: table.put(ITEM)),
        ("GetItem", lambda table, _: table.find(ID)),
        ("BatchGetItem", lambda table, _: table.find_each([ID])),
        ("Query", lambda table, _: table.correlated("application-4711", 51, None)),
        ("UpdateItem", lambda table, _: table.settle(ID, {"outcome": "CANCELLED"})),
        ("UpdateItem", lambda table, _: table.name_next(ID, ID, {"takeovers": 1})),
        ("Scan", lambda table, _: list(table.open_pages())),
        ("StartExecution", lambda _, executions: executions.start(ID, ID)),
        ("DescribeExecution", lambda _, executions: executions.ended_at(ID)),
        ("StopExecution", lambda _, executions: executions.stop(ID)),
        ("ListExecutions", lambda _, executions: list(executions.running_pages())),
    ],
)
def test_a_call_that_aws_refuses_is_aws_unavailable(operation, call, aws, table, executions):
    aws.refused = {operation}

    with pytest.raises(AwsUnavailable, match=f"^{operation}: AccessDeniedException$"):
        call(table, executions)


# ── The table ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def table(aws):  # noqa: ARG001  its environment
    return Table(boto3.client("dynamodb"), "Verifications")


def test_items_are_found_in_the_order_asked_for_without_missing_ones(table):
    other = ITEM | {"verificationId": "other"}
    for item in (ITEM, other):
        table.put(item)

    assert table.find_each(["other", "expired", ID]) == [other, ITEM]


@pytest.mark.parametrize("changed", [{"executionName": f"{ID}-r1"}, {"publishedAt": "2026-11-23T10:05:00.000Z"}])
def test_the_next_execution_is_named_once_and_only_while_the_item_is_open(changed, table):
    following = {"executionName": f"{ID}-r1", "takeovers": 1}
    table.put(ITEM)
    table.put({**ITEM, **changed, "verificationId": "other"})

    assert [table.name_next(each, ID, following) for each in (ID, "other")] == [True, False]
    assert table.find(ID) == ITEM | following


def test_the_open_verifications_are_those_in_the_index(table):
    table.put(ITEM)
    table.put({"verificationId": "published"})

    assert list(table.open_pages()) == [[ITEM]]


# ── Executions ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def executions(aws):  # noqa: ARG001  its environment
    return Executions(boto3.client("stepfunctions"), ARN)


def test_an_execution_runs_from_its_start_to_its_end_and_keeps_its_name(executions):
    assert executions.start(ID, ID)
    assert executions.start(ID, ID), "AWS lets the same start of a running execution succeed"
    assert (list(executions.running_pages()), executions.ended_at(ID)) == ([[ID]], None)

    executions.stop(ID)

    assert not executions.start(ID, ID)
    assert (datetime.now(UTC) - executions.ended_at(ID)).total_seconds() < 60
    assert list(executions.running_pages()) == [[]]


@pytest.mark.parametrize(
    ("status", "has_ended"),
    [("SUCCEEDED", True), ("FAILED", True), ("TIMED_OUT", True), ("ABORTED", True), ("PENDING_REDRIVE", False)],
)
def test_an_execution_has_ended_with_a_final_status(executions, aws, status, has_ended):
    aws.executions[ID] = {"status": status, "input": "{}", "stopDate": 1_795_428_060.5}

    assert executions.ended_at(ID) == (datetime(2026, 11, 23, 10, 1, 0, 500_000, UTC) if has_ended else None)
