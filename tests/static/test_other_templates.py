"""The simulator's and the examples' templates: what their roles may do, and which outcomes go where."""

import pytest

from tests.static.template import BOUNDARY, KEY, PSEUDO, Stack, allow, created_before, role_for, translated

#: Each template is deployed here. The other account is the consumer's for forward.yaml, and linkwatch's for what acts there.
HERE, OTHER = PSEUDO["AWS::AccountId"], "444444444444"
FORWARD_ROLE = f"arn:aws:iam::{OTHER}:role/team/forward"
CONSUMER_BUS = f"arn:aws:events:us-east-1:{OTHER}:event-bus/consumer-outcomes"
LINKWATCH = {"BusName": "links", "TableName": "verifications", "KmsKeyArn": KEY}
PARAMETERS = {
    "simulator/template.yaml": {},
    "examples/consumer/template.yaml": LINKWATCH,
    "examples/webhook/template.yaml": LINKWATCH,
    "examples/consumer_account/template.yaml": {"ForwardRoleArn": FORWARD_ROLE, "ApiId": "api1"},
    "examples/consumer_account/forward.yaml": {"BusName": "links", "ConsumerBusArn": CONSUMER_BUS},
}
SIMULATOR, CONSUMER, WEBHOOK, CONSUMER_ACCOUNT, FORWARD = PARAMETERS
TEMPLATES = {path: translated(path) for path in PARAMETERS}
STACKS = {
    path: Stack(template, RolePath="/team/linkwatch/", PermissionsBoundaryArn=BOUNDARY, **PARAMETERS[path])
    for path, template in TEMPLATES.items()
}

#: A table with a key of its own is read with the reader's right to use that key, on the reader's behalf.
READS_THE_TABLE = (
    allow("dynamodb:GetItem", f"arn:aws:dynamodb:us-east-1:{HERE}:table/verifications"),
    allow("kms:Decrypt", KEY, {"StringEquals": {"kms:ViaService": "dynamodb.us-east-1.amazonaws.com"}}),
)
ASKS_THE_API = allow("execute-api:Invoke", f"arn:aws:execute-api:us-east-1:{OTHER}:api1/v1/GET/verifications/*")
TAKES_MESSAGES = "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes sqs:ChangeMessageVisibility"
LOGS = "logs:CreateLogStream logs:PutLogEvents"
DECIDES = (
    allow("dynamodb:UpdateItem", "${Decisions.Arn}"),
    allow("sqs:SendMessage", "${OutcomesNotHandled.Arn}"),
    allow(LOGS, "${ActOnOutcomeLogs.Arn}"),
)
ROLES = {
    SIMULATOR: role_for(
        "lambda",
        "Simulator",
        allow("secretsmanager:GetSecretValue", "${SimulatorToken.Id}"),
        allow(LOGS, "${SimulatorLogs.Arn}"),
    ),
    CONSUMER: role_for("lambda", "ActOnOutcome", *READS_THE_TABLE, *DECIDES),
    CONSUMER_ACCOUNT: role_for("lambda", "ActOnOutcome", ASKS_THE_API, *DECIDES),
    FORWARD: role_for("events", "Forward", allow("events:PutEvents", CONSUMER_BUS)),
    WEBHOOK: role_for(
        "lambda",
        "DeliverOutcome",
        allow(TAKES_MESSAGES, "${Outcomes.Arn}"),
        *READS_THE_TABLE,
        allow("secretsmanager:GetSecretValue", "${WebhookSecret.Id}"),
        allow(LOGS, "${DeliverOutcomeLogs.Arn}"),
    ),
}
#: The bus and the account whose outcomes a rule takes, where they go, and where those go that it cannot deliver.
RULES = {
    CONSUMER: ("links", HERE, "${ActOnOutcome.Arn}", "${OutcomesNotHandled.Arn}"),
    CONSUMER_ACCOUNT: ("${OutcomesBus}", OTHER, "${ActOnOutcome.Arn}", "${OutcomesNotHandled.Arn}"),
    FORWARD: ("links", HERE, CONSUMER_BUS, "${OutcomesNotForwarded.Arn}"),
    WEBHOOK: ("links", HERE, "${Outcomes.Arn}", "${OutcomesNotDelivered.Arn}"),
}
PERMISSIONS = {"AWS::Lambda::Permission", "AWS::SQS::QueuePolicy"}


