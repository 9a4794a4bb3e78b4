"""Signed calls to AWS, or to the emulator with the time of its clock: it refuses a signature that is more than 5 minutes off
its own time, as AWS does, and under an accelerated clock it is hours ahead of the caller before long.
"""

import json
from dataclasses import dataclass
from threading import Lock
from typing import Any

import boto3
import urllib3
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config

from local.stack.clock import Clock
from local.stack.environment import KEY_ID, REGION, SECRET_KEY

#: Real seconds; longer than any answer of the API takes, API Gateway's own limit being 29.
_ANSWER_SECONDS = 35


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What the API said; body is parsed JSON, or the text where it is none."""

    status: int
    headers: dict[str, str]
    body: Any


def _signer_at(clock: Clock) -> type[auth.SigV4Auth]:
    class SigV4AtClock(auth.SigV4Auth):
        def add_auth(self, request: AWSRequest) -> None:
            # The base class does the same, with this process's own time.
            request.context["timestamp"] = clock.now().strftime(auth.SIGV4_TIMESTAMP)
            self._modify_request_before_signing(request)  # pyright: ignore[reportAttributeAccessIssue]  # not in the stubs
            text = self.string_to_sign(request, self.canonical_request(request))
            self._inject_signature_to_request(request, self.signature(text, request))  # pyright: ignore[reportAttributeAccessIssue]

    return SigV4AtClock


class SignedCalls:
    """Calls to the emulator at one endpoint, or to AWS."""

    def __init__(self, endpoint: str | None, clock: Clock, session: boto3.Session | None = None) -> None:
        """endpoint: None for AWS; session: whose keys and region, the emulator's by default."""
        self._endpoint = endpoint
        self._session = session or boto3.Session(KEY_ID, SECRET_KEY, region_name=REGION)
        self._signer = _signer_at(clock)
        self._http = urllib3.PoolManager(maxsize=32, retries=False, timeout=_ANSWER_SECONDS)
        # botocore checks signers up by name in this table.
        self._signature = f"v4-at-{endpoint}"
        auth.AUTH_TYPE_MAPS[self._signature] = self._signer
        self._clients: dict[str, Any] = {}
        self._clients_lock = Lock()

    @property
    def region(self) -> str:
        """Where it all is."""
        return self._session.region_name

    def client(self, service: str, session: boto3.Session | None = None) -> Any:
        """boto3's client of a service, the same one each time; session: somebody else's keys, and a client of its own."""
        if session:
            return self._client_of(session, service)
        with self._clients_lock:  # a session is not for several threads, its clients are
            if service not in self._clients:
                self._clients[service] = self._client_of(self._session, service)
            return self._clients[service]

    def _client_of(self, session: boto3.Session, service: str) -> Any:
        config = Config(
            signature_version=self._signature,
            proxies={},
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=32,
        )
        return session.client(service, endpoint_url=self._endpoint, config=config)  # pyright: ignore[reportCallIssue, reportArgumentType]

    def call_api(  # noqa: PLR0913  # those with a * are named by whoever calls
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        signed: bool = True,
        session: boto3.Session | None = None,
    ) -> ApiAnswer:
        """One call of the REST API. body is sent as it is if it is str or bytes, as JSON otherwise; session: somebody else's
        keys.
        """
        content = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        request = AWSRequest(method, url, headers={"Content-Type": "application/json", **(headers or {})}, data=content)
        if signed:
            session = session or self._session
            keys = session.get_credentials()
            assert keys, "there are no AWS credentials"
            self._signer(keys, "execute-api", session.region_name).add_auth(request)
        prepared = request.prepare()
        answer = self._http.request(method, url, body=content, headers=dict(prepared.headers.items()))
        return ApiAnswer(answer.status, {n.lower(): v for n, v in answer.headers.items()}, _parsed(answer.data))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
