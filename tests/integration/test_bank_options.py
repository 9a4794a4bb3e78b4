"""A release by plain CloudFormation with everything that a bank's account may ask for, updated to none of it and back."""

import secrets
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from operations import release
from operations.deployed.outcome_events import listen
from operations.deployed.stack import DeployedStack, outputs_of
from tests.integration.conftest import patience, send_link
from tests.unit.scripted_server import ScriptedServer, serving

NAME = "bank"
PARAMETERS = {
    "AlarmEmail": "on-call@example.com",
    "AlarmTopicArn": "arn:aws:sns:us-east-1:000000000000:pager",
    "ApiAccessLogRole": "create",
    "CheckLinkReservedConcurrency": "50",
    "LogRetentionDays": "365",
    "PermissionsBoundaryArn": "arn:aws:iam::000000000000:policy/boundary",
    "ProbeMinutes": "5",
    "RolePath": "/team/linkwatch/",
    "SenderAccounts": "111111111111,222222222222",
    "TracingEnabled": "false",
    "UseFipsEndpoints": "true",
    "VpcSecurityGroupIds": "sg-0123456789abcdef0",
    "VpcSubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
}
DEFAULTS = {
    "CheckLink's secret": "SignzyToken",
    "FIPS": "false",
    "keys": {None},
    "log retention": {30},
    "paths of roles": {"/"},
    "probe": False,
    "proxy": "",
    "receivers of alarms": 0,
    "state machine's key": None,
    "tracing": "Active",
}


def forward(server: ScriptedServer, connection: socket.socket) -> None:
    """What a proxy does with a request for an http URL."""
    method, url, rest = server.requests[-1].split(" ", 2)
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port)) as onward:
        onward.sendall(f"{method} {parts.path} {rest}".replace("\r\n", "\r\nConnection: close\r\n", 1).encode())
        while data := onward.recv(65536):
            connection.sendall(data)
    connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def proxy() -> Iterator[ScriptedServer]:
    with serving(forward) as server:
        yield server


@pytest.fixture(scope="module")
def parameters(stack, proxy) -> dict[str, str]:
    """All of the options, with a key and a secret that were made before."""
    secrets_manager = stack.client("secretsmanager")
    token = secrets_manager.get_secret_value(SecretId=stack.outputs.SignzyTokenArn)["SecretString"]
    return PARAMETERS | {
        "EgressProxyUrl": proxy.url,
        "KmsKeyArn": stack.client("kms").create_key()["KeyMetadata"]["Arn"],
        "SignzyTokenSecretArn": secrets_manager.create_secret(Name="bank/signzy", SecretString=token)["ARN"],
    }


