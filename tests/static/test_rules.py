"""What invokes the functions: rules, schedules, the queue and the API."""

import json

import pytest

from tests.sample_events import event, link_sent
from tests.static.patterns import matches_event
from tests.static.template import DEFAULT, FULL, created_before, stack

DEAD_LETTERS = "${InstantLinkSentDeadLetters.Arn}"
DAY = 24 * 60 * 60
HERE = "us-east-1:123456789012"

KINDS = {
    *("AWS::Events::Rule", "AWS::Scheduler::Schedule", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy"),
    *("AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig"),
}
#: The resources of these types. The rules of functions have no dead letters: the next sweep finds a failed execution, and of an
#: outcome that was not measured only a metric is lost.
RESOURCES = {
    "InstantLinkSentRule": {
        "Name": "linkwatch-InstantLinkSent",
        "EventBusName": "${LinkBus}",
        "EventPattern": {"detail-type": ["InstantLinkSent"]},
        "Targets": [{"Id": "Queue", "Arn": "${InstantLinkSentQueue.Arn}", "DeadLetterConfig": {"Arn": DEAD_LETTERS}}],
    },
    "RecoverUnfinishedOnExecutionEnded": {
        "EventPattern": {
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {"stateMachineArn": ["${LinkWatch}"], "status": ["FAILED", "TIMED_OUT", "ABORTED"]},
        },
        "Targets": [
            {
                "Id": "RecoverUnfinishedOnExecutionEndedLambdaTarget",
                "Arn": "${RecoverUnfinishedAliaslive}",
                "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60},
            }
        ],
    },
    "MeasureOutcomesOnBus": {
        "EventBusName": "${LinkBus}",
        "EventPattern": {"source": ["linkwatch"], "detail-type": ["VerificationSettled"]},
        "Targets": [
            {
                "Id": "MeasureOutcomesOnBusLambdaTarget",
                "Arn": "${MeasureOutcomesAliaslive}",
                "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 300},
            }
        ],
    },
    "Probe": {
        "Name": "linkwatch-Probe",
        "ScheduleExpression": "rate(5 minutes)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": "${CheckLinkAliaslive}",
            "RoleArn": "${SchedulerRole.Arn}",
            "Input": '{"requestId": "000000000000000000000000", "sessionId": "000000000000000000000000"}',
            "RetryPolicy": {"MaximumRetryAttempts": 0},
        },
    },
    "RecoverUnfinishedEveryMinute": {
        "Name": "linkwatch-RecoverUnfinished",
        "ScheduleExpression": "rate(1 minute)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": "${RecoverUnfinishedAliaslive}",
            "RoleArn": "${SchedulerRole.Arn}",
            "Input": '{"sweep": true}',
            "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
        },
    },
    "InstantLinkSentQueue": {
        "VisibilityTimeout": 240,
        "MessageRetentionPeriod": 4 * DAY,
        "RedrivePolicy": {"deadLetterTargetArn": DEAD_LETTERS, "maxReceiveCount": 700},
        "SqsManagedSseEnabled": True,
    },
    "InstantLinkSentDeadLetters": {"MessageRetentionPeriod": 14 * DAY, "SqsManagedSseEnabled": True},
    "InstantLinkSentQueuesPolicy": {
        "Queues": ["${InstantLinkSentQueue}", "${InstantLinkSentDeadLetters}"],
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "events.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": ["${InstantLinkSentQueue.Arn}", DEAD_LETTERS],
                    "Condition": {
                        "ArnEquals": {
                            "aws:SourceArn": [f"arn:aws:events:{HERE}:rule/${{LinkBus}}/linkwatch-InstantLinkSent"]
                        }
                    },
                }
            ],
        },
    },
    "InstantLinkSentOnQueue": {
        "EventSourceArn": "${InstantLinkSentQueue.Arn}",
        "FunctionName": "${InstantLinkSentAliaslive}",
        "BatchSize": 3,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 20},
    },
    # A sweep that Lambda could not run within a minute is dropped.
    "RecoverUnfinishedEventInvokeConfig": {
        "FunctionName": "${RecoverUnfinished}",
        "Qualifier": "live",
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 60,
        "DestinationConfig": {},
    },
}
#: Who may call which function, and from where.
CALLERS = {
    *(
        ("${VerificationsApiAliaslive}", "apigateway.amazonaws.com", f"arn:aws:execute-api:{HERE}:${{Api}}/*/{call}")
        for call in ("POST/verifications", "GET/verifications", "GET/verifications/*", "DELETE/verifications/*")
    ),
    ("${RecoverUnfinishedAliaslive}", "events.amazonaws.com", "${RecoverUnfinishedOnExecutionEnded.Arn}"),
    ("${MeasureOutcomesAliaslive}", "events.amazonaws.com", "${MeasureOutcomesOnBus.Arn}"),
}


def test_the_resources_are_those_of_the_table():
    resources = stack(ProbeMinutes="5").resources.items()

    assert {name: it["Properties"] for name, it in resources if it["Type"] in KINDS} == RESOURCES


MACHINE = f"arn:aws:states:{HERE}:stateMachine:linkwatch-LinkWatch"
ENDED, OUTCOME = event("recover-unfinished-aborted"), event("measure-outcomes")
EVENTS = {
    "a start from any source": (link_sent() | {"source": "anything"}, ["InstantLinkSentRule"]),
    "an outcome": (OUTCOME, ["MeasureOutcomesOnBus"]),
    "an outcome of another source": (OUTCOME | {"source": "anything"}, []),
    "a failed execution": (ENDED, ["RecoverUnfinishedOnExecutionEnded"]),
    "a running execution": (ENDED | {"detail": ENDED["detail"] | {"status": "RUNNING"}}, []),
    "one of another machine": (ENDED | {"detail": ENDED["detail"] | {"stateMachineArn": f"{MACHINE}2"}}, []),
}


@pytest.mark.parametrize(("sent", "rules"), EVENTS.values(), ids=EVENTS)
def test_an_event_reaches_the_rule_that_is_for_it(sent, rules):
    patterns = {name: rule["EventPattern"] for name, rule in DEFAULT.of_type("AWS::Events::Rule").items()}
    patterns = json.loads(json.dumps(patterns).replace("${LinkWatch}", MACHINE))

    assert [name for name, pattern in patterns.items() if matches_event(pattern, sent)] == rules


def test_only_the_api_and_the_rules_may_call_functions():
    permissions = FULL.of_type("AWS::Lambda::Permission").values()

    assert {(it["FunctionName"], it["Principal"], it["SourceArn"]) for it in permissions} == CALLERS
    assert {it["Action"] for it in permissions} == {"lambda:InvokeFunction"}


# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: six times the function's time-out.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html: at most 1,000 receives
def test_an_event_is_tried_for_more_than_a_day_and_for_less_time_than_it_is_kept():
    queue = DEFAULT.properties("InstantLinkSentQueue")
    longest, receives = queue["VisibilityTimeout"], queue["RedrivePolicy"]["maxReceiveCount"]
    pauses = [min(10 * 2**n, longest) for n in range(receives)]

    assert receives <= 1000
    assert DAY < sum(pauses) < queue["MessageRetentionPeriod"]
    assert longest >= 6 * DEFAULT.properties("InstantLinkSent")["Timeout"]


# EventBridge does not retry what a queue forbids.
def test_the_rule_is_made_after_the_permission_to_put_into_its_queues():
    assert "InstantLinkSentQueuesPolicy" in created_before("InstantLinkSentRule")
