"""samconfig.toml's environments, as operations finds them, the region, and what make env prints."""

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
from operations.deployed.clock import Clock
from operations.deployed.stack import OUTPUTS, Outputs
from operations.environment import REGION_NAMES, BadChoice, Environment, values_in
from tests.unit.loopback import Received, server

ROOT = Path(__file__).parents[2]
REGION = "eu-central-1"
SHELL = {"AWS_REGION": REGION}
ONE_NAME = [pytest.param({name: REGION}, id=name) for name in REGION_NAMES]
VALUES = {
    "ApiUrl": "https://abcdefghij.execute-api.eu-central-1.amazonaws.com/v1",
    "BusName": "it's $(a) bus",  # AWS allows no such name, but quoting has to work for it
    "SignzyTokenArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:SignzyToken-AbCdEf",
    "TableName": "linkwatch-Verifications",
    "StateMachineArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:LinkWatch-1",
    "ApiId": "abcdefghij",
}


def test_an_environment_knows_its_stack():
    assert Environment.named("prod", SHELL).stack_name == "linkwatch"


def test_an_unknown_environment_names_the_known_ones():
    with pytest.raises(BadChoice, match="there are local, dev, prod"):
        Environment.named("production", SHELL)


def test_a_stack_is_never_chosen_by_default():
    with pytest.raises(BadChoice, match="say which stack: ENV=, one of local, dev, prod"):
        Environment.named(None, SHELL)


def test_two_environments_in_one_account_have_different_stacks():
    assert Environment.named("dev", SHELL).stack_name != Environment.named("prod", SHELL).stack_name


def test_the_emulators_environment_never_deploys_to_an_account():
    with pytest.raises(BadChoice, match="AWS_ENDPOINT_URL"):
        Environment.named("local", SHELL)


def test_production_protects_its_table_whatever_parameters_are_given():
    given = Environment.named("prod", SHELL).overrides | values_in("AlarmEmail=oncall@example.com")

    assert given == {"TableDeletionProtection": "true", "AlarmEmail": "oncall@example.com"}


def test_a_parameter_without_a_value_is_refused():
    with pytest.raises(BadChoice, match="Name=value, not AlarmEmail"):
        values_in("WindowSeconds=300 AlarmEmail")


# ── The region ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shell", ONE_NAME)
def test_sam_gets_the_region_by_both_names_whichever_is_set(shell):
    given = sam_cli.variables(Environment.named("prod", shell), shell)

    assert [given[name] for name in REGION_NAMES] == [REGION, REGION]


def test_aws_region_counts_before_aws_default_region_as_for_the_aws_cli():
    shell = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": "us-west-2"}

    assert Environment.named("prod", shell).region == REGION


@contextmanager
def aws(status: int, body: str) -> Iterator[tuple[dict[str, str], list[Received]]]:
    """A server on the loopback that acts as CloudFormation and S3: the variables that lead to it, and its requests."""
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


