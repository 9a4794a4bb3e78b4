"""A release by plain CloudFormation with everything that a bank's account may ask for, and updated to none of it.

tests/static checks what each option changes in the template.
"""

import secrets
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from operations import release
from operations.deployed.outcome_events import listen
from operations.deployed.stack import DeployedStack, outputs_of
from tests.integration.conftest import Link, patience, send_link
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
def bank(stack, deploy, proxy) -> DeployedStack:
    """With all of the options, and a key and a secret that were made before."""
    secrets_manager = stack.client("secretsmanager")
    token = secrets_manager.get_secret_value(SecretId=stack.outputs.SignzyTokenArn)["SecretString"]
    own = {
        "EgressProxyUrl": proxy.url,
        "KmsKeyArn": stack.client("kms").create_key()["KeyMetadata"]["Arn"],
        "SignzyTokenSecretArn": secrets_manager.create_secret(Name="bank/signzy", SecretString=token)["ARN"],
    }
    return deploy("create", PARAMETERS | own)


def start(bank: DeployedStack, link: Link, entry_point: str) -> None:
    if entry_point == "event":
        bank.put_link_sent(link.fields)
    else:
        link.answered(lambda: bank.call_api("POST", "/verifications", link.fields))


@pytest.mark.parametrize("entry_point", ["api", "event"])
def test_a_link_is_watched_to_its_outcome_with_all_options(entry_point, stack, bank, proxy):
    link = send_link(stack, {"answer": "clicked"})

    start(bank, link, entry_point)

    item = bank.await_published(link.verification_id, patience(stack))
    assert (item["outcome"], item["source"]) == ("LINK_CLICKED", entry_point.upper())
    link.await_that(lambda: bank.events(link.verification_id), "its event has arrived")
    requests = stack.signzy.requests(link.request_id)
    assert len([head for head in proxy.requests if link.request_id in head]) >= len(requests) > 0


def test_a_link_keeps_its_outcome_while_the_options_are_removed(stack, bank, deploy, proxy):
    token = stack.client("secretsmanager").get_secret_value(SecretId="bank/signzy")["SecretString"]
    own_secret = bank.physical_id("SignzyToken")
    stack.client("secretsmanager").put_secret_value(SecretId=own_secret, SecretString=token)
    link = send_link(stack, {"answer": "pending", "untilSecond": 60}, {"answer": "clicked"})
    start(bank, link, "api")

    deploy("update", {})

    assert bank.await_published(link.verification_id, patience(stack))["outcome"] == "LINK_CLICKED"
    proxied, after = len(proxy.requests), send_link(stack, {"answer": "clicked"})
    start(bank, after, "event")
    assert bank.await_published(after.verification_id, patience(stack))["outcome"] == "LINK_CLICKED"
    assert len(proxy.requests) == proxied
