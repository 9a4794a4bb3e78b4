"""CheckLink's handler: what it returns, and its log line."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from linkwatch.settings import CheckLinkSettings
from tests.unit.checks import CLICKED, IDS, PENDING, REFUSED
from tests.unit.fake_aws import Context
from tests.unit.scripted_server import ScriptedServer, message, serving

HANDLER = Path(__file__).parents[2] / "functions" / "check_link.py"
EVENT = {"requestId": IDS.request_id, "sessionId": IDS.session_id, "deadline": "2999-01-01T00:00:00.000Z"}
NO_RESULT = dict.fromkeys(("transactionId", "carrier", "lineType", "countryCode", "phoneMatch", "ipAddressMatch"))
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
    """A new instance of the function: it reads the environment when it is imported."""

    def load(signzy: ScriptedServer, **changes: str) -> ModuleType:
        environment(SIGNZY_BASE_URL=signzy.url, **{"SIGNZY_TOKEN": "the-token", **changes})
        spec = importlib.util.spec_from_file_location("check_link_under_test", HANDLER)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.mark.parametrize(
    ("answer", "returned"),
    [
        (PENDING, {"answer": "PENDING", "reason": None, "result": None}),
        (CLICKED, {"answer": "CLICKED", "reason": None, "result": NO_RESULT}),
        (
            message('{"error":{"message":"Invalid requestId or sessionId"}}', "500 Error"),
            {"answer": "REJECTED", "reason": "UNKNOWN_IDS", "result": None},
        ),
        (message("", "429 Slow down"), {"answer": "UNAVAILABLE", "reason": "THROTTLED", "result": None}),
        (REFUSED, {"answer": "UNAVAILABLE", "reason": "CREDENTIALS_REFUSED", "result": None}),
    ],
    ids=["pending", "clicked", "rejected", "throttled", "refused"],
)
def test_returns_what_the_answer_means(check_link, answer, returned):
    with serving(answer) as signzy:
        output = check_link(signzy).handler(EVENT, Context())

    assert json.loads(json.dumps(output)) == returned
    assert "Authorization: the-token" in signzy.requests[0]


def test_the_log_line_names_the_check_and_nothing_of_the_person_or_the_token(check_link, capsys):
    answer = message('{"result":{"linkClicked":true,"carrier":"T-Mobile","phoneNumber":"+15550001111"}}')

    with serving(answer) as signzy:
        check_link(signzy).handler(EVENT, Context())

    printed = capsys.readouterr().out
    line = json.loads(printed)
    assert {key: line[key] for key in line if key != "durationMs"} == {
        "level": "INFO",
        "message": "Checked",
        "service": "stack",
        "function_request_id": Context().aws_request_id,
        "verificationId": IDS.verification_id,
        "answer": "CLICKED",
    }
    assert line["durationMs"] in range(5000)
    assert not [secret for secret in ("the-token", "T-Mobile", "5550001111", "secret-key") if secret in printed]


def test_malformed_ids_are_rejected_without_a_request(check_link, capsys):
    with serving(PENDING) as signzy:
        output = check_link(signzy).handler(EVENT | {"sessionId": "x"}, None)

    assert output == {"answer": "REJECTED", "reason": "MALFORMED_IDS", "result": None}
    assert signzy.connections == 0
    line = json.loads(capsys.readouterr().out)
    assert set(line) == {"level", "message", "service", "answer", "reason", "durationMs"}


def test_without_a_token_the_check_fails_and_the_log_line_is_an_error(check_link, capsys):
    denied = message('{"__type":"AccessDeniedException"}', "400 Bad Request")

    with serving(PENDING) as signzy, serving(denied) as secrets_manager:
        handler = check_link(signzy, SIGNZY_TOKEN="", AWS_ENDPOINT_URL=secrets_manager.origin).handler
        output = handler(EVENT, Context())

    assert output == {"answer": "UNAVAILABLE", "reason": "CHECK_FAILED", "result": None}
    assert signzy.connections == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["reason"]) == ("ERROR", "CHECK_FAILED")
    assert line["problem"]


def test_the_token_is_read_from_the_secret_and_kept_for_the_next_event(check_link):
    secret = message(json.dumps({"SecretString": '{"token": "of-the-secret"}'}))

    with serving(PENDING) as signzy, serving(secret) as secrets_manager:
        handler = check_link(signzy, SIGNZY_TOKEN="", AWS_ENDPOINT_URL=secrets_manager.origin).handler
        answers = [handler(EVENT, Context())["answer"] for _ in range(2)]

    assert answers == ["PENDING"] * 2
    assert (secrets_manager.connections, signzy.connections) == (1, 1)
    assert all("Authorization: of-the-secret\r\n" in head for head in signzy.requests)


def test_after_the_deadline_nothing_is_asked(check_link):
    with serving(CLICKED) as signzy:
        output = check_link(signzy).handler(EVENT | {"deadline": "2020-01-01T01:00:00+01:00"}, Context())

    assert output == {"answer": "UNAVAILABLE", "reason": "PAST_DEADLINE", "result": None}
    assert signzy.connections == 0


def test_a_check_without_a_deadline_is_made(check_link):
    with serving(PENDING) as signzy:
        handler = check_link(signzy).handler
        answers = [
            handler(event, None)["answer"] for event in (EVENT | {"deadline": None}, dict(list(EVENT.items())[:2]))
        ]

    assert answers == ["PENDING"] * 2


@pytest.mark.parametrize("deadline", ["2999-01-01T00:00:00", "2999-01-01", "soon", "", 7, [], {}, 0, False])
def test_a_deadline_without_an_offset_or_of_another_form_is_a_value_error(check_link, deadline):
    with serving(PENDING) as signzy, pytest.raises(ValueError):  # noqa: PT011  Python's own message varies
        check_link(signzy).handler(EVENT | {"deadline": deadline}, Context())

    assert signzy.connections == 0


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "endpoint"),
    [
        ({}, "https://secretsmanager.us-east-1.amazonaws.com"),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "https://secretsmanager-fips.us-east-1.amazonaws.com"),
        ({"AWS_USE_FIPS_ENDPOINT": "false"}, "https://secretsmanager.us-east-1.amazonaws.com"),
        ({"AWS_ENDPOINT_URL": "http://aws:1/", "AWS_USE_FIPS_ENDPOINT": "true"}, "http://aws:1"),
        ({"AWS_ENDPOINT_URL": "http://aws:1", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://aws:2"}, "http://aws:2"),
    ],
)
def test_the_address_of_secrets_manager_is_found_as_awss_sdks_find_it(environment, changes, endpoint):
    environment(**changes)

    assert CheckLinkSettings.from_environment().secrets_endpoint == endpoint


@pytest.mark.parametrize(("given", "used"), [("", None), ("http://proxy:3128", "http://proxy:3128")])
def test_a_proxy_is_used_where_one_is_given(environment, given, used):
    environment(EGRESS_PROXY_URL=given)

    assert CheckLinkSettings.from_environment().proxy_url == used


def test_signzy_is_asked_through_the_proxy_and_secrets_manager_is_not(check_link):
    secret = message(json.dumps({"SecretString": '{"token": "t"}'}))

    with serving(PENDING) as proxy, serving(PENDING) as signzy, serving(secret) as secrets_manager:
        changes = {"SIGNZY_TOKEN": "", "AWS_ENDPOINT_URL": secrets_manager.origin, "EGRESS_PROXY_URL": proxy.origin}
        output = check_link(signzy, **changes).handler(EVENT, Context())

    assert output["answer"] == "PENDING"
    assert (len(proxy.requests), len(secrets_manager.requests), signzy.connections) == (1, 1, 0)


def test_settings_do_not_show_secrets(environment):
    environment(SIGNZY_TOKEN="the-token")

    settings = CheckLinkSettings.from_environment()

    assert not [secret for secret in ("the-token", "secret-key", "session") if secret in repr(settings)]
    assert settings.base_url == "https://signzy.test/api/v3/us-kyc"


def test_a_local_run_needs_no_aws_credentials(environment, monkeypatch):
    environment(SIGNZY_TOKEN="the-token")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)

    assert CheckLinkSettings.from_environment().credentials is None
