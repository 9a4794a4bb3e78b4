"""The key policy in docs/security.md fits what the template encrypts with KmsKeyArn."""

import json
from fnmatch import fnmatchcase
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from local.checkout import ROOT
from tests.static.template import DEFAULT, FULL, KEY

_DOCUMENT = (ROOT / "docs" / "security.md").read_text("utf-8")
POLICY: dict[str, Any] = json.loads(_DOCUMENT.split("```json\n")[1].split("```")[0])
SERVICES = {s["Principal"]["Service"]: s for s in POLICY["Statement"] if "Service" in s["Principal"]}

#: What is encrypted with the key: the service that uses the key under its own name, if there is one. Others use it as their
#: caller.
ENCRYPTED = {
    "AWS::DynamoDB::Table": None,
    "AWS::SecretsManager::Secret": None,
    "AWS::Logs::LogGroup": "logs.<region>.amazonaws.com",
    "AWS::SQS::Queue": "events.amazonaws.com",  # EventBridge puts into it without a role of ours
    "AWS::SNS::Topic": "cloudwatch.amazonaws.com",
    "AWS::Events::EventBus": "events.amazonaws.com",
    "AWS::StepFunctions::StateMachine": "delivery.logs.amazonaws.com",  # its log lines; the history by the state machine's role
    "AWS::Lambda::Function": None,  # by the grant that Lambda makes for the function's role
    "AWS::Scheduler::Schedule": None,
}


def can_take_a_key(kind: str) -> bool:
    """Whether a resource's own schema has a property for a key."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    definitions = schema.get("definitions", {}).values()
    properties = {*schema["properties"]}.union(*(it.get("properties", {}) for it in definitions))
    return any("kms" in name.lower() for name in properties)


def test_what_can_take_the_key_has_it_and_the_policy_lets_its_service_use_it():
    taking = {name: it for name, it in FULL.resources.items() if can_take_a_key(it["Type"])}
    with_key = {name: it for name, it in taking.items() if KEY in json.dumps(it)}

    assert {it["Type"] for it in with_key.values()} == ENCRYPTED.keys()
    assert taking.keys() - with_key.keys() == {"InstantLinkSentOnQueue"}  # a key for its filter, and it has none
    assert SERVICES.keys() == {service for service in ENCRYPTED.values() if service}
    assert "arn:aws:kms" not in json.dumps(DEFAULT.resources)


def test_what_the_key_fails_for_is_kept():
    assert FULL.properties("LinkBus")["DeadLetterConfig"] == {"Arn": "${InstantLinkSentDeadLetters.Arn}"}
    [statement] = FULL.properties("InstantLinkSentQueuesPolicy")["PolicyDocument"]["Statement"]
    assert "${LinkBus.Arn}" in statement["Condition"]["ArnEquals"]["aws:SourceArn"]


def test_the_policy_lets_iam_give_the_roles_what_they_need_and_eventbridge_put_into_the_queues():
    roles = [s for s in POLICY["Statement"] if s["Principal"] == {"AWS": "arn:aws:iam::<account>:root"}]

    assert [s["Action"] for s in roles] == ["kms:*"]
    assert SERVICES["events.amazonaws.com"]["Action"] == ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]


# CloudFormation's own names begin with the stack's.
def test_every_log_group_is_one_that_the_policy_names():
    context = SERVICES["logs.<region>.amazonaws.com"]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    named = [pattern.removeprefix("arn:aws:logs:<region>:<account>:log-group:") for pattern in context]

    for name, properties in FULL.of_type("AWS::Logs::LogGroup").items():
        group = properties.get("LogGroupName", f"linkwatch-{name}-AbCdEf").replace("linkwatch", "<stack>")
        assert [pattern for pattern in named if fnmatchcase(group, pattern)], group
