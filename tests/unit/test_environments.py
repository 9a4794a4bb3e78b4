"""What chooses an account and a region, and what make env prints."""

import json
import os
import subprocess
from collections.abc import Callable

import boto3
import pytest
from moto import mock_aws

from local.background import variables_of
from local.launch import Emulator
from local.stack import Stack
from operations import sam_cli
from operations.__main__ import main
from operations.deployed.stack import OUTPUTS, Outputs
from operations.environment import REGION_NAMES, BadChoice, Environment, choices, values_in

REGION = "eu-central-1"
SHELL = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": "us-west-2"}  # as for the AWS CLI, AWS_REGION counts first
VALUES = {
    "ApiUrl": "https://abcdefghij.execute-api.eu-central-1.amazonaws.com/v1",
    "BusName": "it's $(a) bus",  # AWS allows no such name, but quoting has to work for it
    "SignzyTokenArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:SignzyToken-AbCdEf",
    "TableName": "linkwatch-Verifications",
    "StateMachineArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:LinkWatch-1",
    "ApiId": "abcdefghij",
}


@pytest.mark.parametrize(
    ("words", "shell", "chosen"),
    [
        pytest.param([], {"ENV": "prod", "CONFIRM": "no", "PLAN": "1"}, {}, id="exported for another program"),
        pytest.param([], {"LINKWATCH_ENV": "prod", "LINKWATCH_TO": ""}, {"ENV": "prod"}, id="exported with our prefix"),
        pytest.param(["ENV=dev", "TO=a=b"], {"LINKWATCH_ENV": "prod"}, {"ENV": "dev", "TO": "a=b"}, id="typed"),
    ],
)
def test_a_choice_is_typed_or_has_our_prefix(words, shell, chosen):
    assert choices(words, shell, "rollback", ("ENV", "TO", "CONFIRM", "PLAN")) == chosen


@pytest.mark.parametrize(("words", "shell"), [(["PLAN=1"], {}), (["prod"], {}), ([], {"LINKWATCH_PLAN": "1"})])
def test_a_choice_that_a_command_does_not_use_is_an_error(words, shell):
    with pytest.raises(BadChoice, match=r"send does not use (PLAN|prod)"):
        choices(words, shell, "send", ("ENV", "VIA"))


@pytest.mark.parametrize(("name", "problem"), [(None, "ENV="), ("production", "ENV="), ("local", "AWS_ENDPOINT_URL")])
def test_an_environment_that_is_missing_unknown_or_the_emulators_is_refused(name, problem):
    with pytest.raises(BadChoice, match=problem):
        Environment.named(name, SHELL)


def test_production_protects_its_table_whatever_parameters_are_given():
    given = Environment.named("prod", SHELL).overrides | values_in("AlarmEmail=oncall@example.com")

    assert given == {"TableDeletionProtection": "true", "AlarmEmail": "oncall@example.com"}


def test_sam_gets_the_region_by_both_names():
    given = sam_cli.variables(Environment.named("prod", SHELL), SHELL)

    assert [given[name] for name in REGION_NAMES] == [REGION, REGION]


# ── make env ─────────────────────────────────────────────────────────────────────────────────────────────────────────

NAMED = (*REGION_NAMES, *OUTPUTS)


@pytest.fixture
def shell(monkeypatch, tmp_path) -> Callable[..., None]:
    """Sets variables, in a shell that has no other ones of AWS's or ours."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "LINKWATCH_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(f"[profile mine]\nregion = {REGION}\n")

    def set_variables(**variables: str) -> None:
        fixed = {"AWS_CONFIG_FILE": f"{tmp_path}/config", "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
        for name, value in (fixed | variables).items():
            monkeypatch.setenv(name, value)

    return set_variables


def create_stack(outputs: dict[str, str]) -> None:
    """Creates the stack of ENV=prod in the account that moto simulates."""
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    client = boto3.client("cloudformation", region_name=REGION)
    client.create_stack(StackName="linkwatch", TemplateBody=json.dumps(template))


@pytest.mark.parametrize("variables", [SHELL, {"AWS_PROFILE": "mine"}], ids=["the shell's region", "the profile's"])
def test_make_env_prints_exports_of_region_and_all_outputs_and_nothing_else(shell, variables, capsys):
    shell(**variables)
    with mock_aws():
        create_stack(VALUES | {"CheckLinkName": "CheckLink"})

        status = main(["env", "ENV=prod"])

    printed = capsys.readouterr().out
    names = [line.removeprefix("export ").split("=")[0] for line in printed.splitlines()]
    show = "\n".join(f'printf "%s\\n" "${name}"' for name in names)
    evaluated = subprocess.run(["/bin/sh", "-c", printed + show], capture_output=True, text=True, check=True)
    expected = dict.fromkeys(REGION_NAMES, REGION) | VALUES | {"CheckLinkName": "CheckLink"}
    assert status == 0
    assert dict(zip(names, evaluated.stdout.splitlines(), strict=True)) == expected


@pytest.mark.parametrize("has_stack", [False, True], ids=["there is no stack", "it has no outputs"])
def test_make_env_of_a_stack_that_is_not_deployed_prints_nothing_to_evaluate(shell, has_stack, capsys):
    shell(**SHELL)
    with mock_aws():
        if has_stack:
            create_stack({})

        assert main(["env", "ENV=prod"]) == 2

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("variables", "status", "problem"),
    [({}, 2, "there is no region"), (SHELL, 1, "Unable to locate credentials")],
    ids=["region", "credentials"],
)
def test_what_is_missing_is_said_in_one_line(shell, variables, status, problem, capsys):
    shell(**variables)

    assert main(["env", "ENV=prod"]) == status

    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith(f"linkwatch: {problem}")


def test_the_local_stack_names_its_own_address_of_the_api_and_its_keys():
    outputs = Outputs(**{name: VALUES[name] for name in OUTPUTS})
    stack = Stack(Emulator(0, "http://127.0.0.1:4566", "", "LOCAL0123", ""), outputs, "")

    variables = variables_of(stack)

    access = {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    assert set(variables) == access | set(NAMED)
    assert variables["ApiUrl"] == "http://127.0.0.1:4566/restapis/abcdefghij/v1/_user_request_"
    assert (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SESSION_TOKEN"]) == ("LOCAL0123", "")
