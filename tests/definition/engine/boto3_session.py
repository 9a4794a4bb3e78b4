"""A boto3 whose clients are answered by the scenario that is played, instead of by AWS.

botocore's events before-call and before-send are public, and moto uses them the same way. Everything above the HTTP request is
botocore's own: the retries with their pauses, the time-outs, the exceptions.
"""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.model import OperationModel

from tests.definition.engine.account import Account, Call
from tests.definition.engine.dynamodb import AwsError
from tests.definition.engine.scenario import Fault
from tests.definition.engine.virtual_time import Thread

_SERVICES = {"dynamodb": "dynamodb", "stepfunctions": "states", "sqs": "sqs"}
_STATUS = {"InternalServerError": 500, "ServiceUnavailable": 503}


class _Body:
    def __init__(self, content: dict[str, Any]) -> None:
        self._content = json.dumps(content).encode()

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


class _Events(threading.local):  # several functions are in the middle of a call at the same time
    """The handlers of botocore's events. call, fault: of the call that the thread makes; tries: how often it was sent."""

    account: Account
    answer: Callable[[Thread, Call, Fault | None], dict[str, Any]]
    call: Call
    fault: Fault | None = None
    tries = 0

    def before_call(self, model: OperationModel, context: dict[str, Any], **_: Any) -> None:
        latency = _Events.account.scenario.call
        patience = round(context["client_config"].read_timeout * 1000)
        service = _SERVICES[model.service_model.service_name]
        self.call = Call(service, model.name, patience, (latency // 2, latency - latency // 2))
        self.tries = 0

    def before_send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        account, url = _Events.account, str(request.url)
        thread = account.time.current
        assert thread, "a call of AWS from outside a function"
        self.tries += 1
        if self.tries == 1:
            self.call.asked = json.loads(str(request.body or b"{}", "utf-8"))  # pyright: ignore[reportArgumentType]
            self.fault = account.fault_at(f"{thread.who}: {self.call.operation}")
        fault = self.fault if self.fault and self.tries <= self.fault.tries else None
        try:
            status, answer = 200, _Events.answer(thread, self.call, fault)
        except TimeoutError:
            raise ReadTimeoutError(endpoint_url=url) from None
        except ConnectionError:
            raise ConnectionClosedError(endpoint_url=url) from None
        except AwsError as error:
            status = _STATUS.get(error.code, 400)
            answer = {"__type": f"com.amazonaws#{error.code}", "message": error.code, **error.more}
        headers: Any = {"content-type": "application/x-amz-json-1.0"}
        return AWSResponse(url, status, headers, _Body(answer))  # pyright: ignore[reportArgumentType]


def connect(account: Account, answer: Callable[[Thread, Call, Fault | None], dict[str, Any]]) -> None:
    """Has the calls of a new scenario answered."""
    _Events.account, _Events.answer = account, answer


_events = _Events()
_session = botocore.session.get_session()
_session.register("before-call", _events.before_call)
_session.register("before-send", _events.before_send)  # pyright: ignore[reportArgumentType]  its answer is used
SESSION = boto3.Session("k", "s", region_name="us-east-1", botocore_session=_session)