def shell_line(line: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.run(
        ["/bin/sh", "-c", line], cwd=ROOT, env=bare | variables, capture_output=True, text=True, timeout=60, check=False
    )


OPERATIONS = f"{shlex.quote(sys.executable)} -m operations"


@pytest.mark.parametrize("shell", ONE_NAME)
def test_a_stack_is_read_in_the_region_that_is_named(shell, tmp_path):
    with aws(200, stack_of(VALUES)) as (variables, received):
        done = shell_line(f"{OPERATIONS} env", tmp_path, ENV="prod", **shell, **variables)

    assert done.returncode == 0, done.stderr
    assert received
    assert all(f"/{REGION}/" in request.headers["authorization"] for request in received)


def test_the_region_of_the_profile_is_used(tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(f"[profile mine]\nregion = {REGION}\n")

    with aws(200, stack_of(VALUES)) as (variables, received):
        done = shell_line(f"{OPERATIONS} env", tmp_path, ENV="prod", AWS_PROFILE="mine", **variables)

    assert done.returncode == 0, done.stderr
    assert all(f"/{REGION}/" in request.headers["authorization"] for request in received)


@pytest.mark.parametrize("verb", ["deploy", "deployments", "rollback", "env", "recover", "simulator", "send"])
def test_without_a_region_every_command_says_so_in_one_line_at_once(verb, tmp_path):
    done = shell_line(f"{OPERATIONS} {verb}", tmp_path, ENV="prod")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "linkwatch: there is no region: set AWS_REGION or AWS_DEFAULT_REGION, or name a profile that has one\n"
    )


@pytest.mark.parametrize(
    ("verb", "unused"), [("send", "SPEED"), ("recover", "SCENARIO"), ("env", "CORRELATION"), ("deploy", "CLICK")]
)
def test_a_choice_that_a_command_does_not_use_is_an_error(verb, unused, tmp_path):
    done = shell_line(f"{OPERATIONS} {verb}", tmp_path, ENV="prod", **{unused: "1"}, **SHELL)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"does not use {unused}" in done.stderr


# ── make env ─────────────────────────────────────────────────────────────────────────────────────────────────────────

NAMED = (*REGION_NAMES, *OUTPUTS)
PRINT = " && ".join(f'printf "%s\\n" "${name}"' for name in NAMED)


def test_what_make_env_prints_of_a_deployed_stack_sets_region_and_outputs(tmp_path):
    with aws(200, stack_of(VALUES)) as (variables, _):
        done = shell_line(
            f'eval "$({OPERATIONS} env)" && {PRINT}', tmp_path, ENV="prod", AWS_DEFAULT_REGION=REGION, **variables
        )

    assert done.stdout.splitlines() == [REGION, REGION, *(VALUES[name] for name in OUTPUTS)]


def test_make_env_prints_exports_and_nothing_else(tmp_path):
    with aws(200, stack_of(VALUES)) as (variables, _):
        done = shell_line(f"{OPERATIONS} env", tmp_path, ENV="prod", AWS_REGION=REGION, **variables)

    assert done.returncode == 0
    assert [line.split("=")[0] for line in done.stdout.splitlines()] == [f"export {name}" for name in NAMED]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        pytest.param(400, NO_STACK, f"there is no stack linkwatch in {REGION}", id="no stack"),
        pytest.param(200, stack_of({}), "linkwatch is CREATE_COMPLETE, without ApiUrl", id="no outputs"),
    ],
)
def test_make_env_of_a_stack_that_is_not_deployed_prints_nothing_to_evaluate(status, body, said, tmp_path):
    with aws(status, body) as (variables, _):
        done = shell_line(f"{OPERATIONS} env", tmp_path, ENV="prod", AWS_REGION=REGION, **variables)

    assert done.returncode != 0
    assert done.stdout == ""
    assert said in done.stderr


def test_a_warning_is_printed_where_aws_endpoint_url_leads_elsewhere(tmp_path):
    with aws(200, stack_of(VALUES)) as (variables, _):
        done = shell_line(f"{OPERATIONS} env", tmp_path, ENV="prod", AWS_REGION=REGION, **variables)

    assert done.stderr == (
        f"linkwatch: AWS_ENDPOINT_URL is set, so this speaks to {variables['AWS_ENDPOINT_URL']}, not to AWS\n"
    )


def test_the_local_stack_names_its_own_address_of_the_api_and_its_keys():
    outputs = Outputs(**{name: VALUES[name] for name in OUTPUTS})
    stack = Stack(Emulator("http://127.0.0.1:4566", "LOCAL0123", Clock(0, 0, 1), {}), outputs, None, "")

    variables = variables_of(stack)

    assert set(variables) == {
        *NAMED,
        *("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    }
    assert variables["ApiUrl"] == "http://127.0.0.1:4566/restapis/abcdefghij/v1/_user_request_"
    assert (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SESSION_TOKEN"]) == ("LOCAL0123", "")
