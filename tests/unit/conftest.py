"""Fixtures of the handlers' tests."""

import boto3
import botocore.session
import pytest

from tests.unit.fake_aws import ENDPOINT_URL, STATE_MACHINE_ARN, FakeAws


@pytest.fixture(scope="session")
def _account():
    """One for all tests: a handler makes its clients when it is imported."""
    account, session = FakeAws(), botocore.session.get_session()
    session.register("before-send", account.answer)  # pyright: ignore[reportArgumentType]  its answer is used
    boto3.setup_default_session(botocore_session=session)
    return account


@pytest.fixture
def aws(_account, monkeypatch):
    """A new account, and the environment in which a handler finds it."""
    vars(_account).update(vars(FakeAws()))
    for name, value in {
        "AWS_ENDPOINT_URL": ENDPOINT_URL,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "POWERTOOLS_SERVICE_NAME": "linkwatch",
        "STATE_MACHINE_ARN": STATE_MACHINE_ARN,
        "TABLE_NAME": "Verifications",
        "WINDOW_SECONDS": "300",
        "QUEUE_URL": f"{ENDPOINT_URL}/123456789012/InstantLinkSentQueue",
        "DEAD_LETTERS_URL": f"{ENDPOINT_URL}/123456789012/InstantLinkSentDeadLetters",
    }.items():
        monkeypatch.setenv(name, value)
    return _account
