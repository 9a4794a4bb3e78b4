"""Where botocore's errors become ours."""

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from linkwatch.model import AwsUnavailable


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            ClientError({"Error": {"Code": "ThrottlingException", "Message": "of +15550001111"}}, "PutItem"),
            "ThrottlingException",
        ),
        (ConnectTimeoutError(endpoint_url="https://states"), "ConnectTimeoutError"),
    ],
)
def test_an_error_of_aws_is_told_by_its_code_and_quotes_nothing(error, says):
    assert str(AwsUnavailable.during("PutItem", error)) == f"PutItem: {says}"
