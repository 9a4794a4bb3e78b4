"""What every role may do, as a table: template.yaml is checked against it, and docs/security.md is written from it."""

import json
from typing import Any, NamedTuple

from tests.static.template import KEY, SECRET


class Role(NamedTuple):
    """trusted: the service that may take the role. allowed: actions, resources and condition (JSON, or empty) of each statement.
    only_here: whether the role may be taken for this account only.
    """

    trusted: str
    allowed: list[tuple[str, str, str]]
    only_here: bool = False


EXECUTIONS = "arn:aws:states:us-east-1:123456789012:execution:${LinkWatch.Name}:*"
_TABLE = "${Verifications.Arn}"
#: X-Ray has no resources.
TRACES = ("xray:PutTraceSegments, xray:PutTelemetryRecords", "*", "")


def _of(service: str, actions: str) -> str:
    """The actions, which are names with spaces between them, of a service."""
    return ", ".join(f"{service}:{action}" for action in actions.split())


def _logs(function: str) -> tuple[str, str, str]:
    return (_of("logs", "CreateLogStream PutLogEvents"), f"${{{function}Logs.Arn}}", "")


def _key(*services: str, actions: str = "kms:Decrypt, kms:GenerateDataKey") -> tuple[str, str, str]:
    via = [f"{service}.us-east-1.amazonaws.com" for service in services]
    condition = {"StringEquals": {"kms:ViaService": via if len(via) > 1 else via[0]}}
    return (actions, KEY, json.dumps(condition))


def _key_in_context(name: str, arn: str, actions: str = "kms:Decrypt, kms:GenerateDataKey") -> tuple[str, str, str]:
    """For a service that takes the role and names in the encryption context what it encrypts."""
    return (actions, KEY, json.dumps({"StringLike": {f"kms:EncryptionContext:{name}": arn}}))


ONLY_OUTCOMES = {
    "ForAllValues:StringEquals": {"events:source": "linkwatch", "events:detail-type": "VerificationSettled"},
    "Null": {"events:source": "false", "events:detail-type": "false"},
}
ONLY_THE_SECRET = {
    "StringEquals": {
        "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com",
        "kms:EncryptionContext:SecretARN": SECRET,
    }
}

