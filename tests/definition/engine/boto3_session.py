"""A boto3 whose clients are answered by the scenario that is played, instead of by AWS.

botocore's events before-call and before-send are public, and moto uses them the same way. Everything above the HTTP request is
botocore's own: the retries with their pauses, the time-outs, the exceptions.
"""

import json
import threading
from io import BytesIO
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from urllib3 import HTTPResponse

from tests.definition.engine.dynamodb import AwsError
from tests.definition.engine.scenario import Fault

if TYPE_CHECKING:
    from tests.definition.engine.account import Account

_SERVICES = {"DynamoDB_20120810": "dynamodb", "AWSStepFunctions": "states", "AmazonSQS": "sqs"}
_STATUS = {"InternalServerError": 500, "ServiceUnavailable": 503}


class _Events(threading.local):  # several functions are in the middle of a call at the same time
    """The handlers of botocore's events. patience, fault: of the call that the thread makes; tries: how often it was sent."""

    account: "Account"
    patience = tries = 0
    fault: Fault | None = None

    def before_call(self, context: dict[str, Any], **_: Any) -> None:
        self.patience, self.tries = round(context["client_config"].read_timeout * 1000), 0

    def before_send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        account, url = _Events.account, str(request.url)
        thread, latency = account.time.current, account.scenario.call
        assert thread, "a call of AWS from outside a function"
        target: Any = request.headers["X-Amz-Target"]
        service, _, operation = target.decode().partition(".")
        self.tries += 1
        if self.tries == 1:
            self.fault = account.fault_at(f"{thread.who}: {operation}")
        try:
            answer = account.answer(
                thread,
                _SERVICES[service],
                operation,
                json.loads(str(request.body or b"{}", "utf-8")),  # pyright: ignore[reportArgumentType]
                self.fault if self.fault and self.tries <= self.fault.tries else None,
                patience=self.patience,
                latency=(latency // 2, latency - latency // 2),
            )
        except TimeoutError:
            raise ReadTimeoutError(endpoint_url=url) from None
        except ConnectionError:
            raise ConnectionClosedError(endpoint_url=url) from None
        except AwsError as error:
            answer = {"__type": f"com.amazonaws#{error.code}", "message": error.code, **error.more}
            return response(url, _STATUS.get(error.code, 400), answer)
        return response(url, 200, answer)


def response(url: str, status: int, answer: dict[str, Any]) -> AWSResponse:
    """An answer of AWS, as botocore's event before-send takes it."""
    headers: Any = {"content-type": "application/x-amz-json-1.0"}
    return AWSResponse(url, status, headers, HTTPResponse(BytesIO(json.dumps(answer).encode()), preload_content=False))


def connect(account: "Account") -> None:
    """Has the calls of a new scenario answered."""
    _Events.account = account


_events = _Events()
_session = botocore.session.get_session()
_session.register("before-call", _events.before_call)
_session.register("before-send", _events.before_send)  # pyright: ignore[reportArgumentType]  its answer is used
SESSION = boto3.Session("k", "s", region_name="us-east-1", botocore_session=_session)
