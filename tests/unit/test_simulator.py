"""The simulator of Signzy answers as CheckLink expects of Signzy."""

import threading
from collections.abc import Iterator

import pytest

from linkwatch.bounded_http import KeptConnection
from linkwatch.model import Answer, CheckResult, Ids, Reason
from linkwatch.signzy import Signzy
from linkwatch.signzy_token import FixedToken
from local.simulator.client import SimulatedSignzy
from local.simulator.links import Links
from local.simulator.server import DEFAULT_TOKEN, Simulator

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
    signzy = Signzy(KeptConnection(simulated.base_url), FixedToken(DEFAULT_TOKEN), 10)
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
