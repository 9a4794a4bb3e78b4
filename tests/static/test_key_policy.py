"""The key policy in docs/security.md fits what the template encrypts with KmsKeyArn."""

import json
from fnmatch import fnmatchcase
from typing import Any

from local.checkout import ROOT
from tests.static.template import FULL, KEY

_DOCUMENT = (ROOT / "docs" / "security.md").read_text("utf-8")
POLICY: dict[str, Any] = json.loads(_DOCUMENT.split("```json\n")[1].split("```")[0])
SERVICES = {s["Principal"]["Service"]: s for s in POLICY["Statement"] if "Service" in s["Principal"]}

#: What is encrypted: the service that uses the key under its own name, if there is one. Others use it as their caller.
ENCRYPTED = {
    "AWS::DynamoDB::Table": None,
    "AWS::SecretsManager::Secret": None,
    "AWS::Logs::LogGroup": "logs.<region>.amazonaws.com",
    "AWS::SQS::Queue": "events.amazonaws.com",  # EventBridge puts into it without a role of ours
    "AWS::SNS::Topic": "cloudwatch.amazonaws.com",
}


def test_the_policy_lets_those_services_use_the_key_that_encrypt_something_by_themselves():
    kinds = {
        resource["Type"]
        for resource in FULL.resources.values()
        if resource["Type"] != "AWS::IAM::Role" and KEY in json.dumps(resource)
    }

    assert kinds == set(ENCRYPTED)
    assert set(SERVICES) == {service for service in ENCRYPTED.values() if service}


def test_the_policy_lets_iam_give_the_roles_what_they_need():
    roles = [s for s in POLICY["Statement"] if s["Principal"] == {"AWS": "arn:aws:iam::<account>:root"}]

    assert [s["Action"] for s in roles] == ["kms:*"]


def test_the_services_that_may_put_into_the_queues_may_use_the_key():
    statements = [s for p in FULL.of_type("AWS::SQS::QueuePolicy").values() for s in p["PolicyDocument"]["Statement"]]

    assert {s["Principal"]["Service"] for s in statements} == {ENCRYPTED["AWS::SQS::Queue"]}
    assert SERVICES["events.amazonaws.com"]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


# CloudFormation's own names begin with the stack's.
def test_every_log_group_is_one_that_the_policy_names():
    context = SERVICES["logs.<region>.amazonaws.com"]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    named = [pattern.removeprefix("arn:aws:logs:<region>:<account>:log-group:") for pattern in context]

    for name, properties in FULL.of_type("AWS::Logs::LogGroup").items():
        group = properties.get("LogGroupName", f"linkwatch-{name}-AbCdEf").replace("linkwatch", "<stack>")
        assert [pattern for pattern in named if fnmatchcase(group, pattern)], group