@pytest.fixture(scope="module")
def deploy(stack, tmp_path_factory) -> Iterator[Callable[[str, dict[str, str]], DeployedStack]]:
    """Deploys the release with parameters, as `aws s3 cp` and `aws cloudformation deploy` do. verb: create or update."""
    s3, cloudformation, bucket = stack.client("s3"), stack.client("cloudformation"), f"code-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=bucket)
    for path in release.write(tmp_path_factory.mktemp("dist") / "linkwatch").iterdir():
        s3.put_object(Bucket=bucket, Key=f"v1/{path.name}", Body=path.read_bytes())
    always = {"CodeBucket": bucket, "CodePrefix": "v1/", "SignzyBaseUrl": stack.parameters["SignzyBaseUrl"]}

    def deployed(verb: str, parameters: dict[str, str]) -> DeployedStack:
        getattr(cloudformation, f"{verb}_stack")(
            StackName=NAME,
            TemplateURL=f"https://s3.amazonaws.com/{bucket}/v1/template.yaml",
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in (always | parameters).items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        cloudformation.get_waiter(f"stack_{verb}_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})
        outputs = outputs_of(stack.client, NAME)
        return DeployedStack(stack.calls, outputs, NAME, listen(stack.client, outputs.BusName, "bank-outcomes"))

    yield deployed
    cloudformation.delete_stack(StackName=NAME)


@pytest.fixture(scope="module")
def bank(deploy, parameters) -> DeployedStack:
    return deploy("create", parameters)


def settings(bank: DeployedStack) -> dict[str, Any]:
    """What the emulator shows of the options. It drops the others, which tests/static/ checks."""
    client, name_of = bank.client, bank.physical_id
    check_link = client("lambda").get_function_configuration(FunctionName=name_of("CheckLink"), Qualifier="live")
    variables = check_link["Environment"]["Variables"]
    machine = client("stepfunctions").describe_state_machine(stateMachineArn=bank.outputs.StateMachineArn)
    logs = [group for group in client("logs").describe_log_groups()["logGroups"] if NAME in group["logGroupName"]]
    # The role for access logs is retained.
    roles = [role for role in client("iam").list_roles()["Roles"] if role["RoleName"].startswith(NAME)]
    queue = client("sqs").get_queue_attributes(QueueUrl=name_of("InstantLinkSentQueue"), AttributeNames=["All"])
    secret = client("secretsmanager").describe_secret(SecretId=name_of("SignzyToken"))
    schedules = {schedule["Name"] for schedule in client("scheduler").list_schedules()["Schedules"]}
    alarms = client("cloudwatch").describe_alarms(AlarmNamePrefix=NAME)["MetricAlarms"]
    return {
        "CheckLink's secret": next(
            name for name in ("SignzyToken", "bank/signzy") if name in variables["SIGNZY_TOKEN_ARN"]
        ),
        "FIPS": variables["AWS_USE_FIPS_ENDPOINT"],
        "keys": {secret.get("KmsKeyId"), queue["Attributes"].get("KmsMasterKeyId"), *(g.get("kmsKeyId") for g in logs)},
        "log retention": {group["retentionInDays"] for group in logs},
        "paths of roles": {role["Path"] for role in roles if "ApiAccessLogWriter" not in role["RoleName"]},
        "probe": f"{NAME}-Probe" in schedules,
        "proxy": variables["EGRESS_PROXY_URL"],
        "receivers of alarms": len(alarms[0]["OKActions"]),
        "state machine's key": machine["encryptionConfiguration"].get("kmsKeyId"),
        "tracing": check_link["TracingConfig"]["Mode"],
    }


def test_links_are_watched_to_their_outcome_with_all_options(stack, bank, proxy):
    starts = {
        "API": lambda link: bank.call_api("POST", "/verifications", link.fields),
        "EVENT": lambda it: bank.put_link_sent(it.fields),
    }
    for source, start in starts.items():  # one after the other: the proxy forwards the request that came last
        link = send_link(stack, {"answer": "clicked"})
        start(link)
        item = bank.await_published(link.verification_id, patience(stack))
        assert (item["outcome"], item["source"]) == ("LINK_CLICKED", source)
        assert bank.events(link.verification_id)[0]["detail"]["outcome"] == "LINK_CLICKED"
        assert len([head for head in proxy.requests if link.request_id in head]) == item["checks"]


def test_a_link_keeps_its_outcome_while_the_options_are_removed_and_set_again(stack, bank, deploy, parameters):
    with_all = {
        "CheckLink's secret": "bank/signzy",
        "FIPS": "true",
        "keys": {parameters["KmsKeyArn"]},
        "log retention": {365},
        "paths of roles": {"/team/linkwatch/"},
        "probe": True,
        "proxy": parameters["EgressProxyUrl"],
        "receivers of alarms": 2,
        "state machine's key": parameters["KmsKeyArn"],
        "tracing": "PassThrough",
    }
    secrets_manager = stack.client("secretsmanager")
    token = secrets_manager.get_secret_value(SecretId=parameters["SignzyTokenSecretArn"])["SecretString"]
    secrets_manager.put_secret_value(SecretId=bank.physical_id("SignzyToken"), SecretString=token)
    link = send_link(stack, {"untilSecond": 60, "answer": "pending"}, {"answer": "clicked"})
    assert bank.call_api("POST", "/verifications", link.fields).status == 202

    assert settings(bank) == with_all
    assert settings(deploy("update", {})) == DEFAULTS
    assert settings(deploy("update", parameters)) == with_all

    assert bank.await_published(link.verification_id, patience(stack))["outcome"] == "LINK_CLICKED"
