"""The API as API Gateway gets it: each method with its authorization, its limits, its logs and its own errors."""

import json

import pytest

from tests.static.template import DEFAULT, FULL, created_before, stack

#: Every method is signed, and API Gateway calls the function with no role of the caller's.
METHOD = {
    "security": [{"AWS_IAM": []}],
    "responses": {},
    "x-amazon-apigateway-integration": {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${VerificationsApiAliaslive}/invocations",
    },
}
START = METHOD | {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/startverification"}}},
    },
    "x-amazon-apigateway-request-validator": "body-only",
}
SIGNED = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "x-amazon-apigateway-authtype": "awsSigv4",
}
ERROR = '{"error":{"code":"$context.error.responseType","message":$context.error.messageString}}'


def test_the_methods_are_signed_and_take_objects_and_the_gateways_errors_look_as_ours():
    body = DEFAULT.properties("Api")["Body"]

    assert {key: body[key] for key in body.keys() - {"openapi", "info", "x-amazon-apigateway-policy"}} == {
        "paths": {
            "/verifications": {"post": START, "get": METHOD},
            "/verifications/{verificationId}": {"get": METHOD, "delete": METHOD},
        },
        "components": {
            "securitySchemes": {"AWS_IAM": SIGNED},
            "schemas": {"startverification": {"type": "object", "maxProperties": 20}},
        },
        "x-amazon-apigateway-request-validators": {
            "body-only": {"validateRequestBody": True, "validateRequestParameters": False}
        },
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html: DEFAULT_5XX
        # with a status code is for all 5xx that have no response of their own.
        "x-amazon-apigateway-gateway-responses": {
            "DEFAULT_4XX": {"responseParameters": {}, "responseTemplates": {"application/json": ERROR}},
            "DEFAULT_5XX": {
                "responseParameters": {"gatewayresponse.header.Retry-After": "'1'"},
                "responseTemplates": {"application/json": ERROR},
                "statusCode": "503",
            },
        },
    }


def test_the_stage_is_limited_and_logs_no_bodies():
    stage = stack(ApiRequestsPerSecond="7", ApiBurst="8").properties("Apiv1Stage")

    assert {key: value for key, value in stage.items() if key != "DeploymentId"} == {
        "RestApiId": "${Api}",
        "StageName": "v1",
        "TracingEnabled": "true",
        "MethodSettings": [
            {
                "HttpMethod": "*",
                "ResourcePath": "/*",
                "ThrottlingRateLimit": "7",
                "ThrottlingBurstLimit": "8",
                "MetricsEnabled": False,
            }
        ],
    }
    assert DEFAULT.properties("Api")["EndpointConfiguration"] == {"Types": ["REGIONAL"]}


@pytest.mark.parametrize("role", ["existing", "create"])
def test_an_access_log_line_is_json_and_says_who_called_what(role):
    log = stack(ApiAccessLogRole=role).properties("Apiv1Stage")["AccessLogSetting"]

    assert log["DestinationArn"] == "${ApiLogs.Arn}"
    assert json.loads(log["Format"]) == {
        "requestId": "$context.requestId",
        "time": "$context.requestTime",
        "method": "$context.httpMethod",
        "resource": "$context.resourcePath",
        "status": "$context.status",
        "caller": "$context.identity.userArn",
        "error": "$context.error.responseType",
        "durationMs": "$context.responseLatency",
    }


# https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
def test_the_stage_waits_for_the_accounts_role_and_for_the_log_group():
    assert created_before("Apiv1Stage") >= {"ApiAccount", "ApiAccessLogWriter", "ApiLogs"}
    assert FULL.properties("ApiAccount") == {"CloudWatchRoleArn": "${ApiAccessLogWriter.Arn}"}
