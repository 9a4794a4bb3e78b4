"""The kept deployments of a stack: which one a rollback takes, and what it refuses to deploy."""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import time_machine
from cfnlint.decode.cfn_yaml import loads as load_yaml
from moto import mock_aws

from operations.deployments import Deployments, deployer_arns
from operations.environment import ROOT, BadChoice

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS.*S3.*BucketPolicy")
FIRST, LATEST, LATER = "20261123T130000Z", "20261123T140000Z", "20261123T140001Z"
CODE = b"the code of CheckLink"
CODE_FILE = f"CheckLink-{hashlib.sha256(CODE).hexdigest()}.zip"
TEMPLATE = f"""
Parameters: {{WindowSeconds: {{Type: String}}}}
Resources: {{Topic: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: {CODE_FILE}}}}}}}
"""
SESSION = boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-west-1")
#: boto3's client of a service.
type Client = Callable[[str], Any]


def at(name: str) -> time_machine.travel:
    return time_machine.travel(datetime.strptime(name, "%Y%m%dT%H%M%S%z"), tick=False)


@pytest.fixture
def client() -> Iterator[Client]:
    """An empty account, at the time at which the latest deployment is replaced."""
    with mock_aws(), at(LATEST):
        yield cache(SESSION.client)


@pytest.fixture
def deployments(client) -> Deployments:
    calls = SimpleNamespace(client=client)
    environment: Any = SimpleNamespace(stack_name="linkwatch", region="eu-west-1", calls=lambda: calls)
    return Deployments(environment)


def deploy(client: Client, verb: str, window: str, template: str = TEMPLATE) -> None:
    parameters = [{"ParameterKey": "WindowSeconds", "ParameterValue": window}]
    what = {"StackName": "linkwatch", "TemplateBody": template, "Parameters": parameters}
    getattr(client("cloudformation"), f"{verb}_stack")(**what, Tags=[{"Key": "team", "Value": "onboarding"}])


@pytest.fixture
def kept(client, deployments, tmp_path) -> Deployments:
    """Two deployments were replaced."""
    (tmp_path / CODE_FILE).write_bytes(CODE)
    deployments.upload_code([tmp_path / CODE_FILE])
    for verb, window, name in (("create", "300", FIRST), ("update", "240", LATEST)):
        deploy(client, verb, window)
        with at(name):
            assert deployments.keep_current() == name
    return deployments


def test_the_latest_is_found_with_its_template_parameters_and_tags(kept):
    name, found = kept.find(None)

    assert name == LATEST
    assert (found.template, found.tags) == (TEMPLATE, {"team": "onboarding"})
    assert found.parameters == {"WindowSeconds": "240"}


def test_another_is_found_by_its_time_and_the_latest_is_listed_first(kept):
    assert kept.find(FIRST)[1].parameters == {"WindowSeconds": "300"}
    assert kept.names() == [LATEST, FIRST]


@pytest.mark.parametrize(
    ("name", "has_checksum"),
    [
        pytest.param(LATER, True, id="in the future"),
        pytest.param("20261123", True, id="not a time"),
        pytest.param("20261123T133000Z", False, id="without a checksum"),
    ],
)
def test_a_planted_deployment_is_not_seen(client, kept, name, has_checksum):
    planted = json.dumps({"template": TEMPLATE, "parameters": {}, "tags": {}}).encode()
    client("s3").put_object(Bucket=kept.bucket, Key=f"deployments/{name}.json", Body=planted)
    if has_checksum:
        parameter, checksum = f"/linkwatch/linkwatch/deployments/{name}", hashlib.sha256(planted).hexdigest()
        client("ssm").put_parameter(Name=parameter, Value=checksum, Type="String")

    assert kept.find(None)[0] == LATEST
    with pytest.raises(BadChoice, match=f"TO={name} is not kept; there are {LATEST}, {FIRST}"):
        kept.find(name)


@pytest.mark.parametrize("key", [f"deployments/{LATEST}.json", f"code/{CODE_FILE}"])
@pytest.mark.parametrize("is_gone", [False, True], ids=["changed", "gone"])
def test_a_deployment_that_is_not_what_was_deployed_is_refused(client, kept, key, is_gone):
    client("s3").put_object(Bucket=kept.bucket, Key=key, Body=b"{}")
    if is_gone:
        client("s3").delete_object(Bucket=kept.bucket, Key=key)

    with pytest.raises(BadChoice, match=key):
        kept.find(None)


def test_a_deployment_whose_template_names_no_code_is_refused(client, deployments):
    deploy(client, "create", "300", TEMPLATE.replace(CODE_FILE, "none"))
    deployments.keep_current()

    with pytest.raises(BadChoice, match="not deployed by make deploy"):
        deployments.find(None)


@pytest.mark.parametrize("was_reviewed", [False, True], ids=["nothing", "a change set that was not wanted"])
def test_a_stack_that_was_never_deployed_leaves_nothing_to_go_back_to(client, deployments, was_reviewed):
    if was_reviewed:
        what = {"StackName": "linkwatch", "ChangeSetName": "first", "ChangeSetType": "CREATE"}
        client("cloudformation").create_change_set(**what, TemplateBody=TEMPLATE)

    assert deployments.keep_current() is None
    with pytest.raises(BadChoice, match="nothing is kept of linkwatch"):
        deployments.find(None)


def test_every_object_has_to_be_in_a_bucket_of_this_account(client, kept):
    asked: list[dict[str, Any]] = []
    client("s3").meta.events.register("provide-client-params.s3", lambda params, **_: asked.append(params))

    with at(LATER):
        kept.keep_current()
        kept.find(None)

    assert [each.get("ExpectedBucketOwner") for each in asked] == ["123456789012"] * 3


def test_the_bucket_is_made_for_the_caller_alone(client, deployments):
    name, caller = deployments.bucket, client("sts").get_caller_identity()["Arn"]

    stack = client("cloudformation").describe_stacks(StackName="linkwatch-deployments")["Stacks"][0]
    assert stack["Parameters"] == [
        {"ParameterKey": "DeployerArns", "ParameterValue": str([caller])}
    ]  # as moto shows a list
    assert [output["OutputValue"] for output in stack["Outputs"]] == [name]
    template = load_yaml((ROOT / "operations" / "deployment_bucket.yaml").read_text("utf-8"))
    _, writing = template["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (writing["Effect"], writing["Principal"], writing["Resource"]) == (
        "Deny",
        "*",
        {"Fn::Sub": "${Bucket.Arn}/*"},
    )
    assert {"s3:PutObject*", "s3:DeleteObject*"} <= set(writing["Action"])
    assert writing["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": {"Ref": "DeployerArns"}}}


def test_who_deploys_where_can_be_said_before_anything_is_done(client, deployments):
    where = {"linkwatch", "123456789012", client("sts").get_caller_identity()["Arn"], "eu-west-1"}

    assert where <= {word.strip(",") for word in deployments.destination().split()}


def test_a_roles_session_writes_as_the_role_whose_path_it_does_not_name():
    writers = deployer_arns("arn:aws-us-gov:sts::1:assumed-role/deployer/eve")

    assert writers == ["arn:aws-us-gov:iam::1:role/deployer", "arn:aws-us-gov:iam::1:role/*/deployer"]
