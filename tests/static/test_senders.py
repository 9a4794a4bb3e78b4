"""Who may put which events on the bus and call the API: the two resource policies, evaluated."""

import json
from typing import Any

import pytest

from tests.static.template import DEFAULT, FULL, SENDERS, Stack, created_before

HERE, SENDER, STRANGER = "123456789012", SENDERS.split(",")[0], "333333333333"
STATE_MACHINE = "${LinkWatchRole.Arn}"
A_ROLE = "arn:aws:iam::123456789012:role/some"
LINK, OUTCOME, CANARY = "InstantLinkSent", "VerificationSettled", "Canary"
#: The caller's account and role (AWS services have none), source and detail-type of each entry of one request, and what the
#: bus's policy says: nothing leaves it to the caller's own policies.
PUTS = {
    "the outcome": (HERE, STATE_MACHINE, [("linkwatch", OUTCOME)], ""),
    "a link": (HERE, A_ROLE, [("onboarding", LINK)], ""),
    "another event": (HERE, A_ROLE, [("onboarding", CANARY)], ""),
    "a forged outcome of another source among links": (HERE, A_ROLE, [("a", LINK), ("a", OUTCOME)], "Deny"),
    "an event in the name of linkwatch among links": (HERE, A_ROLE, [("a", LINK), ("linkwatch", CANARY)], "Deny"),
    "a forged outcome by a service": (HERE, None, [("linkwatch", OUTCOME)], "Deny"),
    "a sender's links": (SENDER, A_ROLE, [("onboarding", LINK), ("cards", LINK)], "Allow"),
    "a sender's other event among links": (SENDER, A_ROLE, [("onboarding", LINK), ("onboarding", CANARY)], ""),
    "a sender's link in the name of linkwatch": (SENDER, A_ROLE, [("linkwatch", LINK)], "Deny"),
    "a sender's event without a type": (SENDER, A_ROLE, [], ""),
    "a stranger's link": (STRANGER, A_ROLE, [("onboarding", LINK)], ""),
}


def effect(policy: dict[str, Any], account: str, keys: dict[str, list[str]]) -> str:
    """What a resource policy says of a call with these condition keys: Deny, Allow or nothing."""
    effects = [
        statement["Effect"]
        for statement in policy["Statement"]
        if (statement["Principal"] == "*" or account in statement["Principal"]["AWS"])
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
    return {
        "ForAnyValue:StringEquals": wanted in values,
        "Bool": wanted in values,
        "ForAllValues:StringEquals": set(values) <= {wanted},
        "Null": (not values) == (wanted == "true"),
        "ArnNotEquals": wanted not in values,
    }[operator]


def policies_of(deployed: Stack) -> dict[tuple[str, str], dict[str, Any]]:
    """The policies of the bus and of the API, by the action and the resource of all of their statements."""
    policies = [
        deployed.properties("LinkBus")["Policy"],
        deployed.properties("Api")["Body"]["x-amazon-apigateway-policy"],
    ]
    return {(it["Action"], it["Resource"]): policy for policy in policies for it in policy["Statement"]}


BUS = ("events:PutEvents", "arn:aws:events:us-east-1:123456789012:event-bus/linkwatch-links")
API = ("execute-api:Invoke", "execute-api:/*")


@pytest.mark.parametrize(("account", "role", "entries", "expected"), PUTS.values(), ids=PUTS)
def test_the_bus_refuses_forged_outcomes_and_takes_links_of_the_given_accounts(account, role, entries, expected):
    keys = {"events:source": [source for source, _ in entries], "events:detail-type": [kind for _, kind in entries]}
    keys["aws:PrincipalArn"] = [role] if role else []

    assert effect(policies_of(FULL)[BUS], account, keys) == expected


@pytest.mark.parametrize(
    ("deployed", "account", "over_tls", "expected"),
    [
        (FULL, SENDER, "true", "Allow"),
        (FULL, STRANGER, "true", ""),
        (FULL, HERE, "true", ""),  # their own policies are enough
        (FULL, SENDER, "false", "Deny"),
        (DEFAULT, SENDER, "true", ""),
    ],
)
def test_the_api_takes_calls_of_the_given_accounts(deployed, account, over_tls, expected):
    assert effect(policies_of(deployed)[API], account, {"aws:SecureTransport": [over_tls]}) == expected


def test_the_policies_are_about_the_bus_and_the_api_and_without_accounts_allow_nothing():
    assert policies_of(FULL).keys() == {BUS, API}
    assert "Allow" not in json.dumps([*policies_of(DEFAULT).values()])


# The bus names the role, so that the role must not wait for the bus.
def test_the_bus_is_made_after_the_role_that_may_publish():
    assert "LinkWatchRole" in created_before("LinkBus")
    assert "LinkBus" not in created_before("LinkWatchRole")
