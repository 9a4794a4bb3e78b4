"""Each function and the state machine, whole: code, limits, variables; and the versions that callers get."""

from typing import Any

import pytest

from tests.static.template import (
    CLOUDFORMATION,
    DEFAULT,
    KEY,
    PARAMETERS,
    SECRET,
    SOURCE,
    parameters_behind,
    referred,
    stack,
)

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
#: The variables and properties that each parameter changes.
CHANGES = {
    ("WindowSeconds", "20"): {"VerificationsApi": "WINDOW_SECONDS", "InstantLinkSent": "WINDOW_SECONDS"},
    ("PollIntervalSeconds", "2"): {"CheckLink": "POLL_INTERVAL_SECONDS"},
    ("SignzyBaseUrl", "https://signzy.example"): {"CheckLink": "SIGNZY_BASE_URL"},
    ("EgressProxyUrl", "http://proxy.example:3128"): {"CheckLink": "EGRESS_PROXY_URL"},
    ("UseFipsEndpoints", "true"): dict.fromkeys(FUNCTIONS, "AWS_USE_FIPS_ENDPOINT"),
    ("CheckLinkMemorySize", "1024"): {"CheckLink": "MemorySize"},
    ("MemorySize", "1024"): dict.fromkeys(("VerificationsApi", "InstantLinkSent", "MeasureOutcomes"), "MemorySize"),
    ("SignzyTokenSecretArn", SECRET): {"CheckLink": "SIGNZY_TOKEN_ARN"},
    ("KmsKeyArn", KEY): dict.fromkeys(FUNCTIONS, "KmsKeyArn"),
    ("CheckLinkReservedConcurrency", "50"): {"CheckLink": "ReservedConcurrentExecutions"},
}


def settings_of(function: dict[str, Any]) -> dict[str, Any]:
    """What changes how a function runs."""
    return {name: value for name, value in function.items() if name not in {"Code", "Description", "Tags"}}


def flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with the variables beside the properties."""
    return {**settings, **settings["Environment"]["Variables"], "Environment": None}


@pytest.mark.parametrize("name", [*FUNCTIONS, *DEFAULT.of_type("AWS::Lambda::Function").keys() - FUNCTIONS.keys()])
def test_a_function_is_what_the_table_says(name):
    assert settings_of(DEFAULT.properties(name)) == FUNCTIONS[name]


@pytest.mark.parametrize(("parameter", "value"), CHANGES)
def test_a_parameter_changes_what_it_is_for_and_nothing_else(parameter, value):
    changed = stack(**{parameter: value}).of_type("AWS::Lambda::Function")

    found = {
        (name, key): now
        for name, function in changed.items()
        for key, now in flat(settings_of(function)).items()
        if now != flat(FUNCTIONS[name]).get(key)
    }
    assert found == dict.fromkeys(CHANGES[parameter, value].items(), value)


def test_every_function_runs_on_the_processor_and_in_the_vpc_of_the_parameters():
    subnets, groups = ["subnet-0123456a", "subnet-0123456b"], ["sg-0123456a"]
    there = stack(Architecture="arm64", VpcSubnetIds=",".join(subnets), VpcSecurityGroupIds=groups[0])

    for function in there.of_type("AWS::Lambda::Function").values():
        assert function["Architectures"] == ["arm64"]
        assert function["VpcConfig"] == {"SubnetIds": subnets, "SecurityGroupIds": groups}


@pytest.mark.parametrize("subnets", ["", "subnet-0123456a"])
@pytest.mark.parametrize("groups", ["", "sg-0123456a"])
def test_subnets_and_security_groups_are_given_together(subnets, groups):
    assert stack(VpcSubnetIds=subnets, VpcSecurityGroupIds=groups).follows_rules == (bool(subnets) == bool(groups))


def test_without_tracing_nothing_is_traced():
    untraced = stack(TracingEnabled="false")

    functions = untraced.of_type("AWS::Lambda::Function").values()
    assert {function["TracingConfig"]["Mode"] for function in functions} == {"PassThrough"}
    assert untraced.properties("LinkWatch")["TracingConfiguration"] == {"Enabled": "false"}
    assert untraced.properties("Apiv1Stage")["TracingEnabled"] == "false"


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


@pytest.mark.parametrize("parameter", ["PollIntervalSeconds", "LastCheckLeadSeconds", "RetentionDays"])
def test_a_parameter_of_the_definition_is_substituted_under_its_own_name(parameter):
    substituted = stack(**{parameter: "7"}).properties("LinkWatch")["DefinitionSubstitutions"]

    assert [name for name, value in substituted.items() if value == "7"] == [parameter]


# ── Versions ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def version_of(function: str) -> dict[str, Any]:
    return next(r for name, r in CLOUDFORMATION["Resources"].items() if name.startswith(f"{function}Version"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_called_by_its_alias_only(function):
    metrics = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::Lambda::EventInvokeConfig"}
    named = {
        name
        for own, resource in CLOUDFORMATION["Resources"].items()
        if resource["Type"] not in metrics and not own.startswith((f"{function}Version", f"{function}Alias"))
        for name in referred(resource.get("Properties"))
    }

    assert f"{function}Aliaslive" in named
    assert function not in named


# A version whose description stays while the function changes is not published, and Lambda refuses one whose description
# changes while the function stays:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-version.html
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_version_is_described_by_the_parameters_of_its_function(function):
    properties = CLOUDFORMATION["Resources"][function]["Properties"]
    of_versions = {key: value for key, value in properties.items() if key != "ReservedConcurrentExecutions"}

    assert parameters_behind(version_of(function)["Properties"]) == parameters_behind(of_versions)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_version_is_made_for_any_other_property_and_goes_when_it_is_replaced(function):
    assert SOURCE["Resources"][function]["Properties"]["AutoPublishAliasAllProperties"] is True
    assert version_of(function)["DeletionPolicy"] == "Delete"
    assert version_of(function).get("UpdateReplacePolicy", "Delete") == "Delete"


LONGEST = {
    "Architecture": "x86_64",
    "CheckLinkMemorySize": "1769",
    "MemorySize": "1769",
    "TracingEnabled": "false",
    "UseFipsEndpoints": "false",
    "PollIntervalSeconds": "60",
    "WindowSeconds": "1800",
    "SignzyBaseUrl": "x" * PARAMETERS["SignzyBaseUrl"]["MaxLength"],
    "KmsKeyArn": KEY.replace("0a1b", "mrk-0123456789abcdef0123456789abcdef"),
    "EgressProxyUrl": "x" * PARAMETERS["EgressProxyUrl"]["MaxLength"],
}
LONGEST_NETWORK = {
    "VpcSubnetIds": ",".join(["subnet-0123456789abcdef0"] * 4),
    "VpcSecurityGroupIds": ",".join(["sg-0123456789abcdef0"] * 3),
}
#: Their sum with the longest URLs would be too long (docs/parameters.md).
A_BANK = {
    "SignzyBaseUrl": "https://api-preproduction.signzy.us/api/v3/us-kyc",
    "EgressProxyUrl": "http://proxy.eu-central-1.bank.example:3128",
    "SignzyTokenSecretArn": SECRET,
    "VpcSubnetIds": ",".join(["subnet-0123456789abcdef0"] * 3),
    "VpcSecurityGroupIds": "sg-0123456789abcdef0",
}


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        *((function, LONGEST | LONGEST_NETWORK) for function in FUNCTIONS if function != "CheckLink"),
        ("CheckLink", LONGEST),
        ("CheckLink", LONGEST | A_BANK),
    ],
)
def test_lambda_takes_the_longest_description(function, parameters):
    versions = stack(**parameters).of_type("AWS::Lambda::Version")

    [text] = [version["Description"] for name, version in versions.items() if name.startswith(f"{function}Version")]
    assert len(text) <= 256
