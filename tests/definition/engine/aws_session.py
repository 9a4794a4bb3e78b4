"""A boto3 whose clients are answered by the scenario that is played, instead of by AWS.

botocore's events before-call and before-send are public, and moto uses them the same way. Everything above the HTTP request is
botocore's own: the retries with their pauses, the time-outs, the exceptions.
"""

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from unittest import mock

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.model import OperationModel
from botocore.retries import quota

from tests.definition.engine.definition import REGION
from tests.definition.engine.scenario import Fault, Service
from tests.definition.engine.virtual_time import Thread, VirtualTime

_SERVICES: dict[str, Service] = {"dynamodb": "dynamodb", "stepfunctions": "states", "sqs": "sqs"}
_STATUS = {"InternalServerError": 500, "ServiceUnavailable": 503}
_KEYS = {"AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}


class AwsError(Exception):
    """An error answer. more: members in addition to the code and the message."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code, self.more = code, more


@dataclass
class Call:
    """A call of boto3's. asked: the request. patience: the client's read time-out in milliseconds. tries: how often
    it was sent.
    """

    service: Service
    operation: str
    patience: int
    asked: dict[str, Any] = field(default_factory=dict)
    fault: Fault | None = None
    tries: int = 0


class Answers(Protocol):
    """What answers the calls (aws_calls.py)."""

    def fault_at(self, thread: Thread, call: Call) -> Fault | None: ...

    def answer(self, thread: Thread, call: Call, fault: Fault | None) -> dict[str, Any]: ...


class _RecordedQuota(quota.RetryQuota):
    """A client's quota of retries, which every scenario has to find full, as in a new Lambda instance."""

    made: list["_RecordedQuota"] = []  # noqa: RUF012

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.made.append(self)


class _Body:
    def __init__(self, content: dict[str, Any]) -> None:
        self._content = json.dumps(content).encode()

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


class _Events:
    """The handlers of botocore's events."""

    answers: Answers
    time: VirtualTime

    def __init__(self) -> None:
        self._thread_local = threading.local()  # recovery calls from several threads

    def before_call(self, model: OperationModel, context: dict[str, Any], **_: Any) -> None:
        patience = round(context["client_config"].read_timeout * 1000)
        self._thread_local.call = Call(_SERVICES[model.service_model.service_name], model.name, patience)

    def before_send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        call: Call = self._thread_local.call
        call.tries += 1
        if call.tries == 1:
            call.asked = json.loads(str(request.body or b"{}", "utf-8"))  # pyright: ignore[reportArgumentType]
            call.fault = self.answers.fault_at(self._thread(), call)
        fault = call.fault if call.fault and call.tries <= call.fault.tries else None
        url: Any = request.url
        try:
            answer = self.answers.answer(self._thread(), call, fault)
            status = 200
        except TimeoutError:
            raise ReadTimeoutError(endpoint_url=url) from None
        except ConnectionError:
            raise ConnectionClosedError(endpoint_url=url) from None
        except AwsError as error:
            status = _STATUS.get(error.code, 400)
            answer = {"__type": f"com.amazonaws#{error.code}", "message": error.code, **error.more}
        headers: Any = {"content-type": "application/x-amz-json-1.0"}
        return AWSResponse(url, status, headers, _Body(answer))  # pyright: ignore[reportArgumentType]

    def _thread(self) -> Thread:
        assert self.time.current, "a call of AWS from outside a function"
        return self.time.current


_events = _Events()
_session = botocore.session.get_session()
_session.register("before-call", _events.before_call)
_session.register("before-send", _events.before_send)  # pyright: ignore[reportArgumentType]  its answer is used


@contextlib.contextmanager
def boto3_in_the_engine() -> Iterator[None]:
    """Has the clients that boto3 makes meanwhile answered by the scenario that is played."""
    before = boto3.DEFAULT_SESSION
    boto3.setup_default_session(botocore_session=_session)
    try:
        with mock.patch.dict(os.environ, _KEYS), mock.patch.object(quota, "RetryQuota", _RecordedQuota):
            yield
    finally:
        boto3.DEFAULT_SESSION = before


def connect(answers: Answers, time: VirtualTime) -> None:
    """Has the calls of a new scenario answered."""
    for each in _RecordedQuota.made:
        each.release(_RecordedQuota.INITIAL_CAPACITY)
    _events.answers, _events.time = answers, time