@pytest.mark.parametrize("path", ROLES)
def test_a_role_may_do_what_the_table_says_and_takes_path_and_boundary(path):
    [role] = STACKS[path].of_type("AWS::IAM::Role").values()

    assert {name: role[name] for name in ROLES[path]} == ROLES[path]


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html: a forwarded event names the account that it
# comes from. EventBridge does not retry what it has no permission for, so a rule is made after its permissions.
@pytest.mark.parametrize("path", RULES)
def test_a_rule_takes_outcomes_of_linkwatchs_account_and_alone_has_the_permissions_to_deliver_them(path):
    bus, account, target, dead_letters = RULES[path]
    [(name, rule)] = STACKS[path].of_type("AWS::Events::Rule").items()
    arn = f"arn:aws:events:us-east-1:{HERE}:rule/{bus}/{rule['Name']}"
    permissions = {name for name, resource in TEMPLATES[path]["Resources"].items() if resource["Type"] in PERMISSIONS}
    [queue_policy] = STACKS[path].of_type("AWS::SQS::QueuePolicy").values()
    [statement] = queue_policy["PolicyDocument"]["Statement"]

    assert rule["EventBusName"] == bus
    assert rule["EventPattern"] == {
        "account": [account],
        "source": ["linkwatch"],
        "detail-type": ["VerificationSettled"],
    }
    assert [(each["Arn"], each["DeadLetterConfig"]["Arn"]) for each in rule["Targets"]] == [(target, dead_letters)]
    assert created_before(name, TEMPLATES[path]) >= permissions
    assert dead_letters in statement["Resource"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": arn}}
    for permission in STACKS[path].of_type("AWS::Lambda::Permission").values():
        assert (permission["Principal"], permission["SourceArn"]) == ("events.amazonaws.com", arn)


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
def test_the_consumers_bus_takes_outcomes_from_the_forwarding_role_alone():
    bus = STACKS[CONSUMER_ACCOUNT].properties("OutcomesBus")

    [statement] = bus["Policy"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Allow", {"AWS": OTHER})
    assert statement["Action"] == "events:PutEvents"
    assert statement["Resource"] == f"arn:aws:events:us-east-1:{HERE}:event-bus/{bus['Name']}"
    assert statement["Condition"] == {
        "ArnEquals": {"aws:PrincipalArn": FORWARD_ROLE},
        "ForAllValues:StringEquals": {"events:source": "linkwatch", "events:detail-type": "VerificationSettled"},
        "Null": {"events:source": "false", "events:detail-type": "false"},
    }
    assert STACKS[FORWARD].properties("ForwardRole")["RoleName"] == PSEUDO["AWS::StackName"]  # as the README names it


# https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html: both permissions, since October 2025.
def test_the_simulator_may_be_called_by_its_url_only_and_answers_few_at_once():
    permissions = STACKS[SIMULATOR].of_type("AWS::Lambda::Permission").values()

    assert {(p["Action"], p.get("FunctionUrlAuthType"), p.get("InvokedViaFunctionUrl")) for p in permissions} == {
        ("lambda:InvokeFunctionUrl", "NONE", None),
        ("lambda:InvokeFunction", None, True),
    }
    assert STACKS[SIMULATOR].properties("Simulator")["ReservedConcurrentExecutions"] == "5"


def test_a_deployment_never_overwrites_the_webhooks_secret():
    assert not STACKS[WEBHOOK].properties("WebhookSecret").keys() & {"SecretString", "GenerateSecretString"}
