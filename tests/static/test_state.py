"""What keeps data: the table with its indexes, the bus and the secret; and the outputs, by which others find them."""

from tests.static.template import CLOUDFORMATION, DEFAULT, FULL

TABLE = {
    "DeletionProtectionEnabled": "false",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "verificationId", "AttributeType": "S"},
        {"AttributeName": "openVerifications", "AttributeType": "S"},
        {"AttributeName": "correlationId", "AttributeType": "S"},
        {"AttributeName": "linkSentAt", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "verificationId", "KeyType": "HASH"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "openVerifications",
            "KeySchema": [{"AttributeName": "openVerifications", "KeyType": "HASH"}],
            "Projection": {
                "ProjectionType": "INCLUDE",
                "NonKeyAttributes": ["executionName", "takeovers", "takeoverLimit", "startedAt"],
            },
        },
        {
            "IndexName": "correlationId",
            "KeySchema": [
                {"AttributeName": "correlationId", "KeyType": "HASH"},
                {"AttributeName": "linkSentAt", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
    ],
    "TimeToLiveSpecification": {"AttributeName": "expiresAt", "Enabled": True},
    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"},
}
OUTPUTS = {
    "ApiUrl": "https://${Api}.execute-api.us-east-1.amazonaws.com/v1",
    "StateMachineArn": "${LinkWatch}",
    "BusName": "${LinkBus}",
    "TableName": "${Verifications}",
    "SignzyTokenArn": "${SignzyToken.Id}",
    "BusArn": "${LinkBus.Arn}",
    "TableArn": "${Verifications.Arn}",
    "ApiId": "${Api}",
    "ApiStageArn": "arn:aws:apigateway:us-east-1::/restapis/${Api}/stages/v1",
    **{
        f"{function}Name": f"${{{function}}}"
        for function in ("VerificationsApi", "InstantLinkSent", "CheckLink", "RecoverUnfinished", "MeasureOutcomes")
    },
}


def test_the_table_and_the_bus_are_what_is_written_here():
    assert DEFAULT.properties("Verifications") == TABLE
    assert DEFAULT.properties("LinkBus").keys() == {"Name", "Policy"}
    assert DEFAULT.properties("LinkBus")["Name"] == "linkwatch-links"


def test_the_outputs_are_those_of_the_contract():
    assert DEFAULT.outputs == OUTPUTS


# CloudFormation may write a value that is in the template again whenever another property changes.
def test_a_deployment_never_overwrites_the_token():
    assert DEFAULT.properties("SignzyToken").keys() == {"Description"}
    assert FULL.properties("SignzyToken").keys() == {"Description", "KmsKeyId"}


def test_outcomes_and_the_accounts_role_outlive_the_stack_and_nothing_else_does():
    resources = CLOUDFORMATION["Resources"]
    kept = {name for name, resource in resources.items() if resource.get("DeletionPolicy") == "Retain"}

    assert kept == {"Verifications", "ApiAccount", "ApiAccessLogWriter"}
    assert {name for name in resources if resources[name].get("UpdateReplacePolicy") == "Retain"} == kept
