"""Signed calls to AWS or to the emulator, with the time of the stack's clock.

The emulator refuses a signature that differs from its own time by more than 5 minutes, as AWS does. Under an accelerated clock it
is soon hours ahead of the caller.
"""

import json
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any
from urllib.parse import urljoin

import boto3
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from operations.deployed.clock import Clock

#: Real seconds. API Gateway answers within 29.
_ANSWER_SECONDS = 35
_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """An answer of the API. body: parsed JSON, or the text where it is not JSON."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def refusal(self) -> str:
        """What the API did not accept, in one line."""
        return f"the API answered {self.status}: {json.dumps(self.body)}"


def _signer_at(clock: Clock) -> type[auth.SigV4Auth]:
    class SigV4AtClock(auth.SigV4Auth):
        def _modify_request_before_signing(self, request: AWSRequest) -> None:
            # add_auth() has just set this process's own time.
            request.context["timestamp"] = clock.now().strftime(auth.SIGV4_TIMESTAMP)
            super()._modify_request_before_signing(request)  # pyright: ignore[reportAttributeAccessIssue]  # not in the stubs

    return SigV4AtClock


class SignedCalls:
    """boto3's clients and calls of the REST API, with one session's keys."""

    def __init__(self, session: boto3.Session, clock: Clock, endpoint: str | None = None) -> None:
        """endpoint: the emulator's address; None for AWS, which is reached as boto3 reaches it, proxies included."""
        self.endpoint, self.clock, self.region = endpoint, clock, session.region_name
        self._session = session
        self._signer = _signer_at(clock)
        # botocore looks signers up by name in this table.
        signature = f"v4-at-{endpoint}"
        auth.AUTH_TYPE_MAPS[signature] = self._signer
        self._config = Config(
            signature_version=signature,
            proxies={} if endpoint else None,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=_AT_ONCE,
        )
        self._clients: dict[str, Any] = {}
        self._lock = Lock()

    def client(self, service: str) -> Any:
        """boto3's client of a service, cached."""
        with self._lock:  # threads may share clients, but not a session
            if service not in self._clients:
                make: Any = self._session.client
                self._clients[service] = make(service, endpoint_url=self.endpoint, config=self._config)
            return self._clients[service]

    def call_api(self, method: str, url: str, body: Any = None, *, signed: bool = True) -> ApiAnswer:
        """One call of the REST API, without retries. body: sent as it is if it is str or bytes, else as JSON.

        Raises BotoCoreError where no answer comes.
        """
        content = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        request = AWSRequest(method, url, headers={"Content-Type": "application/json"}, data=content)
        if signed:
            keys: Any = self._session.get_credentials()
            self._signer(keys, "execute-api", self.region).add_auth(request)
        answer = _connections_to(urljoin(url, "/"), uses_proxies=not self.endpoint).send(request.prepare())
        return ApiAnswer(answer.status_code, {n.lower(): v for n, v in answer.headers.items()}, _parsed(answer.content))


@cache
def _connections_to(origin: str, *, uses_proxies: bool) -> URLLib3Session:
    """Connections that are kept, for all threads."""
    proxies = get_environ_proxies(origin) if uses_proxies else {}
    return URLLib3Session(proxies=proxies, timeout=_ANSWER_SECONDS, max_pool_connections=_AT_ONCE)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
