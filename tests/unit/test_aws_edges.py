"""Where botocore's errors become ours, and what the table and the executions ask of AWS."""

from datetime import UTC, datetime

import boto3
import botocore.eventstream
import botocore.exceptions
import botocore.model
import botocore.parsers
import botocore.utils
import pytest
from botocore.exceptions import ClientError, HTTPClientError, ParamValidationError

from linkwatch.aws_errors import AwsUnavailable, aws_call
from linkwatch.executions import Executions
from linkwatch.table import Table

ID = f"{'a' * 24}-{'b' * 24}"
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:LinkWatch"
ITEM = {"verificationId": ID, "executionName": ID, "takeovers": 0, "openVerifications": "2026-11-23T10:05:00.000Z"}


# ── botocore's exceptions ─────────────────────────────────────────────────────────────────────────────────────────────

#: Of building a client or reading its model; no call raises them.
NEVER_DURING_A_CALL = {
    "MissingServiceIdError",
    "UndefinedModelAttributeError",
    "InvalidShapeError",
    "InvalidShapeReferenceError",
    "NoShapeFoundError",
    "OperationNotFoundError",
    "InvalidArnException",
}
#: Caught within botocore, which raises a BotoCoreError for them.
INTERNAL = {"BadIMDSRequestError", "_RetriesExceededError"}
#: Of event streams, which no operation of ours answers with.
OF_STREAMS = {
    "ParserError",
    "ChecksumMismatch",
    "DuplicateHeader",
    "InvalidHeadersLength",
    "InvalidPayloadLength",
    "NoInitialResponseError",
}


def botocore_exceptions() -> dict[str, type[Exception]]:
    modules = (botocore.exceptions, botocore.parsers, botocore.model, botocore.utils, botocore.eventstream)
    return {
        name: found
        for module in modules
        for name, found in vars(module).items()
        if isinstance(found, type)
        and issubclass(found, Exception)
        and not issubclass(found, Warning)
        and found.__module__.startswith("botocore")
    }


def exception_of(name: str) -> Exception:
    """An instance as botocore's loosest raise would leave it: without a response."""
    found = botocore_exceptions()[name]
    error = found.__new__(found)
    Exception.__init__(error, "of +15550001111")
    if isinstance(error, ClientError | HTTPClientError):
        vars(error)["response"] = {} if isinstance(error, ClientError) else None
    return error


@pytest.mark.parametrize(
    "name", sorted(set(botocore_exceptions()) - NEVER_DURING_A_CALL - INTERNAL - OF_STREAMS - {"ParamValidationError"})
)
def test_every_exception_of_a_call_is_aws_unavailable_and_quotes_nothing(name):
    with pytest.raises(AwsUnavailable, match=f"^PutItem: {name}$") as caught, aws_call("PutItem"):
        raise exception_of(name)

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_request_that_we_built_wrongly_is_an_error_of_ours():
    with pytest.raises(ParamValidationError), aws_call("PutItem"):
        raise ParamValidationError(report="Missing required parameter")


def test_an_error_that_aws_answers_is_named_by_its_code():
    refused = ClientError({"Error": {"Code": "ThrottlingException", "Message": "of +15550001111"}}, "PutItem")

    with pytest.raises(AwsUnavailable, match=r"^PutItem: ThrottlingException$"), aws_call("PutItem"):
        raise refused


# ── The table ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def table(aws):  # noqa: ARG001  its environment
    return Table(boto3.client("dynamodb"), "Verifications")


def test_an_item_that_is_put_is_found(table):
    assert table.put(ITEM) is None
    assert table.find(ID) == ITEM
    assert table.find("another") is None


def test_an_item_that_is_there_already_comes_back_and_stays(table):
    table.put(ITEM)

    assert table.put(ITEM | {"takeovers": 1}) == ITEM
    assert table.find(ID) == ITEM


def test_an_outcome_is_written_once_and_gives_the_item_before_it(table):
    table.put(ITEM)

    assert table.settle(ID, {"outcome": "CANCELLED", "result": None}) == (ITEM, True)
    settled = ITEM | {"outcome": "CANCELLED", "result": None}
    assert table.settle(ID, {"outcome": "EXPIRED"}) == (settled, False)
    assert table.find(ID) == settled


def test_an_outcome_of_no_item_is_not_written(table, aws):
    assert table.settle(ID, {"outcome": "CANCELLED"}) == (None, False)
    assert aws.table.items == {}


def test_the_next_name_is_written_where_the_item_still_has_the_one_before(table):
    table.put(ITEM)
    following = {"executionName": f"{ID}-r1", "takeovers": 1}

    assert [table.name_next(ID, ID, following), table.name_next(ID, ID, following)] == [True, False]
    assert table.find(ID) == ITEM | following


def test_what_is_published_gets_no_other_name(table):
    table.put(ITEM | {"publishedAt": "2026-11-23T10:05:00.000Z"})

    assert not table.name_next(ID, ID, {"executionName": f"{ID}-r1"})


def test_the_open_ones_are_those_in_the_index(table):
    table.put(ITEM)
    table.put({"verificationId": "published"})

    assert list(table.open_pages()) == [[ITEM]]


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("PutItem", lambda table: table.put(ITEM)),
        ("GetItem", lambda table: table.find(ID)),
        ("UpdateItem", lambda table: table.settle(ID, {"outcome": "CANCELLED"})),
        ("UpdateItem", lambda table: table.name_next(ID, ID, {"takeovers": 1})),
        ("Scan", lambda table: list(table.open_pages())),
    ],
)
def test_a_call_that_the_table_refuses_raises(table, aws, operation, call):
    aws.refused = {operation}

    with pytest.raises(AwsUnavailable, match=f"{operation}: AccessDeniedException"):
        call(table)


# ── Executions ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def executions(aws):  # noqa: ARG001  its environment
    return Executions(boto3.client("stepfunctions"), ARN)


def test_an_execution_that_is_started_runs(executions):
    assert executions.start(ID, ID)
    assert executions.start(ID, ID), "AWS lets the same start of a running execution succeed"
    assert (list(executions.running_pages()), executions.ended_at(ID)) == ([[ID]], None)


def test_an_execution_that_has_ended_keeps_its_name(executions):
    executions.start(ID, ID)

    executions.stop(ID)

    assert not executions.start(ID, ID)
    assert (datetime.now(UTC) - executions.ended_at(ID)).total_seconds() < 60
    assert list(executions.running_pages()) == [[]]


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_an_execution_has_ended_however_it_did(executions, aws, status):
    aws.executions[ID] = {"status": status, "input": "{}", "stopDate": 1_795_428_060.5}

    assert executions.ended_at(ID) == datetime(2026, 11, 23, 10, 1, 0, 500_000, UTC)


def test_an_execution_that_waits_to_be_redriven_has_not_ended(executions, aws):
    aws.executions[ID] = {"status": "PENDING_REDRIVE", "input": "{}", "stopDate": 1_795_428_060.5}

    assert executions.ended_at(ID) is None


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("StartExecution", lambda executions: executions.start(ID, ID)),
        ("DescribeExecution", lambda executions: executions.ended_at(ID)),
        ("StopExecution", lambda executions: executions.stop(ID)),
        ("ListExecutions", lambda executions: list(executions.running_pages())),
    ],
)
def test_a_call_that_step_functions_refuses_raises(executions, aws, operation, call):
    aws.refused = {operation}

    with pytest.raises(AwsUnavailable, match=f"{operation}: AccessDeniedException"):
        call(executions)
