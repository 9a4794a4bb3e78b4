"""examples/webhook while hours pass: a receiver that is down, what nobody takes, a secret that is not filled."""

import json
from collections.abc import Iterator

import pytest

from local.accelerated_clock import NoAcceleratedClock, environment_at
from local.launch import launch
from operations.deployed.clock import await_that
from tests.integration.webhooks import Deployed, answers_on, attempts_of, deployed_on, receiver_on

#: An hour passes in two minutes. Faster, and a busy machine is too slow for the time-outs of SAM CLI.
HOUR_SPEED = 30


@pytest.fixture(scope="module")
def hurried() -> Iterator[Deployed]:
    """The webhook beside a bus of its own, on an emulator of its own: hours have to pass."""
    try:
        environment_at(HOUR_SPEED)
    except NoAcceleratedClock as error:
        pytest.skip(str(error))
    launched = launch(HOUR_SPEED, 300)
    try:
        launched.emulator.calls().client("events").create_event_bus(Name="links")
        yield deployed_on(launched.emulator, "links")
    finally:
        launched.end()


def test_a_receiver_that_is_down_for_an_hour_gets_it_then(hurried):
    hurried.rotate_secret()
    verification_id = hurried.publish()
    began_ms = hurried.clock.now_ms()
    assert not answers_on(hurried.port)

    hurried.clock.sleep(3600)
    with receiver_on(hurried) as got:
        await_that(lambda: got, 7200 / HOUR_SPEED, "it is delivered within two hours more")

    lines = attempts_of(hurried, verification_id, len(got))
    assert [each.headers["webhook-id"] for each in got] == [verification_id]
    assert got[0].at_ms - began_ms > 3600 * 1000
    assert 8 <= max(line["attempt"] for line in lines) <= 10  # and not hundreds


def test_what_nobody_takes_lies_among_the_dead_letters(hurried):
    verification_id = hurried.publish()
    sqs, arn = hurried.client("sqs"), hurried.output("OutcomesNotDeliveredArn")
    attempts_of(hurried, verification_id, 1)
    # A day takes too long here: the queue is told to give up at the third attempt.
    queue = next(url for url in sqs.list_queues()["QueueUrls"] if "-Outcomes-" in url)
    dead_letters = sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"]
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": policy})

    letters = await_that(
        lambda: sqs.receive_message(QueueUrl=dead_letters, VisibilityTimeout=0).get("Messages"), 60, "it is given up"
    )

    sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)
    assert json.loads(letters[0]["Body"])["detail"]["verificationId"] == verification_id


def test_before_the_secret_is_filled_nothing_is_sent_and_nothing_lost(hurried):
    arn = hurried.output("WebhookSecretArn")
    empty = json.dumps({"current": "", "previous": ""})
    hurried.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=empty)
    hurried.clock.sleep(90)
    with receiver_on(hurried) as got:
        verification_id = hurried.publish()
        lines = attempts_of(hurried, verification_id, 1)
        assert (got, lines[0]["problem"]) == ([], "the secret holds no keys")

        hurried.rotate_secret()
        await_that(lambda: got, 60, "it is delivered as soon as there is a key")
    assert got[0].headers["webhook-id"] == verification_id
