"""The kept deployments of a stack: which one a rollback takes, and what it refuses to deploy."""

import hashlib
import io
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from botocore.exceptions import ClientError

from operations.deployments import Deployments
from operations.environment import BadChoice

FIRST, LATEST, LATER = "20261123T130000Z", "20261123T140000Z", "20261123T140001Z"
ROLE = "arn:aws:sts::111122223333:assumed-role/deployer/eve"
CODE = b"the code of CheckLink"
CODE_FILE = f"CheckLink-{hashlib.sha256(CODE).hexdigest()}.zip"


class FakeAccount:
    """CloudFormation, S3, SSM and STS of an account in which linkwatch is deployed."""

    def __init__(self, caller: str = ROLE) -> None:
        self.caller = caller
        self.stacks: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, bytes] = {}
        self.checksums: dict[str, str] = {}
        self.exceptions = SimpleNamespace(NoSuchKey=KeyError)
        self.deploy("300")

    def deploy(self, window: str, template: str = CODE_FILE, status: str = "UPDATE_COMPLETE") -> None:
        values = {"WindowSeconds": window, "CodeBucket": "an-older-bucket"}
        self.template = template
        self.stacks["linkwatch"] = {
            "StackStatus": status,
            "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
            "Tags": [{"Key": "team", "Value": "onboarding"}],
        }

    def get_caller_identity(self):
        return {"Account": "111122223333", "Arn": self.caller}

    def describe_stacks(self, StackName):  # noqa: N803
        if StackName not in self.stacks:
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        return {"Stacks": [self.stacks[StackName]]}

    def create_stack(self, StackName, TemplateBody, Parameters):  # noqa: N803
        assert "OnlyTheDeployerWrites" in TemplateBody
        self.writers = Parameters[0]["ParameterValue"].split(",")
        self.stacks[StackName] = {"Outputs": [{"OutputKey": "BucketName", "OutputValue": "bucket"}]}

    def get_waiter(self, _):
        return SimpleNamespace(wait=lambda **_: None)

    def get_template(self, StackName, TemplateStage):  # noqa: N803
        assert (StackName, TemplateStage) == ("linkwatch", "Original")
        return {"TemplateBody": self.template}

    def put_object(self, Bucket, Key, Body, ExpectedBucketOwner, ChecksumAlgorithm):  # noqa: N803
        assert (Bucket, ExpectedBucketOwner, ChecksumAlgorithm) == ("bucket", "111122223333", "SHA256")
        self.objects[Key] = Body

    def get_object(self, Bucket, Key, ExpectedBucketOwner):  # noqa: N803
        assert (Bucket, ExpectedBucketOwner) == ("bucket", "111122223333")
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_parameter(self, Name, Value, Type, Overwrite):  # noqa: N803
        assert (Type, Overwrite) == ("String", False)
        self.checksums[Name] = Value

    def get_paginator(self, _):
        return self

    def paginate(self, Path):  # noqa: N803
        found = [{"Name": n, "Value": v} for n, v in self.checksums.items() if n.startswith(Path)]
        return [{"Parameters": found[:1]}, {"Parameters": found[1:]}]


def deployments_in(account: FakeAccount) -> Deployments:
    calls = SimpleNamespace(client=lambda _: account)
    environment: Any = SimpleNamespace(stack_name="linkwatch", region="eu-west-1", calls=lambda: calls)
    return Deployments(environment)


@pytest.fixture
def account(tmp_path) -> FakeAccount:
    """Two deployments were replaced in it, the latest a second ago."""
    account = FakeAccount()
    deployments = deployments_in(account)
    (tmp_path / CODE_FILE).write_bytes(CODE)
    deployments.upload_code([tmp_path / CODE_FILE])
    for window, name in (("300", FIRST), ("240", LATEST)):
        account.deploy(window)
        with time_machine.travel(datetime.strptime(name, "%Y%m%dT%H%M%S%z"), tick=False):
            assert deployments.keep_current() == name
    return account


@pytest.fixture
def deployments(account):
    with time_machine.travel(datetime(2026, 11, 23, 14, tzinfo=UTC), tick=False):
        yield deployments_in(account)


def test_the_latest_is_found_with_its_template_parameters_and_tags(deployments):
    name, found = deployments.find(None)

    assert name == LATEST
    assert (found.template, found.tags) == (CODE_FILE, {"team": "onboarding"})
    assert found.parameters == {"WindowSeconds": "240", "CodeBucket": "an-older-bucket"}


def test_another_is_found_by_its_time_and_the_latest_is_listed_first(deployments):
    assert deployments.find(FIRST)[1].parameters["WindowSeconds"] == "300"
    assert deployments.names() == [LATEST, FIRST]


@pytest.mark.parametrize(
    ("name", "has_checksum"),
    [
        pytest.param(LATER, True, id="in the future"),
        pytest.param("20261123", True, id="not a time"),
        pytest.param("20261123T133000Z", False, id="without a checksum"),
    ],
)
def test_a_planted_deployment_is_not_seen(account, deployments, name, has_checksum):
    account.objects[f"deployments/{name}.json"] = planted = json.dumps({"template": CODE_FILE}).encode()
    if has_checksum:
        account.checksums[f"/linkwatch/linkwatch/deployments/{name}"] = hashlib.sha256(planted).hexdigest()

    assert deployments.find(None)[0] == LATEST
    with pytest.raises(BadChoice, match=f"TO={name} is not kept; there are {LATEST}, {FIRST}"):
        deployments.find(name)


@pytest.mark.parametrize(
    ("key", "content"),
    [
        pytest.param(f"deployments/{LATEST}.json", b"{}", id="its record was changed"),
        pytest.param(f"code/{CODE_FILE}", b"other", id="its code was changed"),
        pytest.param(f"code/{CODE_FILE}", None, id="its code is gone"),
    ],
)
def test_a_deployment_that_is_not_what_was_deployed_is_refused(account, deployments, key, content):
    del account.objects[key]
    account.objects |= {key: content} if content else {}

    with pytest.raises(BadChoice, match=key):
        deployments.find(None)


def test_a_deployment_whose_template_names_no_code_is_refused(account):
    deployments = deployments_in(account)
    account.deploy("300", template="Resources: {}")
    deployments.keep_current()

    with pytest.raises(BadChoice, match="not deployed by make deploy"):
        deployments.find(None)


@pytest.mark.parametrize("status", [None, "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"])
def test_a_stack_that_was_never_deployed_leaves_nothing_to_go_back_to(status):
    account = FakeAccount()
    account.stacks.clear()
    if status:
        account.deploy("300", status=status)
    deployments = deployments_in(account)

    assert deployments.keep_current() is None
    with pytest.raises(BadChoice, match="nothing is kept of linkwatch"):
        deployments.find(None)


@pytest.mark.parametrize(
    ("caller", "writers"),
    [
        pytest.param("arn:aws:iam::1:user/eve", ["arn:aws:iam::1:user/eve"], id="a user"),
        pytest.param(
            "arn:aws-us-gov:sts::1:assumed-role/deployer/eve",
            ["arn:aws-us-gov:iam::1:role/deployer", "arn:aws-us-gov:iam::1:role/*/deployer"],
            id="a role's session, which does not name the role's path",
        ),
    ],
)
def test_only_the_caller_may_write_to_the_bucket(caller, writers):
    account = FakeAccount(caller)

    assert deployments_in(account).bucket == "bucket"
    assert account.writers == writers
