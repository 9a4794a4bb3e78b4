"""Fixtures of the handlers' tests."""

import pytest

from tests.unit.fake_aws import FakeAws
from tests.unit.loopback import server


@pytest.fixture(scope="session")
def _endpoint():
    """One address for all tests: a handler reads it when it is imported."""
    current = FakeAws()

    def answer(request):
        return current.answer(request)

    with server(answer) as (url, _):
        yield current, url


@pytest.fixture
def aws(_endpoint, monkeypatch):
    """A new account, and the environment in which a handler finds it."""
    current, url = _endpoint
    vars(current).update(vars(FakeAws()))
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "POWERTOOLS_SERVICE_NAME": "linkwatch",
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:LinkWatch",
        "TABLE_NAME": "Verifications",
        "WINDOW_SECONDS": "300",
        "QUEUE_URL": f"{url}/123456789012/InstantLinkSentQueue",
        "DEAD_LETTERS_URL": f"{url}/123456789012/InstantLinkSentDeadLetters",
    }.items():
        monkeypatch.setenv(name, value)
    return current
