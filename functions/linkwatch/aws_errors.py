"""AWS's failures, as one exception. No other module of the core knows botocore's classes of transport and service errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.parsers import ResponseParserError


class AwsUnavailable(Exception):
    """AWS refused, throttled or did not answer a call. Whether the call took effect is unknown; repeating it is safe.

    The text names the call and the error's code, such as "PutItem: ThrottlingException", and quotes nothing that was sent.
    """


@contextmanager
def aws_call(name: str) -> Iterator[None]:
    """Runs one call of boto3. Raises AwsUnavailable for whatever boto3 raises, except ParamValidationError: that request was
    never sent, because our code built it wrongly.

    name: the operation, such as PutItem. A caller that expects a service error catches it inside the block.
    """
    try:
        yield
    except ParamValidationError:
        raise
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
        # The error's own text may quote what was sent, so it is not chained.
        raise AwsUnavailable(f"{name}: {code or type(error).__name__}") from None
