"""The token: read from the secret, over a real connection to a server with Secrets Manager's protocol, and kept."""

import json
import time

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from linkwatch.model import Reason
from linkwatch.settings import Credentials
from linkwatch.signzy_token import READ_SECONDS, KeptToken, Secret, TokenUnavailable
from tests.unit.checks import Tokens, client_tls
from tests.unit.loopback import Received, server
from tests.unit.scripted_server import message, serving

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:SignzyToken-AbCdEf"
CREDENTIALS = Credentials("AKIDEXAMPLE", "secret", "session")


def soon() -> float:
    return time.monotonic() + 5


def read_token(endpoint: str, credentials: Credentials | None = CREDENTIALS, ends_at: float | None = None) -> str:
    return Secret(ARN, "eu-central-1", credentials, endpoint, client_tls()).read_token(ends_at or soon())


def with_content(content: str) -> bytes:
    return message(json.dumps({"ARN": ARN, "SecretString": content}))


# ── Secrets Manager ─────────────────────────────────────────────────────────────────────────────────────────────────────


def signature_of(request: Received) -> str:
    """What the Authorization header should be. botocore takes the time from the clock, so it is given the request's."""
    signed = {name: request.headers[name] for name in ("content-type", "x-amz-target", "x-amz-security-token")}
    recomputed = AWSRequest(request.method, request.url, headers=signed, data=request.body)
    recomputed.context["timestamp"] = request.headers["x-amz-date"]
    recomputed.headers["X-Amz-Date"] = request.headers["x-amz-date"]
    signer = SigV4Auth(CREDENTIALS, "secretsmanager", "eu-central-1")  # pyright: ignore[reportArgumentType]
    canonical = signer.canonical_request(recomputed)
    return signer.signature(signer.string_to_sign(recomputed, canonical), recomputed)


def test_the_secret_is_read_with_a_signed_request():
    with server(lambda _: (200, json.dumps({"SecretString": '{"token": "t-1"}'}))) as (url, requests):
        assert read_token(url) == "t-1"

    (request,) = requests
    assert (request.method, request.path) == ("POST", "/")
    assert json.loads(request.body) == {"SecretId": ARN}
    assert request.headers["content-type"] == "application/x-amz-json-1.1"
    assert request.headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert request.headers["x-amz-security-token"] == "session"
    scope = f"AKIDEXAMPLE/{request.headers['x-amz-date'][:8]}/eu-central-1/secretsmanager/aws4_request"
    assert f"Credential={scope}, " in request.headers["authorization"]
    assert request.headers["authorization"].endswith(f"Signature={signature_of(request)}")


@pytest.mark.parametrize("content", ['{"token": 7}', '{"key": "x"}', "[]", "hunter2", "", '{"token": "a", "b": }'])
def test_a_secret_of_another_form_is_refused_credentials_and_is_not_quoted(content):
    with serving(with_content(content)) as secrets_manager, pytest.raises(TokenUnavailable) as caught:
        KeptToken(lambda ends_at: read_token(secrets_manager.origin, ends_at=ends_at)).get(soon())

    assert caught.value.reason is Reason.CREDENTIALS_REFUSED
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_secret_without_a_value_is_refused_credentials():
    answer = message('{"__type":"ResourceNotFoundException"}', "400 Bad Request")

    with serving(answer) as secrets_manager, pytest.raises(TokenUnavailable) as caught:
        read_token(secrets_manager.origin)

    assert caught.value.reason is Reason.CREDENTIALS_REFUSED


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(message('{"__type":"AccessDeniedException"}', "400 Bad Request"), id="denied"),
        pytest.param(message('{"__type":"ResourceNotFoundException"}', "500 Error"), id="internal error"),
        pytest.param(b"", id="no answer"),
    ],
)
def test_a_secret_that_cannot_be_read_is_a_failed_check(answer):
    def answer_and_close(_, connection):
        connection.sendall(answer)
        connection.close()

    with serving(answer_and_close) as secrets_manager, pytest.raises(TokenUnavailable) as caught:
        read_token(secrets_manager.origin)

    assert caught.value.reason is Reason.CHECK_FAILED


def test_a_read_of_the_secret_ends_before_the_check_does():
    started_at = time.monotonic()

    with serving(lambda *_: time.sleep(2.5)) as secrets_manager, pytest.raises(TokenUnavailable):
        read_token(secrets_manager.origin)

    assert time.monotonic() - started_at < READ_SECONDS + 0.5


def test_without_credentials_the_secret_cannot_be_read():
    with pytest.raises(TokenUnavailable) as caught:
        read_token("http://127.0.0.1:1", credentials=None)

    assert caught.value.reason is Reason.CHECK_FAILED


# ── The kept token ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_token_is_kept_until_it_is_refused():
    secret = Tokens("old", "new")
    token = KeptToken(secret.read)

    assert [token.get(soon()), token.get(soon()), token.get_again(soon()), token.get(soon())] == [
        "old",
        "old",
        "new",
        "new",
    ]
    assert secret.reads == 2


def test_white_space_around_the_token_is_removed():
    assert KeptToken(Tokens(" t-1\n").read).get(soon()) == "t-1"


@pytest.mark.parametrize("value", ["", " ", "a\nb", "täter\x00", 7, None])
def test_a_token_that_a_header_cannot_carry_is_refused_credentials_and_is_not_quoted(value):
    with pytest.raises(TokenUnavailable) as caught:
        KeptToken(Tokens(value).read).get(soon())

    assert caught.value.reason is Reason.CREDENTIALS_REFUSED
    assert "täter" not in str(caught.value)


def test_a_read_that_returns_the_refused_token_is_not_repeated_during_the_pause():
    secret = Tokens("wrong")
    token = KeptToken(secret.read, pause_seconds=0.2)
    token.get(soon())

    during = [token.get_again(soon()) for _ in range(3)]
    time.sleep(0.25)

    assert during == ["wrong", None, None]
    assert (token.get_again(soon()), secret.reads) == ("wrong", 3)


def test_a_first_read_and_a_rotated_token_start_no_pause():
    token = KeptToken(Tokens("first", "second", "third").read)

    assert [token.get(soon()), token.get_again(soon()), token.get_again(soon())] == ["first", "second", "third"]


def test_a_read_that_fails_starts_no_pause_and_leaves_the_token_known():
    def fail_again(read: int) -> None:
        if read == 2:
            raise TokenUnavailable("no answer", Reason.CHECK_FAILED)

    token = KeptToken(Tokens("old", "-", "new", on_read=fail_again).read)
    token.get(soon())

    with pytest.raises(TokenUnavailable):
        token.get_again(soon())

    assert (token.get(soon()), token.get_again(soon())) == ("old", "new")
