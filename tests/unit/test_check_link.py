"""CheckLink's handler: its settings, what it returns and its log line."""

import json
import runpy
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linkwatch.settings import CheckLinkSettings
from tests.unit.checks import CLICKED, IDS, PENDING
from tests.unit.fake_aws import Context
from tests.unit.scripted_server import ScriptedServer, message, serving

HANDLER = Path(__file__).parents[2] / "functions" / "check_link.py"
Handler = Callable[[dict[str, Any], object], dict[str, Any]]
EVENT = {"requestId": IDS.request_id, "sessionId": IDS.session_id, "deadline": "2999-01-01T00:00:00.000Z"}
SECRET = message(json.dumps({"SecretString": '{"token": "of-the-secret"}'}))
ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret-key",
    "AWS_SESSION_TOKEN": "session",
    "POLL_INTERVAL_SECONDS": "10",
    "POWERTOOLS_SERVICE_NAME": "stack",
    "SIGNZY_BASE_URL": "https://signzy.test/api/v3/us-kyc/",
    "SIGNZY_TOKEN_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:SignzyToken-AbCdEf",
    "SIGNZY_TOKEN": "",
}
#: Of the process; removed for these tests.
OTHERS = ("EGRESS_PROXY_URL", "AWS_USE_FIPS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER")


@pytest.fixture
def environment(monkeypatch):
    for name in OTHERS:
        monkeypatch.delenv(name, raising=False)

    def set_environment(**changes: str) -> None:
        for name, value in (ENVIRONMENT | changes).items():
            monkeypatch.setenv(name, value)

    set_environment()
    return set_environment


@pytest.fixture
def check_link(environment):
    """Starts an instance of the function: it reads the environment when it is imported."""

    def load(signzy: ScriptedServer, secrets_manager: ScriptedServer | None = None, **changes: str) -> Handler:
        token = {"AWS_ENDPOINT_URL": secrets_manager.url} if secrets_manager else {"SIGNZY_TOKEN": "the-token"}
        environment(SIGNZY_BASE_URL=signzy.url, **token, **changes)
        return runpy.run_path(str(HANDLER))["handler"]

    return load


def answer_of(answer: str, reason: str | None = None) -> dict[str, str | None]:
    return {"answer": answer, "reason": reason, "result": None}


def test_a_click_is_returned_and_logged_without_the_person_and_the_token(check_link, capsys):
    def answer(_, connection: socket.socket) -> None:
        time.sleep(0.02)
        connection.sendall(message('{"result":{"linkClicked":true,"carrier":"T-Mobile","phone":"+15550001111"}}'))

    with serving(answer) as signzy:
        output = check_link(signzy)(EVENT, Context())

    fields = ("transactionId", "carrier", "lineType", "countryCode", "phoneMatch", "ipAddressMatch")
    result = dict.fromkeys(fields) | {"carrier": "T-Mobile"}
    assert json.loads(json.dumps(output)) == {"answer": "CLICKED", "reason": None, "result": result}
    printed = capsys.readouterr().out
    line = json.loads(printed)
    assert line.pop("durationMs") in range(20, 5000)
    assert line == {
        "level": "INFO",
        "message": "Checked",
        "service": "stack",
        "function_request_id": Context().aws_request_id,
        "verificationId": IDS.verification_id,
        "answer": "CLICKED",
    }
    assert not [secret for secret in ("the-token", "T-Mobile", "5550001111", "secret-key") if secret in printed]


def test_malformed_ids_are_rejected_without_a_request(check_link, capsys):
    with serving(PENDING) as signzy:
        output = check_link(signzy)(EVENT | {"sessionId": "x"}, None)

    assert output == answer_of("REJECTED", "MALFORMED_IDS")
    assert signzy.connections == 0
    line = json.loads(capsys.readouterr().out)
    assert set(line) == {"level", "message", "service", "answer", "reason", "durationMs"}


