"""Signzy's token out of Secrets Manager: fetched when first needed, kept, fetched anew when Signzy refuses it.

One signed POST instead of a boto3 client: boto3 costs CheckLink's start more than the check itself
(docs/decisions.md). The signature is botocore's, and imported only when there is something to sign.
"""

import json
import re
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from ssl import SSLContext

from linkwatch.bounded_http import KeptConnection
from linkwatch.model import Reason
from linkwatch.signzy import TokenUnavailable

#: Below the check's own 6 s, so that a check whose token has to be fetched anew can still ask.
FETCH_SECONDS = 2.0
# What can stand in a header: anything else would be refused in an exception that quotes the token.
_TOKEN = re.compile("[ -~]+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What Lambda gives a function to sign with. Named as botocore's signer wants it; shows none of it when printed."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)


class FixedToken:
    """A token that a local run gives; there is no other place to fetch it from."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self, ends_at: float) -> str:  # noqa: ARG002  it is at hand
        return _checked(self._token)

    def fresh_token(self, ends_at: float) -> None:  # noqa: ARG002
        return None


class SecretToken:
    """The token in the secret {"token": "…"}."""

    def __init__(
        self,
        secret_arn: str,
        region: str,
        credentials: Credentials | None,
        endpoint: str | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        """endpoint: where Secrets Manager answers, if not at its usual place in the region."""
        self._secret_arn = secret_arn
        self._region = region
        self._credentials = credentials
        self._endpoint = endpoint or f"https://secretsmanager.{region}.amazonaws.com"
        self._connection = KeptConnection(self._endpoint, tls)
        self._token: str | None = None

    def token(self, ends_at: float) -> str:
        """The token. Raises TokenUnavailable when the secret cannot be read by ends_at or holds none."""
        if self._token is None:
            self._token = self.fresh_token(ends_at)
        return self._token

    def fresh_token(self, ends_at: float) -> str:
        """The token as the secret has it now. Raises TokenUnavailable, and then forgets what it knew."""
        self._token = None
        body = json.dumps({"SecretId": self._secret_arn}).encode()
        try:
            status, _, content = self._connection.ask(
                "/",
                self._signed_headers(body),
                body,
                ends_at=min(ends_at, time.monotonic() + FETCH_SECONDS),
            )
        except (OSError, HTTPException) as error:
            raise TokenUnavailable(f"Secrets Manager: {type(error).__name__}", Reason.CHECK_FAILED) from None
        if status == 400 and b"ResourceNotFoundException" in content:  # what a secret without a value gets, too
            raise TokenUnavailable("the secret holds no token yet", Reason.CREDENTIALS_REFUSED)
        if status != 200:
            raise TokenUnavailable(f"Secrets Manager answered {status}", Reason.CHECK_FAILED)
        self._token = _token_in(content)
        return self._token

    def _signed_headers(self, body: bytes) -> dict[str, str]:
        if self._credentials is None:
            raise TokenUnavailable("there are no AWS credentials in the environment", Reason.CHECK_FAILED)
        # Only a cold start and a refused token come here, and a local run with a token of its own never does.
        from botocore.auth import SigV4Auth  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
        request = AWSRequest("POST", f"{self._endpoint}/", headers=headers, data=body)
        # Its own Credentials would have to be imported for three strings, and cost a tenth of the start.
        SigV4Auth(self._credentials, "secretsmanager", self._region).add_auth(request)  # pyright: ignore[reportArgumentType]
        return dict(request.headers)


def _token_in(answer: bytes) -> str:
    try:
        token = json.loads(json.loads(answer)["SecretString"])["token"]
    except (ValueError, KeyError, TypeError):
        raise TokenUnavailable('the secret is not {"token": "..."}', Reason.CREDENTIALS_REFUSED) from None
    return _checked(token)


def _checked(token: object) -> str:
    stripped = token.strip() if isinstance(token, str) else ""
    if not _TOKEN.fullmatch(stripped):
        raise TokenUnavailable(
            "the token is empty or has characters that no header can carry", Reason.CREDENTIALS_REFUSED
        )
    return stripped