#: With a customer managed key, and a secret of the customer's.
ROLES = {
    "ApiAccessLogWriter": Role(
        "apigateway.amazonaws.com",
        [
            (
                _of(
                    "logs",
                    "CreateLogGroup CreateLogStream DescribeLogGroups DescribeLogStreams "
                    "PutLogEvents GetLogEvents FilterLogEvents",
                ),
                "*",
                "",
            )
        ],
    ),
    "VerificationsApiRole": Role(
        "lambda.amazonaws.com",
        [
            ("states:StartExecution", "${LinkWatch}", ""),
            ("states:StopExecution", EXECUTIONS, ""),
            (_of("dynamodb", "BatchGetItem GetItem PutItem UpdateItem"), _TABLE, ""),
            ("dynamodb:Query", f"{_TABLE}/index/correlationId", ""),
            _logs("VerificationsApi"),
            TRACES,
            _key("dynamodb", "states"),
        ],
    ),
    "InstantLinkSentRole": Role(
        "lambda.amazonaws.com",
        [
            ("states:StartExecution", "${LinkWatch}", ""),
            ("dynamodb:PutItem", _TABLE, ""),
            (
                _of("sqs", "ReceiveMessage DeleteMessage GetQueueAttributes ChangeMessageVisibility"),
                "${InstantLinkSentQueue.Arn}",
                "",
            ),
            ("sqs:SendMessage", "${InstantLinkSentDeadLetters.Arn}", ""),
            _logs("InstantLinkSent"),
            TRACES,
            _key("dynamodb", "sqs", "states"),
        ],
    ),
    "LinkWatchRole": Role(
        "states.amazonaws.com",
        [
            ("dynamodb:GetItem, dynamodb:UpdateItem", _TABLE, ""),
            ("lambda:InvokeFunction", "${CheckLinkAliaslive}", ""),
            (
                "events:PutEvents",
                "arn:aws:events:us-east-1:123456789012:event-bus/linkwatch-links",
                json.dumps(ONLY_OUTCOMES),
            ),
            (  # log delivery has no resources
                _of(
                    "logs",
                    "CreateLogDelivery GetLogDelivery UpdateLogDelivery DeleteLogDelivery "
                    "ListLogDeliveries PutResourcePolicy DescribeResourcePolicies DescribeLogGroups",
                ),
                "*",
                "",
            ),
            (f"{TRACES[0]}, xray:GetSamplingRules, xray:GetSamplingTargets", "*", ""),
            _key("dynamodb"),
            _key_in_context("aws:states:stateMachineArn", "arn:aws:states:us-east-1:123456789012:stateMachine:*"),
            _key_in_context("SourceArn", "arn:aws:logs:us-east-1:123456789012:*", "kms:GenerateDataKey"),
        ],
        only_here=True,
    ),
    "CheckLinkRole": Role(
        "lambda.amazonaws.com",
        [
            ("secretsmanager:GetSecretValue", SECRET, ""),
            _logs("CheckLink"),
            TRACES,
            ("kms:Decrypt", "arn:aws:kms:us-east-1:*:key/*", json.dumps(ONLY_THE_SECRET)),  # whichever key it has
        ],
    ),
    "RecoverUnfinishedRole": Role(
        "lambda.amazonaws.com",
        [
            ("states:StartExecution, states:ListExecutions", "${LinkWatch}", ""),
            ("states:DescribeExecution", EXECUTIONS, ""),
            ("dynamodb:GetItem, dynamodb:UpdateItem", _TABLE, ""),
            ("dynamodb:Scan", f"{_TABLE}/index/openVerifications", ""),
            _logs("RecoverUnfinished"),
            TRACES,
            _key("dynamodb", "states"),
        ],
    ),
    "SchedulerRole": Role(
        "scheduler.amazonaws.com",
        [
            ("lambda:InvokeFunction", "${RecoverUnfinishedAliaslive}, ${CheckLinkAliaslive}", ""),
            _key_in_context(
                "aws:scheduler:schedule:arn",
                "arn:aws:scheduler:us-east-1:123456789012:schedule/*/linkwatch-*",
                "kms:Decrypt",
            ),
        ],
        only_here=True,
    ),
    "MeasureOutcomesRole": Role("lambda.amazonaws.com", [_logs("MeasureOutcomes"), TRACES]),
}


#: The role of CheckLink with the stack's own secret.
OWN_TOKEN: list[tuple[str, str, str]] = [
    ("secretsmanager:GetSecretValue", "${SignzyToken.Id}", ""),
    _logs("CheckLink"),
    TRACES,
    _key("secretsmanager", actions="kms:Decrypt"),
]


def role_of(properties: dict[str, Any]) -> Role:
    """Returns a role as a row of the table. Raises KeyError, ValueError for what no role of ours has (Deny, NotAction)."""
    [trust] = properties["AssumeRolePolicyDocument"]["Statement"]
    [policy] = properties["Policies"]
    assert trust["Effect"] == "Allow"
    assert trust["Action"] == "sts:AssumeRole"
    assert list(trust["Principal"]) == ["Service"]
    here = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert trust.get("Condition") in (None, here)
    return Role(
        trusted=trust["Principal"]["Service"],
        allowed=[_statement(statement) for statement in policy["PolicyDocument"]["Statement"]],
        only_here="Condition" in trust,
    )


def _statement(statement: dict[str, Any]) -> tuple[str, str, str]:
    assert statement["Effect"] == "Allow"
    assert statement.keys() <= {"Effect", "Action", "Resource", "Condition"}
    condition = json.dumps(statement["Condition"]) if "Condition" in statement else ""
    return _listed(statement["Action"]), _listed(statement["Resource"]), condition


def _listed(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(value)
