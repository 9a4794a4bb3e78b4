"""examples/consumer: it decides once, on what linkwatch has stored, for the verifications that a sender has started."""

import json

import pytest

from linkwatch_api import NoAnswer, read_verification
from tests.unit.loopback import server
from tests.unit.outcome_items import CLICKED, EVENT, VERIFICATION_ID, open_item, settled_item
from tests.unit.scripted_server import message, serving

ROW = {"verificationId": {"S": VERIFICATION_ID}, "correlationId": {"S": "our own"}}
FORGED = EVENT | {"detail": EVENT["detail"] | {"outcome": "LINK_CLICKED", "result": CLICKED}}


@pytest.fixture
def act(aws, monkeypatch):
    """Has the consumer act on a forged click; returns its row as it is then."""
    monkeypatch.setenv("DECISIONS_TABLE", "Decisions")
    aws.decisions.store(ROW)
    import act_on_outcome  # noqa: PLC0415  it reads its environment when it is imported

    def act_on():
        act_on_outcome.handler(FORGED, None)
        return aws.decisions.items.get(VERIFICATION_ID)

    return act_on


@pytest.mark.parametrize(
    ("outcome", "result", "decision"),
    [
        ("LINK_CLICKED", CLICKED, "ALLOW"),
        ("LINK_CLICKED", CLICKED | {"phoneMatch": "false"}, "DENY"),
        ("LINK_CLICKED", CLICKED | {"phoneMatch": "indeterminate"}, "REVIEW"),
        ("LINK_CLICKED", CLICKED | {"ipAddressMatch": False}, "REVIEW"),
        ("LINK_CLICKED", CLICKED | {"ipAddressMatch": None}, "REVIEW"),
        ("EXPIRED", None, "ASK_AGAIN"),
        ("UNKNOWN", None, "ASK_AGAIN"),
        ("REJECTED", None, "REVIEW"),
        ("CANCELLED", None, "CLOSE"),
    ],
)
def test_what_is_stored_decides(aws, act, outcome, result, decision):
    aws.table.store(settled_item(outcome, result))

    decided = {"decision": decision, "outcome": outcome, "settledAt": "2026-11-23T10:05:02.500Z"}
    assert act() == ROW | {name: {"S": text} for name, text in decided.items()}


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (settled_item("EXPIRED", verification_id=VERIFICATION_ID.replace("6", "7")), "not stored"),
        (open_item(), "not stored"),
        (settled_item("NEW_ONE"), "unknown outcome"),
    ],
    ids=["no such verification", "still open", "an outcome that does not exist yet"],
)
def test_without_a_known_outcome_nothing_is_decided_and_lambda_keeps_the_event(aws, act, item, problem):
    aws.table.store(item)

    with pytest.raises(Exception, match=problem):
        act()

    assert aws.decisions.items[VERIFICATION_ID] == ROW


def test_a_link_that_no_sender_of_ours_has_sent_decides_nothing(aws, act, capsys):
    aws.decisions.delete(VERIFICATION_ID)
    aws.table.store(settled_item("LINK_CLICKED", CLICKED, correlationId="our own"))

    assert act() is None
    assert f"{VERIFICATION_ID}: not one of ours" in capsys.readouterr().out


def test_the_first_decision_is_the_only_one(aws, act):
    aws.table.store(settled_item("LINK_CLICKED", CLICKED))
    first = act()

    aws.table.store(settled_item("EXPIRED"))  # which linkwatch never does

    assert act() == first


# ── In another account ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def api(monkeypatch):
    """Yields a list of the statuses and bodies that linkwatch's API answers with, and its requests."""
    answers: list[tuple[int, str]] = []
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with server(lambda _: answers.pop(0)) as (url, requests):
        monkeypatch.setenv("API_URL", f"{url}/v1")
        yield answers, requests


def test_in_another_account_what_the_api_says_decides(api, act):
    answers, requests = api
    answers.append((200, json.dumps({"outcome": "EXPIRED", "result": None, "settledAt": "2026-11-23T10:05:02.500Z"})))

    assert act()["outcome"] == {"S": "EXPIRED"}
    [request] = requests
    assert (request.method, request.path) == ("GET", f"/v1/verifications/{VERIFICATION_ID}")
    assert "/us-east-1/execute-api/aws4_request" in request.headers["authorization"]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((200, '{"status": "WATCHING", "outcome": null, "result": null}'), "not stored"),
        ((404, "{}"), "not stored"),
        ((503, ""), "answered 503"),
    ],
    ids=["open", "unknown", "503"],
)
def test_a_forged_click_decides_nothing_in_another_account(aws, api, act, answer, problem):
    api[0].append(answer)

    with pytest.raises(Exception, match=problem):
        act()

    assert aws.decisions.items[VERIFICATION_ID] == ROW


def test_a_redirect_of_the_api_is_not_followed(aws, monkeypatch):  # noqa: ARG001  its keys
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    redirect = message("", "302 Found", "Location: /v1/another\r\n")
    with serving(redirect) as asked, pytest.raises(NoAnswer, match="answered 302"):
        read_verification(f"{asked.url}/v1", VERIFICATION_ID)

    assert len(asked.requests) == 1


@pytest.mark.parametrize("forged", ["", "?correlationId=x", f"{VERIFICATION_ID}/..", f"{VERIFICATION_ID}\n"])
def test_a_forged_id_never_reaches_a_url(forged):
    assert read_verification("http://127.0.0.1:1", forged) is None
