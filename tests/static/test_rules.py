"""What invokes the functions: rules, schedules and the queue; and which sample events match the rules' patterns."""

import json

import pytest

from linkwatch.model import parse_ids
from tests.sample_events import event, link_sent
from tests.static.patterns import matches_event
from tests.static.template import DEFAULT, FULL, created_before, stack

DEAD_LETTERS = "${InstantLinkSentDeadLetters.Arn}"
DAY = 24 * 60 * 60

RULES = {
    "InstantLinkSentRule": {
        "Name": "linkwatch-InstantLinkSent",
        "EventBusName": "${LinkBus}",
        "EventPattern": {"detail-type": ["InstantLinkSent"]},
        "Targets": [
            {"Id": "Queue", "Arn": "${InstantLinkSentQueue.Arn}", "DeadLetterConfig": {"Arn": DEAD_LETTERS}},
        ],
    },
    # No dead letters: the next sweep finds the failed execution.
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
    # No dead letters: only a metric is lost.
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
}

SCHEDULES = {
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
}

QUEUES = {
    "InstantLinkSentQueue": {
        "VisibilityTimeout": 240,
        "MessageRetentionPeriod": 4 * DAY,
        "RedrivePolicy": {"deadLetterTargetArn": DEAD_LETTERS, "maxReceiveCount": 700},
        "SqsManagedSseEnabled": True,
    },
    "InstantLinkSentDeadLetters": {"MessageRetentionPeriod": 14 * DAY, "SqsManagedSseEnabled": True},
}

#: Who may call which function, and from where.
CALLERS = {
    ("VerificationsApi", "apigateway.amazonaws.com"): {
        "arn:aws:execute-api:us-east-1:123456789012:${Api}/*/POST/verifications",
        "arn:aws:execute-api:us-east-1:123456789012:${Api}/*/GET/verifications",
        "arn:aws:execute-api:us-east-1:123456789012:${Api}/*/GET/verifications/*",
        "arn:aws:execute-api:us-east-1:123456789012:${Api}/*/DELETE/verifications/*",
    },
    ("RecoverUnfinished", "events.amazonaws.com"): {"${RecoverUnfinishedOnExecutionEnded.Arn}"},
    ("MeasureOutcomes", "events.amazonaws.com"): {"${MeasureOutcomesOnBus.Arn}"},
}


def test_the_rules_are_those_of_the_table():
    assert DEFAULT.of_type("AWS::Events::Rule") == RULES


def test_the_schedules_are_those_of_the_table():
    assert stack(ProbeMinutes="5").of_type("AWS::Scheduler::Schedule") == SCHEDULES


def test_a_probe_is_made_as_often_as_its_parameter_says_and_of_well_formed_ids():
    probe = stack(ProbeMinutes="60").properties("Probe")
    ids = json.loads(probe["Target"]["Input"])

    assert "Probe" not in DEFAULT.resources
    assert probe["ScheduleExpression"] == "rate(60 minutes)"
    assert parse_ids(ids["requestId"], ids["sessionId"])


_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:linkwatch-LinkWatch"
_ENDED = event("recover-unfinished-aborted")
SENT = {
    "a start": (link_sent(), {"InstantLinkSentRule"}),
    "a start from another source": (link_sent() | {"source": "anything"}, {"InstantLinkSentRule"}),
    "an outcome": (event("measure-outcomes"), {"MeasureOutcomesOnBus"}),
    "an outcome of another sender": (event("measure-outcomes") | {"source": "somebody"}, set()),
    **{
        f"an execution {status}": (
            _ENDED | {"detail": _ENDED["detail"] | {"status": status}},
            {"RecoverUnfinishedOnExecutionEnded"} if status in {"FAILED", "TIMED_OUT", "ABORTED"} else set(),
        )
        for status in ("FAILED", "TIMED_OUT", "ABORTED", "RUNNING", "SUCCEEDED")
    },
    "an execution of another machine": (
        _ENDED | {"detail": _ENDED["detail"] | {"stateMachineArn": f"{_MACHINE}2"}},
        set(),
    ),
}


@pytest.mark.parametrize("name", SENT)
def test_an_event_reaches_the_rule_that_is_for_it(name):
    sent, expected = SENT[name]
    patterns = {name: rule["EventPattern"] for name, rule in DEFAULT.of_type("AWS::Events::Rule").items()}
    patterns = json.loads(json.dumps(patterns).replace("${LinkWatch}", _MACHINE))

    assert {rule for rule, pattern in patterns.items() if matches_event(pattern, sent)} == expected


# ── The queue ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_queues_are_those_of_the_table():
    assert DEFAULT.of_type("AWS::SQS::Queue") == QUEUES


def test_the_event_handler_takes_events_from_the_queue():
    assert DEFAULT.of_type("AWS::Lambda::EventSourceMapping") == {
        "InstantLinkSentOnQueue": {
            "EventSourceArn": "${InstantLinkSentQueue.Arn}",
            "FunctionName": "${InstantLinkSentAliaslive}",
            "BatchSize": 3,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": 20},
        }
    }


# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
def test_a_message_stays_hidden_for_six_times_the_functions_time_out():
    assert QUEUES["InstantLinkSentQueue"]["VisibilityTimeout"] >= 6 * DEFAULT.properties("InstantLinkSent")["Timeout"]


# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html: at most 1,000 receives
def test_an_event_is_tried_for_more_than_a_day_and_for_less_time_than_it_is_kept():
    longest, receives = 240, QUEUES["InstantLinkSentQueue"]["RedrivePolicy"]["maxReceiveCount"]
    pauses = [min(10 * 2**n, longest) for n in range(receives)]

    assert receives <= 1000
    assert DAY < sum(pauses) < QUEUES["InstantLinkSentQueue"]["MessageRetentionPeriod"]


def test_only_this_stacks_rule_puts_into_the_queues():
    assert DEFAULT.of_type("AWS::SQS::QueuePolicy") == {
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
                                "aws:SourceArn": [
                                    "arn:aws:events:us-east-1:123456789012:rule/${LinkBus}/linkwatch-InstantLinkSent"
                                ]
                            }
                        },
                    }
                ],
            },
        }
    }


# EventBridge does not retry what a queue forbids.
def test_the_rule_is_made_after_the_permission_to_put_into_its_queues():
    assert "InstantLinkSentQueuesPolicy" in created_before("InstantLinkSentRule")


# ── Calls of functions ────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_the_api_and_the_rules_may_call_functions():
    found: dict[tuple[str, str], set[str]] = {}
    for permission in FULL.of_type("AWS::Lambda::Permission").values():
        assert permission["Action"] == "lambda:InvokeFunction"
        function = permission["FunctionName"].removeprefix("${").removesuffix("Aliaslive}")
        found.setdefault((function, permission["Principal"]), set()).add(permission["SourceArn"])

    assert found == CALLERS


def test_a_sweep_that_lambda_could_not_run_within_a_minute_is_dropped():
    assert DEFAULT.of_type("AWS::Lambda::EventInvokeConfig") == {
        "RecoverUnfinishedEventInvokeConfig": {
            "FunctionName": "${RecoverUnfinished}",
            "Qualifier": "live",
            "MaximumRetryAttempts": 0,
            "MaximumEventAgeInSeconds": 60,
            "DestinationConfig": {},
        }
    }
