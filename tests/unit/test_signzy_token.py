"""The token out of the secret, over a real connection to something that speaks Secrets Manager's protocol."""

import json
import time

import pytest

from linkwatch.model import Reason
from linkwatch.signzy import TokenUnavailable
from linkwatch.signzy_token import Credentials, FixedToken, SecretToken
from tests.unit.vendor import message, vendor

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:SignzyToken-AbCdEf"


CREDENTIALS = Credentials("AKIDEXAMPLE", "secret", "session")


def soon() -> float:
    return time.monotonic() + 5


def secret(content: str) -> bytes:
    return message(json.dumps({"ARN": ARN, "SecretString": content}))


def secrets_in_turn(*contents: str):
    left = list(contents)
    return lambda _, connection: connection.sendall(secret(left.pop(0)))


def test_the_secret_is_asked_for_with_a_signed_request():
    with vendor(secret('{"token": "t-1"}')) as secrets_manager:
        token = SecretToken(ARN, "eu-central-1", CREDENTIALS, secrets_manager.url).token(soon())

    assert token == "t-1"
    headers = secrets_manager.requests[0]
    assert "X-Amz-Target: secretsmanager.GetSecretValue" in headers
    assert "/eu-central-1/secretsmanager/aws4_request" in headers
    assert "X-Amz-Security-Token: session" in headers


def test_the_token_is_kept_until_a_fresh_one_is_asked_for():
    with vendor(secrets_in_turn('{"token": "old"}', '{"token": "new"}')) as secrets_manager:
        tokens = SecretToken(ARN, "us-east-1", CREDENTIALS, secrets_manager.url)
        known = [tokens.token(soon()), tokens.token(soon()), tokens.fresh_token(soon()), tokens.token(soon())]

    assert known == ["old", "old", "new", "new"]


def test_white_space_around_the_token_is_not_part_of_it():
    with vendor(secret('{"token": " t-1\\n"}')) as secrets_manager:
        assert SecretToken(ARN, "us-east-1", CREDENTIALS, secrets_manager.url).token(soon()) == "t-1"


@pytest.mark.parametrize(
    "content",
    ['{"token": ""}', '{"token": "a\\nb"}', '{"token": "täter"}', '{"token": 7}', '{"key": "x"}', "[]", "hunter2", ""],
)
def test_a_secret_without_a_usable_token_says_so_and_does_not_quote_it(content):
    with vendor(secret(content)) as secrets_manager, pytest.raises(TokenUnavailable) as caught:
        SecretToken(ARN, "us-east-1", CREDENTIALS, secrets_manager.url).token(soon())

    assert caught.value.reason is Reason.CREDENTIALS_REFUSED
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_secret_that_nobody_has_filled_yet_says_so():
    answer = message('{"__type":"ResourceNotFoundException"}', "400 Bad Request")

    with vendor(answer) as secrets_manager, pytest.raises(TokenUnavailable, match="holds no token yet") as caught:
        SecretToken(ARN, "us-east-1", CREDENTIALS, secrets_manager.url).token(soon())

    assert caught.value.reason is Reason.CREDENTIALS_REFUSED


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(message('{"__type":"AccessDeniedException"}', "400 Bad Request"), id="refused"),
        pytest.param(b"", id="no answer"),
    ],
)
def test_a_secret_that_cannot_be_read_is_no_refused_token(answer):
    def answer_and_close(_, connection):
        connection.sendall(answer)
        connection.close()

    with vendor(answer_and_close) as secrets_manager, pytest.raises(TokenUnavailable) as caught:
        SecretToken(ARN, "us-east-1", CREDENTIALS, secrets_manager.url).token(soon())

    assert caught.value.reason is Reason.CHECK_FAILED


def test_without_credentials_there_is_nothing_to_sign_with():
    with pytest.raises(TokenUnavailable, match="no AWS credentials") as caught:
        SecretToken(ARN, "us-east-1", None).token(soon())

    assert caught.value.reason is Reason.CHECK_FAILED


def test_credentials_do_not_show_themselves():
    assert repr(CREDENTIALS) == "Credentials(access_key='AKIDEXAMPLE')"


def test_a_local_runs_token_is_the_only_one():
    assert (FixedToken("t-1").token(soon()), FixedToken("t-1").fresh_token(soon())) == ("t-1", None)
