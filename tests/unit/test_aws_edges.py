"""Errors of botocore become AwsUnavailable; what the table answers."""

import time

import boto3
import botocore.exceptions
import botocore.parsers
import botocore.utils
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError, ParamValidationError

from linkwatch.aws_errors import AwsUnavailable, aws_call
from linkwatch.table import Table
from tests.unit.scripted_server import message, serving

ITEM = {"verificationId": "+15550001111", "executionName": "x"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(lambda *_: time.sleep(0.3), "ReadTimeoutError", id="no answer"),
        pytest.param(lambda _, connection: connection.close(), "ConnectionClosedError", id="a closed connection"),
        pytest.param(message('{"__type": "Throttled"}', "400 No"), "Throttled", id="an error"),
        pytest.param(message("{}", "400 No"), "400", id="an error without a code"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_a_call_that_fails_is_aws_unavailable_and_quotes_nothing(answer, error):
    config = Config(read_timeout=0.1, retries={"mode": "standard", "total_max_attempts": 1})
    with serving(answer) as server:
        dynamodb = boto3.client("dynamodb", endpoint_url=f"http://127.0.0.1:{server.address[1]}", config=config)

        with pytest.raises(AwsUnavailable) as raised:
            Table(dynamodb, "Verifications").put(ITEM)

    assert (str(raised.value), raised.value.__suppress_context__) == (f"PutItem: {error}", True)


NOT_TRANSLATED = {
    # our mistake: the request was never sent
    "ParamValidationError",
    # when a client is built
    *("InvalidArnException", "MissingServiceIdError", "UndefinedModelAttributeError"),
    # caught within botocore, which raises a BotoCoreError for them
    *("BadIMDSRequestError", "_RetriesExceededError"),
    # warnings
    *("ImminentRemovalWarning", "UnsupportedTLSVersionWarning"),
}


def raised_for(error_type: type[Exception]) -> Exception:
    """What a call raises where botocore raises an error of this type, without a response."""
    error = error_type.__new__(error_type)
    Exception.__init__(error, "of +15550001111")
    if isinstance(error, ClientError | HTTPClientError):
        vars(error)["response"] = {} if isinstance(error, ClientError) else None
    with pytest.raises(Exception, match=r".") as caught, aws_call("PutItem"):
        raise error
    return caught.value


def test_every_exception_that_a_call_of_botocore_can_raise_is_aws_unavailable_and_quotes_nothing():
    raised = {
        found.__name__: raised_for(found)
        # botocore.model raises when a client is built, botocore.eventstream for streams.
        for module in (botocore.exceptions, botocore.parsers, botocore.utils)
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Exception) and found.__module__ == module.__name__
    }

    translated = {name: error for name, error in raised.items() if isinstance(error, AwsUnavailable)}
    assert raised.keys() - translated == NOT_TRANSLATED
    assert {name: str(error) for name, error in translated.items()} == {name: f"PutItem: {name}" for name in translated}
    assert all(error.__suppress_context__ for error in translated.values())


@pytest.fixture
def table(aws):  # noqa: ARG001  its environment
    return Table(boto3.client("dynamodb"), "Verifications")


def test_a_request_that_our_code_builds_wrongly_is_not_aws_unavailable(table):
    with pytest.raises(ParamValidationError):
        table.find(None)


def test_items_are_found_in_the_order_asked_for_without_missing_ones(table):
    other = ITEM | {"verificationId": "other"}
    for item in (ITEM, other):
        table.put(item)

    assert table.find_each(["other", "expired", ITEM["verificationId"]]) == [other, ITEM]
