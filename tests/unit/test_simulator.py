"""The simulator of Signzy answers as CheckLink expects of Signzy."""

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
    """What so many checks get of a link whose script is this one step."""
    simulated.send_link(IDS.request_id, IDS.session_id, script=[step])
    signzy = Signzy(HttpClient(simulated.base_url), KeptToken(lambda _: DEFAULT_TOKEN), 10)
    return [signzy.check(IDS, None) for _ in range(checks)]


@pytest.mark.parametrize("answer", ["clicked", "pascal-case", "session-in-capitals"])
def test_it_answers_about_the_session_that_was_asked_for(simulated, answer):
    assert answers_to(simulated, 1, {"answer": answer})[0].answer is Answer.CLICKED


def test_it_can_answer_about_another(simulated):
    assert answers_to(simulated, 1, {"answer": "another-session"}) == [
        CheckResult(Answer.UNAVAILABLE, Reason.BAD_ANSWER)
    ]


def test_it_can_close_a_kept_connection_as_the_next_request_comes(simulated):
    results = answers_to(simulated, 3, {"answer": "pending", "closesKept": True})

    assert results == [CheckResult(Answer.PENDING)] * 3
    assert [request.answer for request in simulated.requests(IDS.request_id)].count("close") == 2


# ── Links that stand whole in their ids ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_is_coded_into_ids_is_read_out_of_them(scenario):
    link = CodedLink(scenario, 1_800_000_000, None, 5)

    ids = link.new_ids()

    assert decoded(ids["requestId"].upper(), ids["sessionId"].upper()) == link


def test_each_time_there_are_other_ids():
    link = CodedLink("clicked", 1_800_000_000, click=20)

    assert len({link.new_ids()["requestId"] for _ in range(100)}) == 100


def test_ids_of_another_request_are_nobodys():
    first, second = (CodedLink("clicked", 1_800_000_000).new_ids() for _ in range(2))

    assert decoded(first["requestId"], second["sessionId"]) is None


def test_the_click_that_is_asked_for_replaces_the_scenarios_own():
    link = CodedLink("flaky", 1_000, click=31)

    answers = [link.step((1_000 + second) * 1000, 300)["answer"] for second in (10, 30, 31, 70)]

    assert answers == ["pending", "pending", "clicked", "truncated-json"]


def test_a_scenarios_seconds_are_fitted_to_the_window():
    link = CodedLink("clicked-late", 1_000)

    assert [link.step((1_000 + second) * 1000, 60)["answer"] for second in (58, 59, 60)] == [
        *("pending", "clicked"),
        "pending",  # the window is over: no result any more
    ]


@pytest.mark.parametrize("choice", [{"scenario": "nothing"}, {"scenario": "never", "click": 3}, {"interval": 0}])
def test_a_link_that_cannot_be_says_what_can(choice):
    with pytest.raises(ValueError, match=r"there are|nobody clicks|from 1 to"):
        CodedLink(**{"scenario": "clicked", "sent_at": 0, **choice})


def test_a_scenario_has_one_click_at_most():
    for scenario in SCENARIOS.values():
        assert sum("untilSecond" in step for step in scenario["script"]) <= 1


def test_a_link_in_its_ids_is_known_without_being_sent(simulated):
    ids = CodedLink("clicked", round(time.time()) - 20, click=10).new_ids()
    signzy = Signzy(HttpClient(simulated.base_url), KeptToken(lambda _: DEFAULT_TOKEN), 10)

    assert signzy.check(Ids(ids["requestId"], ids["sessionId"]), None).answer is Answer.CLICKED


# ── Its token in an account ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_token_is_taken_at_once_and_the_old_one_no_more():
    secret = ['{"token": "old"}']
    token = Token(lambda: secret[0], clock=lambda: 0)
    assert token.is_right("old")

    secret[0] = '{"token": "new"}'

    assert token.is_right("new")
    assert not token.is_right("old")
    assert not token.is_right(None)


def test_the_secret_is_read_once_in_ten_seconds():
    now, reads = [0.0], []
    token = Token(lambda: reads.append(now[0]) or '{"token": "one"}', clock=lambda: now[0])

    for now[0] in (0, 5, 9, 11):
        assert token.is_right("one")

    assert reads == [0, 11]
