"""The simulator answers as CheckLink expects Signzy to: the local server, links that are coded in their ids, and the Lambda."""

import base64
import json
import threading
import time
from collections.abc import Iterator

import pytest
import urllib3

from linkwatch.http_client import HttpClient
from linkwatch.model import Answer, CheckResult, Ids, Reason
from linkwatch.signzy import Signzy
from linkwatch.signzy_token import KeptToken
from simulator.client import SimulatedSignzy
from simulator.coded import CodedLink, decoded
from simulator.links import Links
from simulator.misbehaviours import MISBEHAVIOURS
from simulator.scenarios import SCENARIOS
from simulator.secret_token import Token
from simulator.server import DEFAULT_TOKEN, Simulator

IDS = Ids("6462150e29c23b4d42352a63", "AbcdefAbcdefAbcdefAbcdef")


def path_of(ids: Ids) -> str:
    return f"/api/v3/us-kyc/poll-check-verify/request/{ids.request_id}/session/{ids.session_id}"


@pytest.fixture
def simulated() -> Iterator[SimulatedSignzy]:
    with Simulator(0, Links(300, DEFAULT_TOKEN)) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield SimulatedSignzy(f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


def checked(
    simulated: SimulatedSignzy, ids: Ids = IDS, checks: int = 1, token: str = DEFAULT_TOKEN
) -> list[CheckResult]:
    signzy = Signzy(HttpClient(simulated.base_url), KeptToken(lambda _: token), 10)
    return [signzy.check(ids, None) for _ in range(checks)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        *((answer, Answer.CLICKED) for answer in ("clicked", "pascal-case", "session-in-capitals")),
        ("another-session", Answer.UNAVAILABLE),
    ],
)
def test_it_answers_about_the_session_of_the_check(simulated, answer, expected):
    simulated.send_link(IDS.request_id, IDS.session_id, script=[{"answer": answer}])

    assert [result.answer for result in checked(simulated)] == [expected]


def test_it_takes_its_token_alone(simulated):
    assert checked(simulated, token="another") == [CheckResult(Answer.UNAVAILABLE, Reason.CREDENTIALS_REFUSED)]


def test_it_can_close_a_kept_connection_at_the_next_request(simulated):
    simulated.send_link(IDS.request_id, IDS.session_id, script=[{"answer": "pending", "closesKept": True}])

    assert checked(simulated, checks=3) == [CheckResult(Answer.PENDING)] * 3
    assert [request.answer for request in simulated.requests(IDS.request_id)].count("close") == 2


@pytest.mark.parametrize("misbehaviour", MISBEHAVIOURS)
def test_a_misbehaviour_is_no_answer(simulated, misbehaviour):
    simulated.send_link(IDS.request_id, IDS.session_id, script=[{"answer": misbehaviour}])
    headers = {"Authorization": DEFAULT_TOKEN, "Content-Type": "application/json"}
    url = simulated.base_url.removesuffix("/api/v3/us-kyc") + path_of(IDS)

    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.request("GET", url, headers=headers, timeout=0.3, retries=False)


# ── Links that are coded in their ids ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_link_is_decoded_from_its_ids(scenario):
    link = CodedLink(scenario, 1_800_000_000, None, 5)
    ids, others = link.new_ids(), link.new_ids()

    assert decoded(ids["requestId"].upper(), ids["sessionId"].upper()) == link
    assert ids["requestId"] != others["requestId"]
    assert decoded(ids["requestId"], others["sessionId"]) is None


def test_a_chosen_click_replaces_that_of_the_scenario():
    link = CodedLink("flaky", 1_000, click=31)

    answers = [link.step((1_000 + second) * 1000, 300)["answer"] for second in (10, 30, 31, 70)]

    assert answers == ["pending", "pending", "clicked", "truncated-json"]


def test_the_seconds_of_a_scenario_are_scaled_to_the_window():
    link = CodedLink("clicked-late", 1_000)

    answers = [link.step((1_000 + second) * 1000, 60)["answer"] for second in (58, 59, 60)]

    assert answers == ["pending", "clicked", "pending"]  # at 60 the window is over: no result


@pytest.mark.parametrize(
    "choice", [{"scenario": "nothing"}, {"scenario": "never", "click": 3}, {"interval": 0}, {"interval": 256}], ids=str
)
def test_an_invalid_choice_names_the_valid_ones(choice):
    with pytest.raises(ValueError, match=r"there are|has no click|from 1 to"):
        CodedLink(**{"scenario": "clicked", "sent_at": 0, **choice})


def test_a_scenario_has_one_click_at_most():
    for scenario in SCENARIOS.values():
        assert sum("untilSecond" in step for step in scenario["script"]) <= 1


def test_a_coded_link_is_known_without_being_sent(simulated):
    ids = CodedLink("clicked", round(time.time()) - 20, click=10).new_ids()

    assert checked(simulated, Ids(ids["requestId"], ids["sessionId"]))[0].answer is Answer.CLICKED


# ── In an account ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def get(aws, monkeypatch):
    """Has the Lambda answer a request that was received 20 s after the link was sent. Returns status and body."""
    aws.secret = '{"token": "right"}'
    monkeypatch.setenv("TOKEN_ARN", "arn:aws:secretsmanager:us-east-1:123456789012:secret:SimulatorToken")
    from simulator import function_url  # noqa: PLC0415  it reads its environment when it is imported

    def answer(path: str, method: str = "GET", authorization: str = "right") -> tuple[int, bytes]:
        http = {"requestContext": {"http": {"method": method}, "timeEpoch": 1_800_000_020_000}, "rawPath": path}
        headers = {"authorization": authorization, "content-type": "application/json"}
        answered = function_url.handler({**http, "headers": headers}, None)
        assert answered["isBase64Encoded"]
        return answered["statusCode"], base64.b64decode(answered["body"])

    return answer


def coded_path(scenario: str, click: int | None = None) -> str:
    ids = CodedLink(scenario, 1_800_000_000, click).new_ids()
    return path_of(Ids(ids["requestId"], ids["sessionId"]))


def test_the_lambda_answers_by_the_ids_and_the_time_of_the_request(get):
    clicked, waiting = get(coded_path("clicked", click=20)), get(coded_path("clicked", click=21))

    assert json.loads(clicked[1])["result"]["linkClicked"] is True
    assert b"Please wait" in waiting[1]
    assert b"Invalid requestId" in get(path_of(IDS))[1]


@pytest.mark.parametrize(
    ("request_of", "status"),
    [({"authorization": "another"}, 401), ({"method": "PUT"}, 404), ({"path": "/other"}, 404), ({"path": "/"}, 200)],
    ids=str,
)
def test_the_lambda_refuses_what_signzy_refuses(get, request_of, status):
    assert get(**{"path": coded_path("clicked"), **request_of})[0] == status


def test_the_lambda_fails_where_the_scenario_wants_no_answer(get):
    ids = CodedLink("flaky", 1_800_000_000 - 20).new_ids()  # at the fourth check, 40 s after it was sent

    with pytest.raises(Exception, match="close"):
        get(path_of(Ids(ids["requestId"], ids["sessionId"])))


def test_a_new_token_is_accepted_at_once_and_the_old_one_is_refused():
    secret = ['{"token": "old"}']
    token = Token(lambda: secret[0], clock=lambda: 0)
    assert token.is_right("old")

    secret[0] = '{"token": "new"}'

    assert [token.is_right(given) for given in ("new", "old", None)] == [True, False, False]


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
