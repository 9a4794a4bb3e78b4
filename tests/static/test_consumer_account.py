"""examples/consumer_account: who may put which outcomes where, and what the consumer's role may do."""

import re
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads as load_yaml

from local.checkout import ROOT
from tests.sample_events import event
from tests.static.patterns import matches_event
from tests.static.template import BOUNDARY, PSEUDO, Stack, created_before, translated

#: Each template is deployed here; the other account is the consumer's for the one, and linkwatch's for the other.
HERE, OTHER = PSEUDO["AWS::AccountId"], "444444444444"
FORWARD_ROLE = f"arn:aws:iam::{OTHER}:role/team/forward"
TEMPLATES = {
    "forward": load_yaml((ROOT / "examples/consumer_account/forward.yaml").read_text("utf-8")),
    "consumer": translated("examples/consumer_account/template.yaml"),
}
CONSUMER_BUS = f"arn:aws:events:us-east-1:{OTHER}:event-bus/consumer-outcomes"
OPTIONS = {"RolePath": "/team/", "PermissionsBoundaryArn": BOUNDARY}
FORWARD = Stack(TEMPLATES["forward"], BusName="links", ConsumerBusArn=CONSUMER_BUS, **OPTIONS)
ACTS = Stack(TEMPLATES["consumer"], ForwardRoleArn=FORWARD_ROLE, ApiUrl="https://api.example", ApiId="api1", **OPTIONS)
OUTCOME = event("measure-outcomes")

ROLES: dict[str, tuple[Stack, str, list[dict[str, Any]]]] = {
    "ForwardRole": (FORWARD, "events.amazonaws.com", [{"Action": "events:PutEvents", "Resource": CONSUMER_BUS}]),
    "ActOnOutcomeRole": (
        ACTS,
        "lambda.amazonaws.com",
        [
            {
                "Action": "execute-api:Invoke",
                "Resource": f"arn:aws:execute-api:us-east-1:{OTHER}:api1/v1/GET/verifications/*",
            },
            {"Action": "dynamodb:UpdateItem", "Resource": "${Decisions.Arn}"},
            {"Action": "sqs:SendMessage", "Resource": "${OutcomesNotHandled.Arn}"},
            {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "${ActOnOutcomeLogs.Arn}"},
        ],
    ),
}
#: The rule of each side, with the account whose outcomes it takes, and what has to exist before it delivers.
RULES = {
    "ForwardRule": (FORWARD, TEMPLATES["forward"], HERE, {"ForwardRole", "OutcomesNotForwardedPolicy"}),
    "OutcomesRule": (ACTS, TEMPLATES["consumer"], OTHER, {"ActOnOutcomePermission", "OutcomesNotHandledPolicy"}),
}


