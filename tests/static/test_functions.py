"""Each function and the state machine, whole: code, limits, variables; and the versions that callers get."""

from typing import Any

import pytest

from tests.static.template import CLOUDFORMATION, DEFAULT, KEY, SOURCE, stack

_ALL = {"POWERTOOLS_SERVICE_NAME": "linkwatch", "POWERTOOLS_LOG_LEVEL": "INFO", "AWS_USE_FIPS_ENDPOINT": "false"}
_TABLE = {"STATE_MACHINE_ARN": "${LinkWatch}", "TABLE_NAME": "${Verifications}"}


def _function(handler: str, timeout: int, memory: str | int = "512", **variables: str) -> dict[str, Any]:
    name = handler.title().replace("_", "")
    return {
        "Handler": f"{handler}.handler",
        "Timeout": timeout,
        "MemorySize": memory,
        "Runtime": "python3.13",
        "Architectures": ["x86_64"],
        "Role": f"${{{name}Role.Arn}}",
        "LoggingConfig": {"LogGroup": f"${{{name}Logs}}"},
        "TracingConfig": {"Mode": "Active"},
        "Environment": {"Variables": _ALL | variables},
    }


#: With the default parameters. API Gateway waits for 29 s, the next sweep starts after 60 s, the task "Check Link" ends after
#: 9 s.
FUNCTIONS = {
    "VerificationsApi": _function("verifications_api", 28, **_TABLE, WINDOW_SECONDS="300"),
    "InstantLinkSent": _function(
        "instant_link_sent",
        40,
        **_TABLE,
        WINDOW_SECONDS="300",
        QUEUE_URL="${InstantLinkSentQueue}",
        DEAD_LETTERS_URL="${InstantLinkSentDeadLetters}",
    ),
    "CheckLink": _function(
        "check_link",
        8,
        SIGNZY_BASE_URL="https://api.signzy.us/api/v3/us-kyc",
        EGRESS_PROXY_URL="",
        SIGNZY_TOKEN_ARN="${SignzyToken.Id}",
        SIGNZY_TOKEN="",
        POLL_INTERVAL_SECONDS="10",
    ),
    "RecoverUnfinished": _function("recover_unfinished", 50, 1769, **_TABLE),
    "MeasureOutcomes": _function("measure_outcomes", 10),
}


@pytest.mark.parametrize("name", DEFAULT.of_type("AWS::Lambda::Function"))
def test_a_function_is_what_the_table_says(name):
    properties = DEFAULT.properties(name).items()

    assert {key: value for key, value in properties if key not in {"Code", "Description", "Tags"}} == FUNCTIONS[name]


# ── The state machine ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_state_machine_is_what_the_table_says():
    machine = DEFAULT.properties("LinkWatch")

    assert {name: value for name, value in machine.items() if name not in {"DefinitionS3Location", "Tags"}} == {
        "StateMachineType": "STANDARD",
        "RoleArn": "${LinkWatchRole.Arn}",
        "TracingConfiguration": {"Enabled": "true"},
        "DefinitionSubstitutions": {
            "aws": "aws",
            "VerificationsTable": "${Verifications}",
            "CheckLinkFunction": "${CheckLinkAliaslive}",
            "LinkBus": "${LinkBus}",
            "PollIntervalSeconds": "10",
            "LastCheckLeadSeconds": "2",
            "RetentionDays": "91",
        },
        "LoggingConfiguration": {
            "Level": "ERROR",
            "IncludeExecutionData": False,
            "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": "${LinkWatchLogs.Arn}"}}],
        },
        "EncryptionConfiguration": {"Type": "AWS_OWNED_KEY"},
    }


# ── Versions ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_version_is_made_for_any_other_property_and_goes_when_it_is_replaced(function):
    [version] = [it for name, it in CLOUDFORMATION["Resources"].items() if name.startswith(f"{function}Version")]

    assert SOURCE["Resources"][function]["Properties"]["AutoPublishAliasAllProperties"] is True
    assert {version["DeletionPolicy"], version.get("UpdateReplacePolicy", "Delete")} == {"Delete"}


#: Of what docs/parameters.md lists for CheckLink, 188 characters: 64 of the URL, and the ids without their prefixes.
LONGEST = {
    "Architecture": "x86_64",
    "CheckLinkMemorySize": "1769",
    "MemorySize": "1769",
    "TracingEnabled": "false",
    "UseFipsEndpoints": "false",
    "PollIntervalSeconds": "60",
    "WindowSeconds": "1800",
    "KmsKeyArn": KEY.replace("0a1b", "mrk-0123456789abcdef0123456789abcdef"),
    "SignzyBaseUrl": "x" * 64,
    "VpcSubnetIds": ",".join(["subnet-0123456789abcdef0"] * 4),
    "VpcSecurityGroupIds": ",".join(["sg-0123456789abcdef0"] * 3),
}


def test_lambda_takes_the_longest_descriptions():
    for version in stack(**LONGEST).of_type("AWS::Lambda::Version").values():
        assert len(version["Description"]) <= 256
