"""Errors of botocore become AwsUnavailable, and the table and the executions make the right calls."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import boto3
import botocore.eventstream
import botocore.exceptions
import botocore.model
import botocore.parsers
import botocore.utils
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError, ParamValidationError

from linkwatch.aws_errors import AwsUnavailable, aws_call
from linkwatch.executions import Executions
from linkwatch.table import Table

ID = f"{'a' * 24}-{'b' * 24}"
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:LinkWatch"
ITEM = {"verificationId": ID, "executionName": ID, "takeovers": 0, "openVerifications": "2026-11-23T10:05:00.000Z"}


# ── botocore's exceptions ─────────────────────────────────────────────────────────────────────────────────────────────

#: Raised when a client is built or its model is read, not by calls.
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
#: Raised for event streams, which none of our operations returns.
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
    """Returns an instance without a response, as botocore may raise it."""
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


# ── Calls that AWS does not answer ────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def endpoint(*, hangs: bool) -> Iterator[str]:
    """The URL of a server that reads a request and closes the connection, or, where it hangs, never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            with suppress(OSError):  # the end of the test
                while True:
                    connection, _ = listening.accept()
                    connection.recv(65_536)
                    connection.close()

        if not hangs:  # the kernel accepts the connection
            threading.Thread(target=hang_up, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


CALLS = [
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
]


@pytest.mark.parametrize(("hangs", "error"), [(True, "ReadTimeoutError"), (False, "ConnectionClosedError")])
@pytest.mark.parametrize(("operation", "call"), CALLS)
def test_a_call_without_an_answer_is_aws_unavailable(operation, call, hangs, error, aws):  # noqa: ARG001  its environment
    config = Config(read_timeout=0.1, retries={"mode": "standard", "total_max_attempts": 1})
    with endpoint(hangs=hangs) as url:
        table = Table(boto3.client("dynamodb", endpoint_url=url, config=config), "Verifications")
        executions = Executions(boto3.client("stepfunctions", endpoint_url=url, config=config), ARN)

        with pytest.raises(AwsUnavailable, match=f"^{operation}: {error}$"):
            call(table, executions)


@pytest.mark.parametrize(("operation", "call"), CALLS)
def test_a_call_that_aws_refuses_is_aws_unavailable(operation, call, aws):
    aws.refused = {operation}
    table, executions = Table(boto3.client("dynamodb"), "Verifications"), Executions(boto3.client("stepfunctions"), ARN)

    with pytest.raises(AwsUnavailable, match=f"^{operation}: AccessDeniedException$"):
        call(table, executions)


# ── The table ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def table(aws):  # noqa: ARG001  its environment
    return Table(boto3.client("dynamodb"), "Verifications")


def test_an_item_that_is_put_is_found(table):
    assert table.put(ITEM) is None
    assert table.find(ID) == ITEM
    assert table.find("another") is None


def test_a_second_put_returns_the_first_item_and_changes_nothing(table):
    table.put(ITEM)

    assert table.put(ITEM | {"takeovers": 1}) == ITEM
    assert table.find(ID) == ITEM


def test_items_are_found_in_the_order_asked_for_without_missing_ones(table):
    other = ITEM | {"verificationId": "other"}
    for item in (ITEM, other):
        table.put(item)

    assert table.find_each(["other", "expired", ID]) == [other, ITEM]


def test_an_outcome_is_written_once_and_the_item_before_it_is_returned(table):
    table.put(ITEM)

    assert table.settle(ID, {"outcome": "CANCELLED", "result": "null"}) == (ITEM, True)
    settled = ITEM | {"outcome": "CANCELLED", "result": "null"}
    assert table.settle(ID, {"outcome": "EXPIRED"}) == (settled, False)
    assert table.find(ID) == settled


def test_an_outcome_without_an_item_is_not_written(table, aws):
    assert table.settle(ID, {"outcome": "CANCELLED"}) == (None, False)
    assert aws.table.items == {}


def test_the_next_execution_is_named_once(table):
    table.put(ITEM)
    following = {"executionName": f"{ID}-r1", "takeovers": 1}

    assert [table.name_next(ID, ID, following), table.name_next(ID, ID, following)] == [True, False]
    assert table.find(ID) == ITEM | following


def test_a_published_item_gets_no_other_execution(table):
    table.put(ITEM | {"publishedAt": "2026-11-23T10:05:00.000Z"})

    assert not table.name_next(ID, ID, {"executionName": f"{ID}-r1"})


def test_the_open_verifications_are_those_in_the_index(table):
    table.put(ITEM)
    table.put({"verificationId": "published"})

    assert list(table.open_pages()) == [[ITEM]]


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
def test_an_execution_has_ended_with_any_final_status(executions, aws, status):
    aws.executions[ID] = {"status": status, "input": "{}", "stopDate": 1_795_428_060.5}

    assert executions.ended_at(ID) == datetime(2026, 11, 23, 10, 1, 0, 500_000, UTC)


def test_an_execution_that_waits_to_be_redriven_has_not_ended(executions, aws):
    aws.executions[ID] = {"status": "PENDING_REDRIVE", "input": "{}", "stopDate": 1_795_428_060.5}

    assert executions.ended_at(ID) is None