@pytest.mark.parametrize("name", ROLES)
def test_a_role_may_do_what_the_table_says_and_takes_path_and_boundary(name):
    deployed, service, allowed = ROLES[name]
    role = deployed.properties(name)

    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust == {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    [policy] = role["Policies"]
    assert policy["PolicyDocument"]["Statement"] == [{"Effect": "Allow", **statement} for statement in allowed]
    assert (role["Path"], role["PermissionsBoundary"]) == ("/team/", BOUNDARY)
    assert list(deployed.of_type("AWS::IAM::Role")) == [name]


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
def test_the_consumers_bus_takes_outcomes_from_the_forwarding_role_alone():
    bus = ACTS.properties("OutcomesBus")

    [statement] = bus["Policy"]["Statement"]
    assert {name: value for name, value in statement.items() if name != "Sid"} == {
        "Effect": "Allow",
        "Principal": {"AWS": OTHER},
        "Action": "events:PutEvents",
        "Resource": f"arn:aws:events:us-east-1:{HERE}:event-bus/{bus['Name']}",
        "Condition": {
            "ArnEquals": {"aws:PrincipalArn": FORWARD_ROLE},
            "ForAllValues:StringEquals": {"events:source": "linkwatch", "events:detail-type": "VerificationSettled"},
            "Null": {"events:source": "false", "events:detail-type": "false"},
        },
    }


# The consumer's bus names the role, and the rule starts to forward only after that.
def test_the_role_has_the_name_of_its_stack():
    assert FORWARD.properties("ForwardRole")["RoleName"] == "linkwatch"


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html: a forwarded event names the account that it
# comes from.
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(
    ("changed", "is_matched"),
    [
        ({}, True),
        ({"account": "555555555555"}, False),
        ({"source": "onboarding"}, False),
        ({"detail-type": "InstantLinkSent"}, False),
    ],
    ids=["an outcome", "another account", "another source", "another event"],
)
def test_a_rule_takes_outcomes_of_linkwatchs_account_only(name, changed, is_matched):
    deployed, _, account, _ = RULES[name]
    pattern = deployed.properties(name)["EventPattern"]

    assert matches_event(pattern, OUTCOME | {"account": account} | changed) is is_matched


def test_outcomes_go_from_linkwatchs_bus_to_the_consumers_and_to_its_function():
    [forwarded] = FORWARD.properties("ForwardRule")["Targets"]
    [handled] = ACTS.properties("OutcomesRule")["Targets"]

    assert FORWARD.properties("ForwardRule")["EventBusName"] == "links"
    assert (forwarded["Arn"], forwarded["RoleArn"]) == (CONSUMER_BUS, "${ForwardRole.Arn}")
    assert ACTS.properties("OutcomesRule")["EventBusName"] == "${OutcomesBus}"
    assert handled["Arn"] == "${ActOnOutcome.Arn}"
    assert ACTS.properties("ActOnOutcome")["Environment"]["Variables"] == {
        "API_URL": "https://api.example",
        "DECISIONS_TABLE": "${Decisions}",
    }


# EventBridge does not retry what it has no permission for.
@pytest.mark.parametrize(
    ("name", "queue"), [("ForwardRule", "OutcomesNotForwarded"), ("OutcomesRule", "OutcomesNotHandled")]
)
def test_what_a_rule_cannot_deliver_waits_in_its_queue_for_14_days(name, queue):
    deployed, template, _, first = RULES[name]
    rule = deployed.properties(name)
    arn = f"arn:aws:events:us-east-1:{HERE}:rule/{rule['EventBusName']}/{rule['Name']}"

    assert rule["Targets"][0]["DeadLetterConfig"] == {"Arn": f"${{{queue}.Arn}}"}
    assert deployed.properties(queue) == {"MessageRetentionPeriod": 14 * 24 * 60 * 60, "SqsManagedSseEnabled": True}
    [statement] = deployed.properties(f"{queue}Policy")["PolicyDocument"]["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": f"${{{queue}.Arn}}",
        "Condition": {"ArnEquals": {"aws:SourceArn": arn}},
    }
    assert created_before(name, template) >= first


def numbers_in(module: str, pattern: str) -> list[int]:
    found = re.search(pattern, (ROOT / "examples/consumer/functions" / module).read_text("utf-8"), re.DOTALL)
    assert found
    return [int(number) for number in found.groups()]


def test_time_outs_nest():
    connect, read, tries = numbers_in("act_on_outcome.py", r"t=(\d), read_timeout=(\d).*max_attempts\": (\d)")
    retries, to_connect, to_read = numbers_in("linkwatch_api.py", r"Retry\(\s*(\d).*connect=(\d), read=(\d)")

    a_read = (1 + retries) * (to_connect + to_read)
    a_write = tries * (connect + read) + (tries - 1)  # botocore's back-off before the second try is at most a second
    assert a_read + a_write < ACTS.properties("ActOnOutcome")["Timeout"]


def test_only_the_rule_may_call_the_consumers_function():
    [permission] = ACTS.of_type("AWS::Lambda::Permission").values()

    assert permission == {
        "FunctionName": "${ActOnOutcome}",
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": f"arn:aws:events:us-east-1:{HERE}:rule/${{OutcomesBus}}/linkwatch-Outcomes",
    }
