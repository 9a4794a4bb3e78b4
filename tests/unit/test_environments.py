"""What chooses an account and a region, samconfig.toml's environments, and what commands print."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.background import variables_of
from local.launch import Emulator
from local.stack import Stack
from operations import sam_cli
from operations.deployed.signed_calls import ApiAnswer
from operations.deployed.stack import OUTPUTS, Outputs
from operations.environment import REGION_NAMES, BadChoice, Environment, choices, values_in
from tests.unit.loopback import Received, server

ROOT = Path(__file__).parents[2]
REGION = "eu-central-1"
SHELL = {"AWS_REGION": REGION}
VALUES = {
    "ApiUrl": "https://abcdefghij.execute-api.eu-central-1.amazonaws.com/v1",
    "BusName": "it's $(a) bus",  # AWS allows no such name, but quoting has to work for it
    "SignzyTokenArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:SignzyToken-AbCdEf",
    "TableName": "linkwatch-Verifications",
    "StateMachineArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:LinkWatch-1",
    "ApiId": "abcdefghij",
}


# ── Choices ──────────────────────────────────────────────────────────────────────────────────────────────────────────


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


@pytest.mark.parametrize(
    ("words", "shell"), [(["SPEED=2"], {}), (["ENVIRONMENT=prod"], {}), (["prod"], {}), ([], {"LINKWATCH_SPEED": "2"})]
)
def test_a_choice_that_a_command_does_not_use_is_an_error(words, shell):
    with pytest.raises(BadChoice, match=r"send does not use (SPEED|ENVIRONMENT|prod); it uses ENV, VIA"):
        choices(words, shell, "send", ("ENV", "VIA"))


@pytest.mark.parametrize("text", ["WindowSeconds=300 AlarmEmail", "WindowSeconds='300"])
def test_a_malformed_parameter_is_refused(text):
    with pytest.raises(BadChoice):
        values_in(text)


# ── Environments ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        pytest.param(None, "say which stack: ENV=, one of local, dev, prod", id="none by default"),
        pytest.param("production", "there are local, dev, prod", id="unknown"),
        pytest.param("local", "AWS_ENDPOINT_URL", id="the emulator's, in an account"),
    ],
)
def test_an_environment_that_cannot_be_used_is_refused(name, problem):
    with pytest.raises(BadChoice, match=problem):
        Environment.named(name, SHELL)


def test_production_protects_its_table_whatever_parameters_are_given():
    given = Environment.named("prod", SHELL).overrides | values_in("AlarmEmail=oncall@example.com")

    assert given == {"TableDeletionProtection": "true", "AlarmEmail": "oncall@example.com"}


# ── The region ───────────────────────────────────────────────────────────────────────────────────────────────────────

IN_SHELL = [pytest.param({name: REGION}, id=name) for name in REGION_NAMES]
#: As for the AWS CLI, AWS_REGION counts first.
IN_SHELL.append(pytest.param({"AWS_REGION": REGION, "AWS_DEFAULT_REGION": "us-west-2"}, id="both, which differ"))


@pytest.mark.parametrize("shell", IN_SHELL)
def test_sam_gets_the_region_by_both_names_whichever_is_set(shell):
    given = sam_cli.variables(Environment.named("prod", shell), shell)

    assert [given[name] for name in REGION_NAMES] == [REGION, REGION]


@contextmanager
def aws(status: int, body: str) -> Iterator[tuple[dict[str, str], list[Received]]]:
    """A server on the loopback that acts as CloudFormation: the variables that lead to it, and its requests."""
    with server(lambda _: (status, body)) as (url, received):
        yield {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}, received


def stack_of(values: dict[str, str]) -> str:
    outputs = "".join(
        f"<member><OutputKey>{n}</OutputKey><OutputValue>{v}</OutputValue></member>" for n, v in values.items()
    )
    return (
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>linkwatch</StackName>"
        f"<StackStatus>CREATE_COMPLETE</StackStatus><Outputs>{outputs}</Outputs></member></Stacks>"
        "</DescribeStacksResult></DescribeStacksResponse>"
    )


NO_STACK = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>"
    "<Message>Stack with id linkwatch does not exist</Message></Error></ErrorResponse>"
)
OPERATIONS = f"{shlex.quote(sys.executable)} -m operations"
PRINT_EXPORTS = f"{OPERATIONS} env ENV=prod"


def shell_line(line: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.run(
        ["/bin/sh", "-c", line], cwd=ROOT, env=bare | variables, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("shell", [*IN_SHELL, pytest.param({"AWS_PROFILE": "mine"}, id="the profile's")])
def test_a_stack_is_read_in_the_region_that_is_named(shell, tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(f"[profile mine]\nregion = {REGION}\n")

    with aws(200, stack_of(VALUES)) as (variables, received):
        done = shell_line(PRINT_EXPORTS, tmp_path, **shell, **variables)

    assert done.returncode == 0, done.stderr
    assert received
    assert all(f"/{REGION}/" in request.headers["authorization"] for request in received)


@pytest.mark.parametrize(
    ("typed", "exported", "status", "said"),
    [
        pytest.param("ENV=prod", {}, 2, "there is no region: set AWS_REGION or AWS_DEFAULT_REGION, or ", id="region"),
        pytest.param("", {"ENV": "prod", **SHELL}, 2, "say which stack: ENV=, one of ", id="ENV, which is exported"),
        pytest.param("ENV=prod", SHELL, 1, "Unable to locate credentials", id="credentials"),
    ],
)
def test_what_is_missing_is_said_in_one_line(typed, exported, status, said, tmp_path):
    done = shell_line(f"{OPERATIONS} env {typed}", tmp_path, **exported)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)
    assert done.stderr.startswith(f"linkwatch: {said}")


# ── make env ─────────────────────────────────────────────────────────────────────────────────────────────────────────

NAMED = (*REGION_NAMES, *OUTPUTS)
PRINT = " && ".join(f'printf "%s\\n" "${name}"' for name in NAMED)


def test_make_env_prints_exports_of_region_and_all_outputs_and_nothing_else(tmp_path):
    with aws(200, stack_of(VALUES | {"CheckLinkName": "CheckLink"})) as (variables, _):
        printed = shell_line(PRINT_EXPORTS, tmp_path, **SHELL, **variables)
        evaluated = shell_line(f'eval "$({PRINT_EXPORTS})" && {PRINT}', tmp_path, **SHELL, **variables)

    assert [line.split("=")[0] for line in printed.stdout.splitlines()] == [
        f"export {name}" for name in (*NAMED, "CheckLinkName")
    ]
    assert evaluated.stdout.splitlines() == [REGION, REGION, *(VALUES[name] for name in OUTPUTS)]
    elsewhere = f"AWS_ENDPOINT_URL is set, so this speaks to {variables['AWS_ENDPOINT_URL']}, not to AWS"
    assert printed.stderr == f"linkwatch: {elsewhere}\n"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        pytest.param(400, NO_STACK, f"there is no stack linkwatch in {REGION}", id="no stack"),
        pytest.param(200, stack_of({}), "linkwatch is CREATE_COMPLETE, without ApiUrl", id="no outputs"),
    ],
)
def test_make_env_of_a_stack_that_is_not_deployed_prints_nothing_to_evaluate(status, body, said, tmp_path):
    with aws(status, body) as (variables, _):
        done = shell_line(PRINT_EXPORTS, tmp_path, **SHELL, **variables)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_the_local_stack_names_its_own_address_of_the_api_and_its_keys():
    outputs = Outputs(**{name: VALUES[name] for name in OUTPUTS})
    stack = Stack(Emulator(0, "http://127.0.0.1:4566", "", "LOCAL0123", ""), outputs, "")

    variables = variables_of(stack)

    assert set(variables) == {
        *NAMED,
        *("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    }
    assert variables["ApiUrl"] == "http://127.0.0.1:4566/restapis/abcdefghij/v1/_user_request_"
    assert (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SESSION_TOKEN"]) == ("LOCAL0123", "")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"error": {"message": "Invalid query", "fields": {"next": "is old"}}}, "Invalid query (next is old)"),
        ({"error": {"message": "No such verification"}}, "No such verification"),
        ({"message": "Forbidden"}, "{'message': 'Forbidden'}"),
        ("<html>", "<html>"),
    ],
    ids=["with fields", "without fields", "of API Gateway", "not JSON"],
)
def test_a_refusal_is_one_line(body, refusal):
    assert ApiAnswer(400, {}, body).refusal == f"the API answered 400: {refusal}"
