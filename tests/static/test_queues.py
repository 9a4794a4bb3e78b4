"""Events are tried for more than a day, what fails is kept, and nobody but this stack's rule puts anything into the queues."""

import ast

import pytest

from local.checkout import ROOT
from tests.static.template import RESOURCES, of_type

QUEUE = RESOURCES["InstantLinkSentQueue"]["Properties"]
DEAD_LETTERS = RESOURCES["InstantLinkSentDeadLetters"]["Properties"]
FUNCTION = RESOURCES["InstantLinkSent"]["Properties"]
SOURCE = next(iter(of_type("AWS::Lambda::EventSourceMapping").values()))
HOUR = 3600
DAY = 24 * HOUR

#: Targets of rules that have no dead letters, and why none are needed.
WITHOUT_DEAD_LETTERS = {
    "RecoverUnfinishedAliaslive": "the next sweep finds what the event would have told",
    "MeasureOutcomesAliaslive": "a figure is lost, and nothing depends on it",
}


def sdk_seconds() -> float:
    """How long one call of InstantLinkSent to AWS takes at most, by its Config."""
    tree = ast.parse((ROOT / "functions" / "instant_link_sent.py").read_text("utf-8"))
    call = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "Config")
    config = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    assert config["retries"]["mode"] == "standard"
    return (config["connect_timeout"] + config["read_timeout"]) * config["retries"]["total_max_attempts"]


# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
def test_a_message_stays_hidden_for_six_times_the_functions_time_out():
    assert QUEUE["VisibilityTimeout"] >= 6 * FUNCTION["Timeout"]


# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
def test_an_event_is_tried_for_more_than_a_day_and_not_longer_than_it_is_kept():
    tries = QUEUE["RedrivePolicy"]["maxReceiveCount"]

    assert tries <= 1000
    assert 1 * DAY < QUEUE["VisibilityTimeout"] * tries <= QUEUE["MessageRetentionPeriod"] == 4 * DAY


# A message keeps its age in the dead letters: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
def test_dead_letters_are_kept_for_14_days():
    assert QUEUE["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["InstantLinkSentDeadLetters", "Arn"]}
    assert DEAD_LETTERS["MessageRetentionPeriod"] == 14 * DAY


def test_a_batch_whose_calls_all_run_into_their_time_outs_ends_before_the_functions():
    put_and_start = 2

    assert SOURCE["BatchSize"] * put_and_start * sdk_seconds() <= FUNCTION["Timeout"]


def test_what_could_not_be_started_stays_in_the_queue_without_the_rest_of_its_batch():
    assert SOURCE["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert SOURCE["EventSourceArn"] == {"Fn::GetAtt": ["InstantLinkSentQueue", "Arn"]}
    assert SOURCE["FunctionName"] == {"Ref": "InstantLinkSentAliaslive"}


@pytest.mark.parametrize("queue", of_type("AWS::SQS::Queue"))
def test_only_this_stacks_rule_may_put_into_a_queue(queue):
    policies = [p for p in of_type("AWS::SQS::QueuePolicy").values() if {"Ref": queue} in p["Queues"]]

    assert [policy["PolicyDocument"]["Statement"] for policy in policies] == [
        [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": {"Fn::GetAtt": [queue, "Arn"]},
                "Condition": {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["InstantLinkSentRule", "Arn"]}}},
            }
        ]
    ]


@pytest.mark.parametrize("rule", of_type("AWS::Events::Rule"))
def test_a_rules_target_has_dead_letters_or_needs_none(rule):
    for target in RESOURCES[rule]["Properties"]["Targets"]:
        if target["Arn"].get("Ref") in WITHOUT_DEAD_LETTERS:
            assert "RetryPolicy" in target
        else:
            assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["InstantLinkSentDeadLetters", "Arn"]}}


def test_a_queue_is_encrypted_with_the_customers_key_or_with_that_of_sqs():
    for queue in of_type("AWS::SQS::Queue").values():
        assert queue["SqsManagedSseEnabled"] == {"Fn::If": ["HasKmsKey", {"Ref": "AWS::NoValue"}, True]}
        assert queue["KmsMasterKeyId"] == {"Fn::If": ["HasKmsKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
