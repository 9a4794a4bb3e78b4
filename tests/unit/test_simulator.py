"""The simulator answers as CheckLink expects Signzy to."""

import threading
import time
from collections.abc import Iterator

import pytest

from linkwatch.http_client import HttpClient
from linkwatch.model import Answer, CheckResult, Ids, Reason
from linkwatch.signzy import Signzy
from linkwatch.signzy_token import KeptToken
from simulator.client import SimulatedSignzy
from simulator.coded import CodedLink, decoded
from simulator.links import Links
from simulator.scenarios import SCENARIOS
from simulator.secret_token import Token
from simulator.server import DEFAULT_TOKEN, Simulator

IDS = Ids("6462150e29c23b4d42352a63", "AbcdefAbcdefAbcdefAbcdef")


@pytest.fixture
def simulated() -> Iterator[SimulatedSignzy]:
    with Simulator("127.0.0.1", 0, Links(300, DEFAULT_TOKEN)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield SimulatedSignzy(f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


def answers_to(simulated: SimulatedSignzy, checks: int, step: dict[str, object]) -> list[CheckResult]:
    """Returns the results of this many checks of a link whose script is this one step."""
    simulated.send_link(IDS.request_id, IDS.session_id, script=[step])
    signzy = Signzy(HttpClient(simulated.base_url), KeptToken(lambda _: DEFAULT_TOKEN), 10)
    return [signzy.check(IDS, None) for _ in range(checks)]


@pytest.mark.parametrize("answer", ["clicked", "pascal-case", "session-in-capitals"])
def test_it_answers_about_the_session_of_the_check(simulated, answer):
    assert answers_to(simulated, 1, {"answer": answer})[0].answer is Answer.CLICKED


def test_it_can_answer_about_another_session(simulated):
    assert answers_to(simulated, 1, {"answer": "another-session"}) == [
        CheckResult(Answer.UNAVAILABLE, Reason.BAD_ANSWER)
    ]


def test_it_can_close_a_kept_connection_at_the_next_request(simulated):
    results = answers_to(simulated, 3, {"answer": "pending", "closesKept": True})

    assert results == [CheckResult(Answer.PENDING)] * 3
    assert [request.answer for request in simulated.requests(IDS.request_id)].count("close") == 2


# ── Links that are coded in their ids ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_link_is_decoded_from_its_ids(scenario):
    link = CodedLink(scenario, 1_800_000_000, None, 5)

    ids = link.new_ids()

    assert decoded(ids["requestId"].upper(), ids["sessionId"].upper()) == link


def test_the_ids_are_new_each_time():
    link = CodedLink("clicked", 1_800_000_000, click=20)

    assert len({link.new_ids()["requestId"] for _ in range(100)}) == 100


def test_a_session_of_another_request_is_not_decoded():
    first, second = (CodedLink("clicked", 1_800_000_000).new_ids() for _ in range(2))

    assert decoded(first["requestId"], second["sessionId"]) is None


def test_a_chosen_click_replaces_that_of_the_scenario():
    link = CodedLink("flaky", 1_000, click=31)

    answers = [link.step((1_000 + second) * 1000, 300)["answer"] for second in (10, 30, 31, 70)]

    assert answers == ["pending", "pending", "clicked", "truncated-json"]


def test_the_seconds_of_a_scenario_are_scaled_to_the_window():
    link = CodedLink("clicked-late", 1_000)

    assert [link.step((1_000 + second) * 1000, 60)["answer"] for second in (58, 59, 60)] == [
        *("pending", "clicked"),
        "pending",  # the window is over: no result
    ]


@pytest.mark.parametrize("choice", [{"scenario": "nothing"}, {"scenario": "never", "click": 3}, {"interval": 0}])
def test_an_invalid_choice_names_the_valid_ones(choice):
    with pytest.raises(ValueError, match=r"there are|has no click|from 1 to"):
        CodedLink(**{"scenario": "clicked", "sent_at": 0, **choice})


def test_a_scenario_has_one_click_at_most():
    for scenario in SCENARIOS.values():
        assert sum("untilSecond" in step for step in scenario["script"]) <= 1


def test_a_coded_link_is_known_without_being_sent(simulated):
    ids = CodedLink("clicked", round(time.time()) - 20, click=10).new_ids()
    signzy = Signzy(HttpClient(simulated.base_url), KeptToken(lambda _: DEFAULT_TOKEN), 10)

    assert signzy.check(Ids(ids["requestId"], ids["sessionId"]), None).answer is Answer.CLICKED


# ── Its token in an account ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_token_is_accepted_at_once_and_the_old_one_is_refused():
    secret = ['{"token": "old"}']
    token = Token(lambda: secret[0], clock=lambda: 0)
    assert token.is_right("old")

    secret[0] = '{"token": "new"}'

    assert token.is_right("new")
    assert not token.is_right("old")
    assert not token.is_right(None)


def test_a_thousand_wrong_tokens_cost_one_read_of_the_secret_in_two_seconds():
    now, reads = [0.0], []
    token = Token(lambda: reads.append(now[0]) or '{"token": "one"}', clock=lambda: now[0])
    assert token.is_right("one")

    for number in range(1000):
        now[0] = number / 200
        assert not token.is_right(f"wrong {number}")

    assert len(reads) == 1 + 3
    assert token.is_right("one")


def test_the_secret_is_read_once_in_ten_seconds():
    now, reads = [0.0], []
    token = Token(lambda: reads.append(now[0]) or '{"token": "one"}', clock=lambda: now[0])

    for now[0] in (0, 5, 9, 11):
        assert token.is_right("one")

    assert reads == [0, 11]
