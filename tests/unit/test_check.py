"""One check of a vendor who does as he likes, over a real connection."""

import itertools
import json
import socket
import ssl
import threading
import time

import botocore.auth  # noqa: F401  its import takes longer than the checks of these tests may
import pytest
import trustme

from linkwatch import signzy
from linkwatch.bounded_http import KeptConnection
from linkwatch.model import Answer, CheckResult, Ids, Reason
from linkwatch.signzy_token import Credentials, SecretToken
from tests.unit.vendor import message, swallowing, vendor

IDS = Ids("6462150E29c23b4d42352a63", "646214d929c23b4d42c1fc39")
PENDING = message('{"result":{"message":"Please wait for sometime"}}')
CLICKED = message('{"result":{"linkClicked":true}}')
REFUSED = message('{"error":{"message":"Invalid authentication credentials"}}', "401 Unauthorized")


class Tokens:
    """Gives its tokens one after the other, as the secret would when it is rotated."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = list(tokens)
        self.fetched = 0

    def token(self, ends_at: float) -> str:  # noqa: ARG002  they are at hand
        return self._tokens[0]

    def fresh_token(self, ends_at: float) -> str | None:  # noqa: ARG002
        self.fetched += 1
        if len(self._tokens) > 1:
            self._tokens.pop(0)
        return self._tokens[0]


def checker(url, tokens=None, interval_seconds=10.0, clock=time.time, **connection) -> signzy.Signzy:
    return signzy.Signzy(KeptConnection(url, **connection), tokens or Tokens("token-1"), interval_seconds, clock)


def check_of(answer, **options) -> CheckResult:
    with vendor(answer) as asked:
        return checker(asked.url, **options).check(IDS, None)


def unavailable(reason: Reason) -> CheckResult:
    return CheckResult(Answer.UNAVAILABLE, reason)


def test_the_request_is_the_one_that_signzy_documents():
    with vendor(PENDING) as asked:
        checker(asked.url).check(IDS, None)

    request_line, *headers = asked.requests[0].strip().split("\r\n")
    assert request_line == (
        "GET /api/v3/us-kyc/poll-check-verify/request/6462150E29c23b4d42352a63/session/646214d929c23b4d42c1fc39 HTTP/1.1"
    )
    assert {"Content-Type: application/json", "Authorization: token-1"} <= set(headers)


def test_the_connection_is_kept_for_the_next_check():
    with vendor(PENDING) as asked:
        check = checker(asked.url).check
        answers = [check(IDS, None).answer for _ in range(3)]

    assert answers == [Answer.PENDING] * 3
    assert asked.connections == 1


def test_a_connection_that_the_vendor_closed_is_made_anew():
    def answer_and_close(_, connection: socket.socket) -> None:
        connection.sendall(CLICKED)
        connection.shutdown(socket.SHUT_RDWR)

    with vendor(answer_and_close) as asked:
        check = checker(asked.url).check
        answers = []
        for _ in range(2):
            answers.append(check(IDS, None).answer)
            time.sleep(0.05)  # the vendor's goodbye needs to arrive

    assert answers == [Answer.CLICKED] * 2


def test_an_answer_that_ends_with_the_connection_is_read():
    answer = b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"result":{"linkClicked":true}}'

    def answer_and_close(_, connection: socket.socket) -> None:
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    assert check_of(answer_and_close).answer is Answer.CLICKED


def test_a_chunked_answer_is_read():
    body = b'{"result":{"linkClicked":true}}'
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    assert check_of(answer).answer is Answer.CLICKED


def test_a_redirect_is_not_followed_even_if_it_says_that_the_link_was_clicked():
    with vendor(CLICKED) as elsewhere, vendor(message("", "302 Found", f"Location: {elsewhere.url}\r\n")) as asked:
        result = checker(asked.url).check(IDS, None)

    assert result == unavailable(Reason.BAD_ANSWER)
    assert elsewhere.requests == []


@pytest.mark.parametrize("bytes_over", [0, 1])
def test_a_body_is_read_up_to_256_kib(bytes_over):
    body = b'{"result":{"linkClicked":true}}'.ljust(256 * 1024 + bytes_over)

    assert check_of(message(body)) == (
        unavailable(Reason.BAD_ANSWER) if bytes_over else CheckResult(Answer.CLICKED, result=check_of(CLICKED).result)
    )


def drip(prefix: bytes, piece: bytes):
    def answer(_, connection: socket.socket) -> None:
        connection.sendall(prefix)
        for _ in itertools.repeat(None, 200):
            connection.sendall(piece)
            time.sleep(0.02)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _, connection: connection.recv(1), id="silence"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"), id="a head that drips"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "), id="a body that drips"),
        pytest.param(
            drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"), id="chunks that drip"
        ),
    ],
)
def test_a_slow_vendor_costs_no_more_than_the_checks_time(answer):
    started_at = time.monotonic()

    result = check_of(answer, interval_seconds=1.0)

    assert result == unavailable(Reason.TIMEOUT)
    assert 0.5 < time.monotonic() - started_at < 1.0  # 60 % of the interval


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _, connection: connection.shutdown(socket.SHUT_RDWR), id="closed without an answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", id="closed in the middle"),
        pytest.param(b"no HTTP at all\r\n\r\n", id="another protocol"),
    ],
)
def test_a_connection_that_breaks_is_no_connection(answer):
    def answer_and_close(asked, connection: socket.socket) -> None:
        answer(asked, connection) if callable(answer) else connection.sendall(answer)
        connection.close()

    assert check_of(answer_and_close) == unavailable(Reason.NO_CONNECTION)


def test_a_vendor_who_is_not_there_is_no_connection():
    with vendor(PENDING) as asked:
        pass

    assert checker(asked.url).check(IDS, None) == unavailable(Reason.NO_CONNECTION)


AUTHORITY = trustme.CA()


def served_by(authority: trustme.CA) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    return tls


def vouched_for() -> ssl.SSLContext:
    """Trusts AUTHORITY."""
    tls = ssl.create_default_context()
    AUTHORITY.configure_trust(tls)
    return tls


def test_a_certificate_that_nobody_vouches_for_is_no_connection():
    with vendor(CLICKED, served_by(trustme.CA())) as asked:
        result = checker(asked.url, tls=ssl.create_default_context()).check(IDS, None)

    assert result == unavailable(Reason.NO_CONNECTION)
    assert asked.requests == []


def test_a_certificate_that_is_vouched_for_is_trusted():
    with vendor(CLICKED, served_by(AUTHORITY)) as asked:
        assert checker(asked.url, tls=vouched_for()).check(IDS, None).answer is Answer.CLICKED


# ── The token ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def accept_only(token: str):
    def answer(asked, connection: socket.socket) -> None:
        connection.sendall(CLICKED if f"Authorization: {token}\r\n" in asked.requests[-1] else REFUSED)

    return answer


def test_a_rotated_token_is_fetched_and_asked_with_in_the_same_check():
    tokens = Tokens("old", "new")

    assert check_of(accept_only("new"), tokens=tokens).answer is Answer.CLICKED
    assert tokens.fetched == 1


def test_a_refusal_too_long_to_read_is_one_and_the_fresh_token_is_asked_with():
    def answer(asked, connection: socket.socket) -> None:
        is_new = "Authorization: new\r\n" in asked.requests[-1]
        refused = message(b"x" * 300_000, "401 Unauthorized")
        connection.sendall(CLICKED if is_new else refused[: 256 * 1024 + 500])  # the rest never comes

    assert check_of(answer, tokens=Tokens("old", "new")).answer is Answer.CLICKED


def test_a_token_refused_twice_is_refused():
    tokens = Tokens("old")

    with vendor(accept_only("another")) as asked:
        result = checker(asked.url, tokens).check(IDS, None)

    assert result == unavailable(Reason.CREDENTIALS_REFUSED)
    assert (len(asked.requests), tokens.fetched) == (2, 1)


def test_a_token_that_cannot_be_fetched_anew_stays_refused():
    class NoFreshToken(Tokens):
        def fresh_token(self, ends_at):  # noqa: ARG002
            raise signzy.TokenUnavailable("the secret cannot be read", Reason.CHECK_FAILED)

    with pytest.raises(signzy.TokenUnavailable) as caught:
        check_of(REFUSED, tokens=NoFreshToken("old"))

    assert caught.value.reason is Reason.CREDENTIALS_REFUSED


# ── The deadline ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_at_the_deadline_nothing_is_asked():
    class Untouched(Tokens):
        def token(self, ends_at):  # noqa: ARG002
            raise AssertionError("the secret is not read, either")

    with vendor(CLICKED) as asked:
        result = checker(asked.url, Untouched(), clock=lambda: 1000.0).check(IDS, deadline=1000.0)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert asked.connections == 0


def test_a_moment_before_the_deadline_is_early_enough():
    with vendor(CLICKED) as asked:
        assert checker(asked.url, clock=lambda: 999.5).check(IDS, deadline=1000.0).answer is Answer.CLICKED


class Clock:
    """Stands at a moment before the deadline, 1000, and is set past it."""

    def __init__(self) -> None:
        self.now = 990.0

    def __call__(self) -> float:
        return self.now

    def pass_the_deadline(self) -> None:
        self.now = 1000.0


class PassingTokens(Tokens):
    """Takes so long to give its second token that the deadline passes."""

    def __init__(self, clock: Clock, passes_at_fetch: int) -> None:
        super().__init__("old", "new")
        self._clock = clock
        self._passes_at_fetch = passes_at_fetch

    def token(self, ends_at: float) -> str:
        if self._passes_at_fetch == 0:
            self._clock.pass_the_deadline()
        return super().token(ends_at)

    def fresh_token(self, ends_at: float) -> str | None:
        self._clock.pass_the_deadline()
        return super().fresh_token(ends_at)


@pytest.mark.parametrize("fetches_before", [0, 1])
def test_nothing_is_asked_when_the_deadline_passes_while_the_token_is_fetched(fetches_before):
    clock = Clock()

    with vendor(REFUSED) as asked:
        result = checker(asked.url, PassingTokens(clock, fetches_before), clock=clock).check(IDS, deadline=1000.0)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert len(asked.requests) == fetches_before


def test_nothing_is_written_when_the_deadline_passes_while_the_name_is_resolved():
    clock = Clock()

    def resolve(*about):
        clock.pass_the_deadline()
        return socket.getaddrinfo(*about)

    with vendor(CLICKED) as asked:
        result = checker(asked.url, clock=clock, resolve=resolve).check(IDS, deadline=1000.0)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert asked.requests == []


def test_nothing_is_written_when_the_deadline_passes_during_the_handshake():
    clock = Clock()

    with vendor(CLICKED, served_by(AUTHORITY), before_tls=clock.pass_the_deadline) as asked:
        result = checker(asked.url, clock=clock, tls=vouched_for()).check(IDS, deadline=1000.0)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert asked.requests == []


def test_a_connection_that_takes_until_after_the_deadline_is_too_late():
    deadline = time.time() + 0.6

    with vendor(CLICKED, served_by(AUTHORITY), before_tls=lambda: time.sleep(0.7)) as asked:
        result = checker(asked.url, tls=vouched_for()).check(IDS, deadline)

    assert result == unavailable(Reason.PAST_DEADLINE)
    assert asked.requests == []
    assert time.time() < deadline + 0.5


def test_nothing_is_written_when_the_deadline_passes_while_a_kept_connection_is_replaced():
    clock = Clock()

    def answer(asked, connection: socket.socket) -> None:
        if len(asked.requests) == 1:
            connection.sendall(PENDING)
        else:
            clock.pass_the_deadline()
            connection.close()

    with vendor(answer) as asked:
        check = checker(asked.url, clock=clock).check
        results = [check(IDS, deadline=1000.0) for _ in range(2)]

    assert results == [CheckResult(Answer.PENDING), unavailable(Reason.PAST_DEADLINE)]
    assert len(asked.requests) == 2


# ── A kept connection that ends ───────────────────────────────────────────────────────────────────────────────────────


def hang_up_on_the_second(head: bytes = b"", *, reset: bool = False):
    """Answers the first request of each connection; sends head and hangs up on the second."""

    def answer(asked, connection: socket.socket) -> None:
        if asked.requests_of(connection) == 1:
            connection.sendall(CLICKED)
            return
        if head:
            connection.sendall(head)
            time.sleep(0.1)  # or the reset overtakes it
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    return answer


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_kept_connection_that_ends_without_an_answer_is_replaced_in_the_same_check(reset):
    with vendor(hang_up_on_the_second(reset=reset)) as asked:
        check = checker(asked.url).check
        answers = [check(IDS, None).answer for _ in range(4)]

    assert answers == [Answer.CLICKED] * 4
    assert asked.connections == 4


def test_a_kept_connection_that_ends_over_tls_is_replaced_too():
    with vendor(hang_up_on_the_second(), served_by(AUTHORITY)) as asked:
        check = checker(asked.url, tls=vouched_for()).check
        answers = [check(IDS, None).answer for _ in range(2)]

    assert answers == [Answer.CLICKED] * 2


def test_it_is_replaced_once():
    def answer(asked, connection: socket.socket) -> None:
        connection.sendall(CLICKED) if len(asked.requests) == 1 else connection.close()

    with vendor(answer) as asked:
        check = checker(asked.url).check
        results = [check(IDS, None) for _ in range(2)]

    assert results[1] == unavailable(Reason.NO_CONNECTION)
    assert (len(asked.requests), asked.connections) == (3, 2)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_connection_that_ends_after_the_first_byte_of_an_answer_costs_the_check(reset):
    with vendor(hang_up_on_the_second(head=b"HTTP", reset=reset)) as asked:
        check = checker(asked.url).check
        results = [check(IDS, None) for _ in range(2)]

    assert results[1] == unavailable(Reason.NO_CONNECTION)
    assert len(asked.requests) == 2


def test_a_fresh_connection_that_ends_without_an_answer_costs_the_check():
    with vendor(lambda _, connection: connection.close()) as asked:
        result = checker(asked.url).check(IDS, None)

    assert result == unavailable(Reason.NO_CONNECTION)
    assert len(asked.requests) == 1


def test_a_kept_connection_that_is_silent_is_not_replaced():
    def answer(asked, connection: socket.socket) -> None:
        connection.sendall(PENDING) if len(asked.requests) == 1 else connection.recv(1)

    with vendor(answer) as asked:
        check = checker(asked.url, interval_seconds=0.5).check
        results = [check(IDS, None) for _ in range(2)]

    assert results[1] == unavailable(Reason.TIMEOUT)
    assert len(asked.requests) == 2


def test_what_a_connection_says_unasked_is_no_answer():
    def answer(_, connection: socket.socket) -> None:
        connection.sendall(PENDING)
        time.sleep(0.05)
        connection.sendall(CLICKED)

    with vendor(answer) as asked:
        check = checker(asked.url).check
        answers = []
        for _ in range(2):
            answers.append(check(IDS, None).answer)
            time.sleep(0.1)

    assert answers == [Answer.PENDING] * 2


def test_what_came_unasked_in_one_piece_with_an_answer_over_tls_is_no_answer():
    # As long as one read: what follows stays in the TLS layer, where no poll sees it.
    answer = message(b'{"result":{"message":"Please wait"}}'.ljust(8192 - len(message(b"0" * 1000)) + 1000))
    assert len(answer) == 8192

    with vendor(answer + CLICKED, served_by(AUTHORITY)) as asked:
        check = checker(asked.url, tls=vouched_for()).check
        answers = [check(IDS, None).answer for _ in range(2)]

    assert answers == [Answer.PENDING] * 2


def test_after_an_answer_that_did_not_come_a_new_connection_is_made():
    def answer(asked, connection: socket.socket) -> None:
        if len(asked.requests) > 1:
            connection.sendall(PENDING)

    with vendor(answer) as asked:
        check = checker(asked.url, interval_seconds=0.5).check
        results = [check(IDS, None) for _ in range(2)]

    assert results == [unavailable(Reason.TIMEOUT), CheckResult(Answer.PENDING)]
    assert asked.connections == 2


# ── Whose answer it is ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("clicked", [True, False])
def test_an_answer_about_another_session_is_none_and_ends_the_connection(clicked):
    foreign = message(json.dumps({"result": {"linkClicked": clicked, "sessionId": "a" * 24}}))

    with vendor(foreign) as asked:
        check = checker(asked.url).check
        results = [check(IDS, None) for _ in range(2)]

    assert results == [unavailable(Reason.BAD_ANSWER)] * 2
    assert asked.connections == 2


def test_the_session_is_compared_without_case():
    assert check_of(
        message(json.dumps({"Result": {"LinkClicked": True, "SessionId": IDS.session_id.upper()}}))
    ).answer is (Answer.CLICKED)


# ── One budget of time ────────────────────────────────────────────────────────────────────────────────────────────────


def addresses(*servers):
    """A resolver that knows one name, with the addresses of these servers."""
    return lambda *_: [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in servers]


def test_all_addresses_together_get_the_time_of_one_check():
    with swallowing() as first, swallowing() as second, swallowing() as third:
        started_at = time.monotonic()
        result = checker("http://signzy.test", interval_seconds=1.0, resolve=addresses(first, second, third)).check(
            IDS, None
        )

    assert result == unavailable(Reason.TIMEOUT)
    assert 0.5 < time.monotonic() - started_at < 1.2  # 60 % of the interval


def test_an_address_that_swallows_leaves_time_for_the_next():
    with swallowing() as dead, vendor(CLICKED) as asked:
        result = checker("http://signzy.test", interval_seconds=1.0, resolve=addresses(dead, asked.address)).check(
            IDS, None
        )

    assert result.answer is Answer.CLICKED


def test_an_address_that_swallows_leaves_time_before_the_deadline_too():
    with swallowing() as dead, vendor(CLICKED) as asked:
        result = checker("http://signzy.test", resolve=addresses(dead, asked.address)).check(IDS, time.time() + 0.8)

    assert result.answer is Answer.CLICKED


def test_an_address_that_refuses_is_passed_over():
    with vendor(CLICKED) as gone:
        pass

    with vendor(CLICKED) as asked:
        result = checker("http://signzy.test", resolve=addresses(gone.address, asked.address)).check(IDS, None)

    assert result.answer is Answer.CLICKED


def test_a_resolver_that_blocks_costs_no_more_than_the_checks_time():
    goes_on = threading.Event()

    def resolve(*_):
        goes_on.wait(10)
        return []

    started_at = time.monotonic()
    result = checker("http://signzy.test", interval_seconds=0.5, resolve=resolve).check(IDS, None)
    took = time.monotonic() - started_at
    goes_on.set()

    assert result == unavailable(Reason.TIMEOUT)
    assert took < 1


def test_a_name_that_does_not_exist_is_no_connection():
    def resolve(*_):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert checker("http://signzy.test", resolve=resolve).check(IDS, None) == unavailable(Reason.NO_CONNECTION)


def test_a_handshake_that_never_ends_costs_no_more_than_the_checks_time():
    with vendor(CLICKED, served_by(AUTHORITY), before_tls=lambda: time.sleep(2)) as asked:
        check = checker(asked.url, interval_seconds=1.0, tls=vouched_for()).check
        started_at = time.monotonic()
        result = check(IDS, None)
        took = time.monotonic() - started_at

    assert result == unavailable(Reason.TIMEOUT)
    assert 0.5 < took < 1.2


SECRET = message(json.dumps({"SecretString": '{"token": "t-1"}'}))


@pytest.mark.parametrize("reads_before_it_drips", [0, 1])
def test_a_secret_that_drips_costs_no_more_than_the_checks_time(reads_before_it_drips):
    def answer(asked, connection: socket.socket) -> None:
        if len(asked.requests) <= reads_before_it_drips:
            connection.sendall(SECRET)
        else:
            drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" ")(asked, connection)

    with vendor(answer) as secrets_manager, vendor(REFUSED) as asked:
        tokens = SecretToken("arn", "us-east-1", Credentials("key", "secret", None), secrets_manager.url)
        check = checker(asked.url, tokens, interval_seconds=1.0).check
        started_at = time.monotonic()
        with pytest.raises(signzy.TokenUnavailable):
            check(IDS, None)
        took = time.monotonic() - started_at

    assert 0.5 < took < 1.2  # 60 % of the interval, and room for a busy machine