def test_without_a_token_the_check_fails_and_the_log_line_is_an_error(check_link, capsys):
    denied = message('{"__type":"AccessDeniedException"}', "400 Bad Request")

    with serving(PENDING) as signzy, serving(denied) as secrets_manager:
        output = check_link(signzy, secrets_manager)(EVENT, Context())

    assert output == answer_of("UNAVAILABLE", "CHECK_FAILED")
    assert signzy.connections == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["reason"]) == ("ERROR", "CHECK_FAILED")
    assert line["problem"]


@pytest.mark.parametrize("event", [EVENT | {"deadline": None}, dict(list(EVENT.items())[:2])], ids=["null", "missing"])
def test_without_a_deadline_a_check_is_made_and_the_connection_and_the_token_are_kept(event, check_link):
    with serving(PENDING) as signzy, serving(SECRET) as secrets_manager:
        handler = check_link(signzy, secrets_manager)
        outputs = [handler(event, Context()) for _ in range(2)]

    assert outputs == [answer_of("PENDING")] * 2
    assert (secrets_manager.connections, signzy.connections) == (1, 1)
    assert all("Authorization: of-the-secret\r\n" in head for head in signzy.requests)


def test_after_the_deadline_nothing_is_asked(check_link):
    with serving(CLICKED) as signzy:
        output = check_link(signzy)(EVENT | {"deadline": "2020-01-01T01:00:00+01:00"}, Context())

    assert output == answer_of("UNAVAILABLE", "PAST_DEADLINE")
    assert signzy.connections == 0


@pytest.mark.parametrize("deadline", ["2999-01-01T00:00:00", "2999-01-01", "soon", "", 7, [], {}, 0, False])
def test_a_deadline_without_an_offset_or_of_another_form_is_a_value_error(check_link, deadline):
    with serving(PENDING) as signzy, pytest.raises(ValueError):  # noqa: PT011  Python's own message varies
        check_link(signzy)(EVENT | {"deadline": deadline}, Context())

    assert signzy.connections == 0


def test_signzy_is_asked_through_the_proxy_and_secrets_manager_is_not(check_link):
    with serving(PENDING) as proxy, serving(PENDING) as signzy, serving(SECRET) as secrets_manager:
        output = check_link(signzy, secrets_manager, EGRESS_PROXY_URL=proxy.url)(EVENT, Context())

    assert output == answer_of("PENDING")
    assert (len(proxy.requests), len(secrets_manager.requests), signzy.connections) == (1, 1, 0)


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({}, "base_url", "https://signzy.test/api/v3/us-kyc"),
        ({"EGRESS_PROXY_URL": ""}, "proxy_url", None),
        ({}, "secrets_endpoint", "https://secretsmanager.us-east-1.amazonaws.com"),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "secrets_endpoint", "https://secretsmanager-fips.us-east-1.amazonaws.com"),
        ({"AWS_USE_FIPS_ENDPOINT": "false"}, "secrets_endpoint", "https://secretsmanager.us-east-1.amazonaws.com"),
        ({"AWS_ENDPOINT_URL": "http://a/", "AWS_USE_FIPS_ENDPOINT": "true"}, "secrets_endpoint", "http://a"),
        (
            {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://b"},
            "secrets_endpoint",
            "http://b",
        ),
    ],
)
def test_the_settings_are_those_of_the_environment(environment, changes, name, value):
    environment(**changes)

    assert getattr(CheckLinkSettings.from_environment(), name) == value


def test_settings_do_not_show_secrets(environment):
    environment(SIGNZY_TOKEN="the-token")

    shown = repr(CheckLinkSettings.from_environment())

    assert not [secret for secret in ("the-token", "secret-key", "session") if secret in shown]


def test_a_local_run_needs_no_aws_credentials(environment, monkeypatch):
    environment(SIGNZY_TOKEN="the-token")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)

    assert CheckLinkSettings.from_environment().credentials is None
