"""The API as API Gateway gets it: each method with its authorization, its limits, its logs and its own errors."""

import json
from typing import Any

import pytest

from tests.static.template import DEFAULT, FULL, created_before, stack

API: dict[str, Any] = DEFAULT.properties("Api")
BODY: dict[str, Any] = API["Body"]
#: Every method is signed, and API Gateway calls the function with no role of the caller's.
_METHOD = {
    "security": [{"AWS_IAM": []}],
    "responses": {},
    "x-amazon-apigateway-integration": {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${VerificationsApiAliaslive}/invocations",
    },
}
_START = _METHOD | {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/startverification"}}},
    },
    "x-amazon-apigateway-request-validator": "body-only",
}
METHODS = {
    ("POST", "/verifications"): _START,
    ("GET", "/verifications"): _METHOD,
    ("GET", "/verifications/{verificationId}"): _METHOD,
    ("DELETE", "/verifications/{verificationId}"): _METHOD,
}


def test_the_methods_are_those_of_the_table_and_all_are_signed():
    found = {
        (method.upper(), path): operation
        for path, methods in BODY["paths"].items()
        for method, operation in methods.items()
    }

    assert found == METHODS
    assert BODY["components"] == {
        "securitySchemes": {
            "AWS_IAM": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "awsSigv4",
            }
        },
        "schemas": {"startverification": {"type": "object", "maxProperties": 20}},
    }
    assert BODY["x-amazon-apigateway-request-validators"] == {
        "body-only": {"validateRequestBody": True, "validateRequestParameters": False}
    }


def test_the_api_is_regional():
    assert API["EndpointConfiguration"] == {"Types": ["REGIONAL"]}


def test_the_stage_is_limited_and_logs_no_bodies():
    [stage] = stack(ApiRequestsPerSecond="7", ApiBurst="8").of_type("AWS::ApiGateway::Stage").values()

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


# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html: DEFAULT_5XX with
# a status code is for all 5xx that have no response of their own.
@pytest.mark.parametrize(
    ("kind", "status", "headers"),
    [("DEFAULT_4XX", None, {}), ("DEFAULT_5XX", "503", {"gatewayresponse.header.Retry-After": "'1'"})],
)
def test_what_api_gateway_answers_by_itself_has_the_shape_of_our_errors(kind, status, headers):
    response = BODY["x-amazon-apigateway-gateway-responses"][kind]
    [(media_type, template)] = response["responseTemplates"].items()
    filled = template.replace("$context.error.responseType", "THROTTLED")

    assert media_type == "application/json"
    assert json.loads(filled.replace("$context.error.messageString", '"Rate exceeded"')) == {
        "error": {"code": "THROTTLED", "message": "Rate exceeded"}
    }
    assert response.get("statusCode") == status
    assert response["responseParameters"] == headers


# ── Access logs ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("role", "is_logged", "resources"),
    [("none", False, set()), ("existing", True, set()), ("create", True, {"ApiAccount", "ApiAccessLogWriter"})],
)
def test_access_logs_are_written_and_their_role_is_made_where_it_is_asked_for(role, is_logged, resources):
    with_role = stack(ApiAccessLogRole=role)
    [stage] = with_role.of_type("AWS::ApiGateway::Stage").values()

    assert ("AccessLogSetting" in stage) == is_logged
    assert {"ApiAccount", "ApiAccessLogWriter"} & with_role.resources.keys() == resources


def test_an_access_log_line_is_json_and_says_who_called_what():
    [stage] = FULL.of_type("AWS::ApiGateway::Stage").values()
    line = json.loads(stage["AccessLogSetting"]["Format"])

    assert stage["AccessLogSetting"]["DestinationArn"] == "${ApiLogs.Arn}"
    assert line == {
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
    [name] = DEFAULT.of_type("AWS::ApiGateway::Stage")

    assert created_before(name) >= {"ApiAccount", "ApiAccessLogWriter", "ApiLogs"}
