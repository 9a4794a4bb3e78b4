"""The token: read from the secret, over a real connection to a server with Secrets Manager's protocol, and kept."""

import json
import time

import pytest
import time_machine
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from linkwatch.http_client import HttpClient, TimedOut
from linkwatch.model import Reason
from linkwatch.settings import Credentials
from linkwatch.signzy import CHECK_SECONDS
from linkwatch.signzy_token import READ_SECONDS, KeptToken, Secret, TokenUnavailable
from tests.unit.checks import Tokens
from tests.unit.loopback import server
from tests.unit.scripted_server import message, serving

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:SignzyToken-AbCdEf"
CREDENTIALS = Credentials("AKIDEXAMPLE", "secret", "session")


def soon() -> float:
    return time.monotonic() + 5


def secret_at(url: str, credentials: Credentials | None = CREDENTIALS) -> Secret:
    return Secret(ARN, "eu-central-1", credentials, HttpClient(url))


# ── Secrets Manager ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_secret_is_read_with_a_signed_request():
    answer = json.dumps({"SecretString": '{"token": "t-1"}'})

    with time_machine.travel("2026-11-23T10:00:00Z", tick=False), server(lambda _: (200, answer)) as (url, requests):
        assert secret_at(url).read_token(soon()) == "t-1"
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
        expected = AWSRequest("POST", f"{url}/", headers=headers, data=requests[0].body)
        SigV4Auth(CREDENTIALS, "secretsmanager", "eu-central-1").add_auth(expected)  # pyright: ignore[reportArgumentType]

    (request,) = requests
    assert (request.method, request.path) == ("POST", "/")
    assert json.loads(request.body) == {"SecretId": ARN}
    assert {name: request.headers[name.lower()] for name in expected.headers} == dict(expected.headers.items())
    assert request.headers["x-amz-security-token"] == "session"


TOKENS = ["7", "null", '""', r'"hunter2\nhunter2"', '"hunter2ä"']
UNUSABLE = [*[f'{{"token": {token}}}' for token in TOKENS], '{"key": "hunter2"}', '["hunter2"]', "hunter2", ""]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        *[(json.dumps({"SecretString": content}), "200 OK", Reason.CREDENTIALS_REFUSED) for content in UNUSABLE],
        ('{"__type":"ResourceNotFoundException"}', "400 Bad Request", Reason.CREDENTIALS_REFUSED),
        ('{"__type":"AccessDeniedException"}', "400 Bad Request", Reason.CHECK_FAILED),
        ('{"__type":"ResourceNotFoundException"}', "500 Error", Reason.CHECK_FAILED),
    ],
)
def test_a_secret_without_a_usable_token_has_a_reason_and_is_not_quoted(body, status, reason):
    with serving(message(body, status)) as secrets_manager, pytest.raises(TokenUnavailable) as caught:
        KeptToken(secret_at(secrets_manager.url).read_token).get(soon())

    assert caught.value.reason is reason
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(("seconds_left", "seconds"), [(5, READ_SECONDS), (1, 1)], ids=["its own", "the check's"])
def test_a_read_of_the_secret_has_a_limited_time(seconds_left, seconds):
    class SilentServer(HttpClient):
        def request(self, *_, ends_at: float, **__):
            assert ends_at - now == pytest.approx(seconds, abs=0.5)
            raise TimedOut

    secret = Secret(ARN, "eu-central-1", CREDENTIALS, SilentServer("https://secrets.test"))
    now = time.monotonic()
    with pytest.raises(TokenUnavailable) as caught:
        secret.read_token(now + seconds_left)

    assert caught.value.reason is Reason.CHECK_FAILED


def test_a_read_of_the_secret_leaves_time_to_ask_signzy():
    assert READ_SECONDS <= CHECK_SECONDS / 2


def test_without_credentials_the_secret_cannot_be_read():
    with pytest.raises(TokenUnavailable) as caught:
        secret_at("http://127.0.0.1:1", credentials=None).read_token(soon())

    assert caught.value.reason is Reason.CHECK_FAILED


# ── The kept token ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_token_is_kept_until_it_is_refused_and_a_rotated_one_is_read_at_once():
    secret = Tokens(" first\n", "second", "third")
    token = KeptToken(secret.read)

    assert [token.get(soon()), token.get(soon())] == ["first"] * 2
    assert [token.get_again(soon()), token.get_again(soon()), token.get(soon())] == ["second", "third", "third"]
    assert secret.reads == 3


def test_a_read_that_returns_the_refused_token_is_not_repeated_during_the_pause():
    secret = Tokens("wrong")
    token = KeptToken(secret.read, pause_seconds=0.1)
    token.get(soon())

    during = [token.get_again(soon()) for _ in range(3)]
    time.sleep(0.12)

    assert during == ["wrong", None, None]
    assert (token.get_again(soon()), secret.reads) == ("wrong", 3)


def test_a_read_that_fails_starts_no_pause_and_leaves_the_token_known():
    def fail_again(read: int) -> None:
        if read == 2:
            raise TokenUnavailable("no answer", Reason.CHECK_FAILED)

    token = KeptToken(Tokens("old", "-", "new", on_read=fail_again).read)
    token.get(soon())

    with pytest.raises(TokenUnavailable):
        token.get_again(soon())

    assert (token.get(soon()), token.get_again(soon())) == ("old", "new")
