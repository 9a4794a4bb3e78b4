"""Who may put which events on the bus and call the API: the two resource policies, evaluated."""

import json
from typing import Any, NamedTuple

import pytest

from tests.static.template import DEFAULT, FULL, SENDERS, Stack, created_before, stack

HERE, [SENDER, _] = "123456789012", SENDERS.split(",")
STRANGER = "333333333333"
BUS = "arn:aws:events:us-east-1:123456789012:event-bus/linkwatch-links"
LINK_WATCH = "${LinkWatchRole.Arn}"


class Caller(NamedTuple):
    """role: aws:PrincipalArn; AWS services that call without a role have none."""

    account: str
    role: str | None = "arn:aws:iam::123456789012:role/some"


ONE_OF_THIS_ACCOUNT = Caller(HERE)
A_SENDER = Caller(SENDER, f"arn:aws:iam::{SENDER}:role/onboarding")
NO_SENDER = Caller(STRANGER, f"arn:aws:iam::{STRANGER}:role/onboarding")
STATE_MACHINE = Caller(HERE, LINK_WATCH)
A_SERVICE = Caller(HERE, None)

LINK, OUTCOME, CANARY = "InstantLinkSent", "VerificationSettled", "Canary"
#: (caller, (source, detail-type) of each entry of one request, what the bus's policy says: "" leaves it to the caller's own)
PUTS = {
    "the outcome": (STATE_MACHINE, [("linkwatch", OUTCOME)], ""),
    "a link": (ONE_OF_THIS_ACCOUNT, [("onboarding", LINK)], ""),
    "another event": (ONE_OF_THIS_ACCOUNT, [("onboarding", CANARY)], ""),
    "a forged outcome": (ONE_OF_THIS_ACCOUNT, [("linkwatch", OUTCOME)], "Deny"),
    "a forged outcome of another source": (ONE_OF_THIS_ACCOUNT, [("onboarding", OUTCOME)], "Deny"),
    "another event in the name of linkwatch": (ONE_OF_THIS_ACCOUNT, [("linkwatch", CANARY)], "Deny"),
    "a forged outcome among links": (ONE_OF_THIS_ACCOUNT, [("a", LINK), ("linkwatch", OUTCOME)], "Deny"),
    "one of another source among links": (ONE_OF_THIS_ACCOUNT, [("a", LINK), ("a", OUTCOME)], "Deny"),
    "one of another type among links": (ONE_OF_THIS_ACCOUNT, [("a", LINK), ("linkwatch", CANARY)], "Deny"),
    "a forged outcome by a service": (A_SERVICE, [("linkwatch", OUTCOME)], "Deny"),
    "a sender's links": (A_SENDER, [("onboarding", LINK), ("cards", LINK)], "Allow"),
    "a sender's other event": (A_SENDER, [("onboarding", CANARY)], ""),
    "a sender's other event among links": (A_SENDER, [("onboarding", LINK), ("onboarding", CANARY)], ""),
    "a sender's link in the name of linkwatch": (A_SENDER, [("linkwatch", LINK)], "Deny"),
    "a sender's forged outcome": (A_SENDER, [("linkwatch", OUTCOME)], "Deny"),
    "a stranger's link": (NO_SENDER, [("onboarding", LINK)], ""),
}


def effect(policy: dict[str, Any], caller: Caller, keys: dict[str, list[str]]) -> str:
    """What a resource policy says of a call: Deny, Allow or nothing."""
    effects = [
        statement["Effect"]
        for statement in policy["Statement"]
        if (statement["Principal"] == "*" or caller.account in statement["Principal"]["AWS"])
        and all(
            _is_met(operator, keys.get(key, []), wanted)
            for operator, conditions in statement.get("Condition", {}).items()
            for key, wanted in conditions.items()
        )
    ]
    return max(effects, default="")  # Deny before Allow


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html: a negated operator
# is true, and ForAllValues as well, for a key that the request has not.
def _is_met(operator: str, values: list[str], wanted: str) -> bool:
    match operator:
        case "ForAnyValue:StringEquals" | "Bool":
            return wanted in values
        case "ForAllValues:StringEquals":
            return set(values) <= {wanted}
        case "Null":
            return (not values) == (wanted == "true")
        case "ArnNotEquals":
            return wanted not in values
    raise AssertionError(f"{operator} is not read here")


def statements(policy: dict[str, Any]) -> set[tuple[str, str]]:
    return {(statement["Action"], statement["Resource"]) for statement in policy["Statement"]}


def policies_of(deployed: Stack) -> list[dict[str, Any]]:
    """Of the bus and of the API."""
    bus, api = deployed.properties("LinkBus"), deployed.properties("Api")
    return [bus["Policy"], api["Body"]["x-amazon-apigateway-policy"]]


@pytest.mark.parametrize(("caller", "entries", "expected"), PUTS.values(), ids=PUTS)
def test_the_bus_refuses_forged_outcomes_and_takes_links_of_the_given_accounts(caller, entries, expected):
    policy, _ = policies_of(FULL)
    keys = {"events:source": [source for source, _ in entries], "events:detail-type": [kind for _, kind in entries]}
    if caller.role:
        keys["aws:PrincipalArn"] = [caller.role]

    assert effect(policy, caller, keys) == expected
    assert statements(policy) == {("events:PutEvents", BUS)}


@pytest.mark.parametrize(
    ("deployed", "caller", "over_tls", "expected"),
    [
        (FULL, A_SENDER, "true", "Allow"),
        (FULL, NO_SENDER, "true", ""),
        (FULL, ONE_OF_THIS_ACCOUNT, "true", ""),  # their own policies are enough
        (FULL, A_SENDER, "false", "Deny"),
        (DEFAULT, A_SENDER, "true", ""),
        (DEFAULT, ONE_OF_THIS_ACCOUNT, "true", ""),
    ],
)
def test_the_api_takes_calls_of_the_given_accounts(deployed, caller, over_tls, expected):
    _, policy = policies_of(deployed)

    assert effect(policy, caller, {"aws:SecureTransport": [over_tls]}) == expected
    assert statements(policy) == {("execute-api:Invoke", "execute-api:/*")}


def test_without_accounts_no_policy_allows_anything():
    for policy in policies_of(DEFAULT):
        assert {statement["Effect"] for statement in policy["Statement"]} == {"Deny"}


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html and
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
def test_aws_takes_the_policies_with_as_many_accounts_as_the_parameter_does():
    for policy, longest in zip(policies_of(stack(SenderAccounts=",".join([HERE] * 100))), (10_240, 8_192), strict=True):
        assert len(json.dumps(policy)) + 100 * len("arn:aws-us-gov:iam:::root") <= longest  # as AWS writes each account


# The bus names the role, so that the role must not wait for the bus.
def test_the_bus_is_made_after_the_role_that_may_publish():
    assert "LinkWatchRole" in created_before("LinkBus")
    assert "LinkBus" not in created_before("LinkWatchRole")
