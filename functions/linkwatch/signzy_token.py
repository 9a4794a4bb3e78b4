"""Signzy's token: read when it is first needed, kept, and read again when Signzy refuses it."""

import json
import re
import time
from collections.abc import Callable

from linkwatch.http_client import HttpClient, HttpFailure
from linkwatch.json_text import parse_json
from linkwatch.model import Reason
from linkwatch.settings import Credentials

#: For one read of the secret: less than a check's own 6 s, so that a check that has to read the token can still ask Signzy.
READ_SECONDS = 2.0
#: For how long a read that returned the refused token is not repeated. Without it, every check would read the secret as long as
#: the token is wrong.
PAUSE_SECONDS = 30.0
# What a header can carry. urllib3 would refuse anything else in an exception that quotes the token.
_TOKEN = re.compile("[ -~]+")

#: Returns the token as it is now, by a moment of time.monotonic(). Raises TokenUnavailable.
ReadToken = Callable[[float], str]


class TokenUnavailable(Exception):
    """There is no token to ask with. reason: the check's."""

    def __init__(self, message: str, reason: Reason) -> None:
        super().__init__(message)
        self.reason = reason


class KeptToken:
    """The token that was read last."""

    def __init__(self, read: ReadToken, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._read = read
        self._pause_seconds = pause_seconds
        self._token: str | None = None
        self._paused_until = float("-inf")

    def get(self, ends_at: float) -> str:
        """Raises TokenUnavailable, at the latest at ends_at (time.monotonic())."""
        if self._token is None:
            self._token = _valid(self._read(ends_at))
        return self._token

    def get_again(self, ends_at: float) -> str | None:
        """Reads the token that Signzy has just refused again. None during the pause. Raises TokenUnavailable as get()."""
        if time.monotonic() < self._paused_until:
            return None
        refused, self._token = self._token, _valid(self._read(ends_at))
        if self._token == refused:
            self._paused_until = time.monotonic() + self._pause_seconds
        return self._token


class Secret:
    """The secret {"token": "…"} in Secrets Manager.

    One signed request instead of a boto3 client, which would cost CheckLink's start more than the check (docs/decisions.md).
    """

    def __init__(self, arn: str, region: str, credentials: Credentials | None, http: HttpClient) -> None:
        """http: a client of Secrets Manager."""
        self._arn = arn
        self._region = region
        self._credentials = credentials
        self._http = http

    def read_token(self, ends_at: float) -> str:
        """A ReadToken: within READ_SECONDS."""
        body = json.dumps({"SecretId": self._arn}).encode()
        headers = self._signed_headers(body)
        try:
            status, _, answer = self._http.request(
                "/", headers, body, ends_at=min(ends_at, time.monotonic() + READ_SECONDS)
            )
        except HttpFailure as failure:
            raise TokenUnavailable(f"Secrets Manager: {type(failure).__name__}", Reason.CHECK_FAILED) from None
        if status == 400 and b"ResourceNotFoundException" in answer:  # also the answer for a secret without a value
            raise TokenUnavailable("the secret has no value yet", Reason.CREDENTIALS_REFUSED)
        if status != 200:
            raise TokenUnavailable(f"Secrets Manager answered {status}", Reason.CHECK_FAILED)
        try:
            return parse_json(parse_json(answer.decode())["SecretString"])["token"]
        except (ValueError, KeyError, TypeError):
            raise TokenUnavailable('the secret is not {"token": "..."}', Reason.CREDENTIALS_REFUSED) from None

    def _signed_headers(self, body: bytes) -> dict[str, str]:
        if self._credentials is None:
            raise TokenUnavailable("there are no AWS credentials in the environment", Reason.CHECK_FAILED)
        # Imported here, for only a cold start and a refused token need it, and a local run with its own token never does.
        from botocore.auth import SigV4Auth  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
        request = AWSRequest("POST", f"{self._http.url}/", headers=headers, data=body)
        # botocore's own Credentials would have to be imported for three strings, and cost a tenth of the start.
        SigV4Auth(self._credentials, "secretsmanager", self._region).add_auth(request)  # pyright: ignore[reportArgumentType]
        return dict(request.headers)


def _valid(token: object) -> str:
    stripped = token.strip() if isinstance(token, str) else ""
    if not _TOKEN.fullmatch(stripped):
        raise TokenUnavailable(
            "the token is empty or has characters that a header cannot carry", Reason.CREDENTIALS_REFUSED
        )
    return stripped
