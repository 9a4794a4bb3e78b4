"""examples/webhook beside linkwatch: what a receiver gets, and whatever it does."""

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from local import sam
from local.checkout import LOGS
from local.launch import LocalStackFailed
from operations.deployed.clock import await_that
from tests.integration.conftest import PATIENCE, send_link
from tests.integration.webhooks import CLICKED, Deployed, attempts_of, deployed_on, example_on, receiver_on
from tests.sample_events import event
from tests.unit.test_contracts import complaints


@pytest.fixture(scope="module")
def webhook(stack) -> Deployed:
    return deployed_on(stack.emulator, stack.outputs.BusName)


@pytest.fixture(scope="module")
def secret(webhook) -> str:
    return webhook.rotate_secret()


def test_an_outcome_of_linkwatch_reaches_the_receiver_once_signed_and_as_its_schema_says(stack, webhook, secret):
    with receiver_on(webhook) as got:
        link = send_link(stack, {"answer": "clicked"})
        link.start(correlationId="a customer's own words")
        link.settled()

        await_that(lambda: got, 60, "it is delivered")

    assert len(got) == 1
    headers, body = got[0].headers, got[0].body
    signed_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    assert headers["webhook-signature"] == Webhook(secret).sign(link.verification_id, signed_at, body.decode())
    assert (headers["webhook-id"], headers["content-type"]) == (link.verification_id, "application/json")
    assert abs(signed_at.timestamp() - got[0].at_ms / 1000) < 30
    assert complaints("verification-settled", json.loads(body)) == []
    assert json.loads(body)["detail"] == link.event()["detail"]


def test_the_log_has_nothing_but_the_id(webhook, secret):
    with receiver_on(webhook, 500) as got:
        verification_id = webhook.publish("private words")
        attempts_of(webhook, verification_id, 2)

    log = json.dumps([line for line in webhook.log() if line.get("verificationId") == verification_id])
    assert json.loads(got[0].body)["detail"]["result"] == CLICKED
    assert not [word for word in ("private words", *map(str, CLICKED.values())) if word in log]
    assert secret.removeprefix("whsec_") not in log


def test_what_was_refused_comes_again_after_a_pause_with_the_same_id_and_body_and_a_time_of_its_own(webhook, secret):
    with receiver_on(webhook, 500, 503) as got:
        verification_id = webhook.publish()
        lines = attempts_of(webhook, verification_id, 3)

    assert [(line["attempt"], line.get("problem"), line["delivered"]) for line in lines] == [
        (1, "500", False),
        (2, "503", False),
        (3, None, True),
    ]
    assert [15 <= line["pauseSeconds"] <= 19 for line in lines[:1]] == [True]
    assert [30 <= line["pauseSeconds"] <= 38 for line in lines[1:2]] == [True]
    assert {each.headers["webhook-id"] for each in got} == {verification_id}
    assert len({each.body for each in got}) == 1
    for each in got:
        moment = datetime.fromtimestamp(int(each.headers["webhook-timestamp"]), UTC)
        signed = Webhook(secret).sign(verification_id, moment, each.body.decode())
        assert each.headers["webhook-signature"].split(" ")[0] == signed
    assert int(got[1].headers["webhook-timestamp"]) - int(got[0].headers["webhook-timestamp"]) >= 14


@pytest.mark.usefixtures("secret")
def test_a_slow_receiver_is_not_waited_for_and_asked_again(webhook):
    with receiver_on(webhook, 12.0) as got:
        lines = attempts_of(webhook, webhook.publish(), 2)

    assert [(line.get("problem"), line["delivered"]) for line in lines] == [("no answer in time", False), (None, True)]
    assert len(got) == 2


@pytest.mark.usefixtures("secret")
def test_a_redirect_is_not_followed(webhook):
    with receiver_on(webhook, f"http://127.0.0.1:{webhook.port}/elsewhere") as got:
        lines = attempts_of(webhook, webhook.publish(), 2)

    assert [line.get("problem") for line in lines] == ["307", None]
    assert {each.path for each in got} == {"/outcomes"}


def test_the_receiver_to_copy_acts_once_though_an_outcome_is_published_twice(webhook, secret, tmp_path):
    with example_on(webhook, secret, tmp_path / "outcomes.db") as said:
        verification_id = webhook.publish()
        await_that(lambda: said, 60, "it has come")
        webhook.publish_again(json.dumps(event("measure-outcomes")["detail"] | {"verificationId": verification_id}))
        await_that(lambda: len(said) == 2, 60, "it has come again")

    outcome = event("measure-outcomes")["detail"]["outcome"]
    assert said == [f"{verification_id}: {outcome}\n", f"{verification_id}: known already\n"]


def test_a_rotated_secret_loses_nothing_whenever_the_receiver_takes_the_new_key(webhook, secret, tmp_path):
    database, published, said = tmp_path / "outcomes.db", [], []
    with example_on(webhook, secret, database) as by_old_key:
        published.append(webhook.publish())
        new_secret = webhook.rotate_secret()
        published.append(webhook.publish())
        webhook.clock.sleep(70)  # by now the new key is signed with, and the old one still
        published.append(webhook.publish())
        await_that(lambda: len(by_old_key) == 3, PATIENCE, "the old key is enough")
        said += by_old_key
    with example_on(webhook, new_secret, database) as by_new_key:
        published.append(webhook.publish())
        await_that(lambda: by_new_key, PATIENCE, "the new key is enough, too")
        said += by_new_key

    assert new_secret != secret
    assert sorted(line.split(":")[0] for line in said) == sorted(published)


@pytest.mark.parametrize(
    "url", ["http://example.com/", "https://user@example.com/", "ftp://example.com/", "example.com"]
)
def test_a_url_that_is_no_https_is_not_deployed(stack, url):
    parameters = {"BusName": stack.outputs.BusName, "WebhookUrl": url}

    with pytest.raises(LocalStackFailed):
        sam.deploy_example("webhook", parameters, stack.environment)

    said = (LOGS / "sam-deploy-webhook.log").read_text("utf-8")
    assert "Parameter 'WebhookUrl' an https URL without user and fragment" in said
