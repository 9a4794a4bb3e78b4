"""examples/consumer: it decides once, on what linkwatch's table has stored, for the verifications that a sender has started."""

import pytest

from tests.unit.outcome_items import CLICKED, EVENT, VERIFICATION_ID, open_item, settled_item

ROW = {"verificationId": {"S": VERIFICATION_ID}, "correlationId": {"S": "our own"}}


@pytest.fixture
def act(aws, monkeypatch):
    """Has the consumer act on the sample's event with these details; returns its row as it is then."""
    monkeypatch.setenv("DECISIONS_TABLE", "Decisions")
    import act_on_outcome  # noqa: PLC0415  it reads its environment when it is imported

    def act_on(**detail):
        act_on_outcome.handler({**EVENT, "detail": {**EVENT["detail"], **detail}}, None)
        row = aws.decisions.items.get(VERIFICATION_ID)
        return {name: value["S"] for name, value in row.items()} if row else None

    return act_on


@pytest.mark.parametrize(
    ("outcome", "result", "decision"),
    [
        ("LINK_CLICKED", CLICKED, "ALLOW"),
        ("LINK_CLICKED", CLICKED | {"phoneMatch": "false"}, "DENY"),
        ("LINK_CLICKED", CLICKED | {"phoneMatch": "indeterminate"}, "REVIEW"),
        ("LINK_CLICKED", CLICKED | {"phoneMatch": None}, "REVIEW"),
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
    aws.decisions.store(ROW)

    row = act(outcome=outcome, result=result)

    assert row == {
        "verificationId": VERIFICATION_ID,
        "correlationId": "our own",
        "decision": decision,
        "outcome": outcome,
        "settledAt": "2026-11-23T10:05:02.500Z",
    }


def test_a_forged_click_before_the_outcome_lets_nobody_in(aws, act):
    aws.table.store(open_item())
    aws.decisions.store(ROW)

    with pytest.raises(Exception, match="not stored"):
        act(outcome="LINK_CLICKED", result=CLICKED)
    aws.table.store(settled_item("EXPIRED"))

    assert act(outcome="EXPIRED", result=None)["decision"] == "ASK_AGAIN"


def test_a_forged_click_after_the_outcome_lets_nobody_in(aws, act):
    aws.table.store(settled_item("EXPIRED"))
    aws.decisions.store(ROW)

    assert act(outcome="LINK_CLICKED", result=CLICKED)["decision"] == "ASK_AGAIN"


def test_a_click_of_a_verification_that_never_was_decides_nothing(aws, act):
    aws.decisions.store(ROW)

    with pytest.raises(Exception, match="not stored"):
        act(outcome="LINK_CLICKED", result=CLICKED)

    assert aws.decisions.items[VERIFICATION_ID] == ROW


def test_a_link_that_no_sender_of_ours_has_sent_decides_nothing(aws, act, capsys):
    aws.table.store(settled_item("LINK_CLICKED", CLICKED, correlationId="our own"))

    assert act(outcome="LINK_CLICKED", result=CLICKED, correlationId="our own") is None
    assert VERIFICATION_ID in capsys.readouterr().out


def test_the_first_decision_is_the_only_one(aws, act):
    aws.table.store(settled_item("LINK_CLICKED", CLICKED))
    aws.decisions.store(ROW)
    first = act()

    aws.table.store(settled_item("EXPIRED"))  # which linkwatch never does

    assert act() == first


def test_an_outcome_that_does_not_exist_yet_is_kept(aws, act):
    aws.table.store(settled_item("NEW_ONE"))
    aws.decisions.store(ROW)

    with pytest.raises(ValueError, match="unknown outcome"):
        act()


def test_an_outage_of_the_table_is_raised_so_that_lambda_tries_again(aws, act):
    aws.refused = {"GetItem"}

    with pytest.raises(Exception, match="AccessDenied"):
        act()
