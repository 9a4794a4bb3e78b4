"""What a check is usually built of: Powertools' Logger, Metrics, Tracer, parser and parameters, and boto3."""

import os

import urllib3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.parser import BaseModel, event_parser

logger, metrics, tracer = Logger(), Metrics(namespace="usual"), Tracer()
http = urllib3.PoolManager()


class Check(BaseModel):
    """The event."""

    requestId: str
    sessionId: str


class Result(BaseModel):
    """As much of Signzy's result as is used."""

    message: str | None = None
    linkClicked: bool | None = None


class Body(BaseModel):
    """Signzy's answer."""

    result: Result


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler
@event_parser(model=Check)
def handler(event: Check, _context):
    """The event in, Signzy's answer out."""
    token = parameters.get_secret(os.environ["SIGNZY_TOKEN_ARN"], transform="json", max_age=300)["token"]
    url = f"{os.environ['SIGNZY_BASE_URL']}/poll-check-verify/request/{event.requestId}/session/{event.sessionId}"
    response = http.request("GET", url, headers={"Content-Type": "application/json", "Authorization": token})
    body = Body.model_validate_json(response.data)
    metrics.add_metric("Checks", MetricUnit.Count, 1)
    logger.info("Looked", clicked=body.result.linkClicked)
    return body.model_dump()
