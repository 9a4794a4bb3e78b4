"""What every alarm means, as a table: template.yaml is checked against it, and the runbook is written from it.

AWS's metrics and their dimensions, as it names them:
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html (REST APIs)
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
"""

from typing import Any, NamedTuple


class Alarm(NamedTuple):
    """severity: page (wakes somebody) or ticket (can wait). metric: namespace and name. dimensions: all of them, since
    CloudWatch finds a metric by all of its dimensions or not at all. goes_off: statistic and threshold. over: data points of
    periods, and the period's seconds. missing: what minutes without data mean.
    """

    severity: str
    metric: str
    dimensions: dict[str, str]
    goes_off: str
    over: str = "1 of 1 x 60 s"
    missing: str = "notBreaching"


_STACK = {"service": "linkwatch"}
_MACHINE = {"StateMachineArn": "${LinkWatch}"}
_FUNCTIONS = ("VerificationsApi", "InstantLinkSent", "CheckLink", "RecoverUnfinished", "MeasureOutcomes")

#: By logical id, with the default parameters, in the order in which the dashboard shows them.
ALARMS = {
    "SettledLate": Alarm("page", "linkwatch/Lateness", _STACK, "Maximum > 30"),
    "OpenPastDeadline": Alarm("page", "linkwatch/OpenPastDeadline", _STACK, "Sum > 0", "3 of 3 x 60 s"),
    "SweepMissing": Alarm(
        "page", "linkwatch/OpenPastDeadline", _STACK, "SampleCount < 1", "5 of 5 x 60 s", missing="breaching"
    ),
    "TakeoversRepeated": Alarm("ticket", "linkwatch/TakeoversRepeated", _STACK, "Sum > 0"),
    "TakeoversExhausted": Alarm("page", "linkwatch/TakeoversExhausted", _STACK, "Sum > 0"),
    "ExecutionsFailed": Alarm("ticket", "AWS/States/ExecutionsFailed", _MACHINE, "Sum > 0"),
    "ExecutionsTimedOut": Alarm("ticket", "AWS/States/ExecutionsTimedOut", _MACHINE, "Sum > 0"),
    "ExecutionThrottled": Alarm("page", "AWS/States/ExecutionThrottled", _MACHINE, "Sum > 0", "5 of 5 x 60 s"),
    "UnavailableChecks": Alarm("page", "linkwatch/UnavailableChecks", _STACK, "Average > 50", "1 of 1 x 300 s"),
    "UnknownOutcomes": Alarm("page", "linkwatch/UnknownOutcomes", _STACK, "Average > 10", "1 of 1 x 300 s"),
    "RejectedOutcomes": Alarm("ticket", "linkwatch/RejectedOutcomes", _STACK, "Average > 10", "1 of 1 x 300 s"),
    "CredentialsRefused": Alarm(
        "page",
        "linkwatch/ChecksWithReason",
        _STACK | {"reason": "CREDENTIALS_REFUSED"},
        "Sum > 0",
        "2 of 2 x 60 s",
    ),
    "ProbeFailing": Alarm("page", "linkwatch/ProbesAnswered", _STACK, "Sum < 1", "2 of 2 x 300 s"),
    "StartsUnusuallyMany": Alarm("page", "linkwatch/Starts", _STACK, "Sum > 1000"),
    "StartsDeferred": Alarm("page", "linkwatch/StartsDeferred", _STACK, "Sum > 0", "3 of 3 x 60 s"),
    "ApiFailing": Alarm("page", "AWS/ApiGateway/5XXError", {"ApiName": "linkwatch"}, "Sum > 5", "1 of 1 x 300 s"),
    "EventsReturned": Alarm("page", "linkwatch/EventsReturned", _STACK, "Sum > 0", "3 of 5 x 60 s"),
    "EventsMalformed": Alarm("page", "linkwatch/EventsMalformed", _STACK, "Sum > 0"),
    "InstantLinkSentDelayed": Alarm(
        "page",
        "AWS/SQS/ApproximateAgeOfOldestMessage",
        {"QueueName": "${InstantLinkSentQueue.QueueName}"},
        "Maximum > 120",
    ),
    "InstantLinkSentNotHandled": Alarm(
        "ticket",
        "AWS/SQS/ApproximateNumberOfMessagesVisible",
        {"QueueName": "${InstantLinkSentDeadLetters.QueueName}"},
        "Maximum > 0",
        missing="ignore",
    ),
    "StartEventsLost": Alarm(
        "page",
        "AWS/Events/InvocationsFailedToBeSentToDlq",
        {"EventBusName": "${LinkBus}", "RuleName": "linkwatch-InstantLinkSent"},
        "Sum > 0",
    ),
    **{
        f"{function}{metric}": Alarm(
            "page" if metric == "Throttles" and function != "MeasureOutcomes" else "ticket",
            f"AWS/Lambda/{metric}",
            {"FunctionName": f"${{{function}}}"},
            "Sum > 0",
        )
        for function in _FUNCTIONS
        for metric in ("Errors", "Throttles")
    },
}

_COMPARISONS = {"GreaterThanThreshold": ">", "LessThanThreshold": "<"}


def alarm_of(properties: dict[str, Any]) -> Alarm:
    """Returns an alarm as a row of the table. Raises KeyError for a comparison that no alarm of ours makes."""
    periods = properties["EvaluationPeriods"]
    return Alarm(
        severity=properties["AlarmDescription"].split(": ")[0],
        metric=f"{properties['Namespace']}/{properties['MetricName']}",
        dimensions={dimension["Name"]: dimension["Value"] for dimension in properties["Dimensions"]},
        goes_off=f"{properties['Statistic']} {_COMPARISONS[properties['ComparisonOperator']]} {properties['Threshold']}",
        over=f"{properties.get('DatapointsToAlarm', periods)} of {periods} x {properties['Period']} s",
        missing=properties["TreatMissingData"],
    )
