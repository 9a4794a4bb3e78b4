"""examples/webhook: what is signed, to whom it is sent, how long a delivery takes, and how long it is tried."""

import base64
import json
import re
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
import yaml
from cfnlint.decode.cfn_yaml import loads as load_yaml
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from receive import Outcomes, server_on
from webhook import URL_PATTERN, NotDelivered, Receiver, SigningKeys, message_of, pause_seconds

ROOT = Path(__file__).parents[2]
TEMPLATE = load_yaml((ROOT / "examples" / "webhook" / "template.yaml").read_text("utf-8"))
EVENT = json.loads((ROOT / "events" / "measure-outcomes.json").read_text("utf-8"))
DAY = 86_400

CURRENT = f"whsec_{base64.b64encode(b'c' * 32).decode()}"
PREVIOUS = f"whsec_{base64.b64encode(b'p' * 24).decode()}"


def keys(current: str = CURRENT, previous: str = "") -> SigningKeys:
    return SigningKeys.parse(json.dumps({"current": current, "previous": previous}))


# ── What is signed ────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.binary(min_size=24, max_size=64), st.text(), st.integers(0, 4_000_000_000))
def test_the_librarys_own_signature_is_the_same(key, correlation_id, now_seconds):
    secret = f"whsec_{base64.b64encode(key).decode()}"
    message = message_of(EVENT | {"detail": EVENT["detail"] | {"correlationId": correlation_id}})

    headers = keys(secret).headers(message, now_seconds)

    moment = datetime.fromtimestamp(now_seconds, UTC)
    expected = Webhook(secret).sign(headers["webhook-id"], moment, message.body.decode())
    assert (headers["webhook-signature"], headers["webhook-timestamp"]) == (expected, str(now_seconds))


@pytest.mark.parametrize("receivers_key", [CURRENT, PREVIOUS], ids=["switched already", "not yet"])
def test_during_a_rotation_either_key_verifies(receivers_key):
    message = message_of(EVENT)

    headers = keys(CURRENT, PREVIOUS).headers(message, int(time.time()))

    assert Webhook(receivers_key).verify(message.body, headers)["detail"] == EVENT["detail"]


def test_what_is_sent_is_the_outcome_event_without_the_account():
    sent = json.loads(message_of(EVENT | {"account": "123456789012", "region": "us-east-1"}).body)

    assert set(sent) == {"source", "detail-type", "id", "time", "detail"}


def test_the_same_outcome_has_the_same_id_though_it_is_published_again():
    assert message_of(EVENT).webhook_id == message_of(EVENT | {"id": "another"}).webhook_id


@pytest.mark.parametrize(
    "event",
    [None, [], "text", {}, {"detail": None}, EVENT | {"detail": {"verificationId": "a\r\nx: y"}}],
    ids=["null", "list", "text", "empty", "no detail", "an id that would be a second header"],
)
def test_what_is_no_outcome_event_is_not_sent(event):
    with pytest.raises(NotDelivered, match="not an outcome event"):
        message_of(event)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "[]",
        "{}",
        '{"current": ""}',
        '{"current": "whsec_c2hvcnQ="}',
        json.dumps({"current": CURRENT, "previous": "whsec_ä"}),
        json.dumps({"current": CURRENT + "!"}),
        json.dumps({"current": 1}),
    ],
)
def test_a_secret_without_usable_keys_signs_nothing_and_is_not_quoted(secret):
    with pytest.raises(NotDelivered, match=r"^the secret holds no keys$") as refused:
        SigningKeys.parse(secret)

    assert "whsec_" not in "".join(traceback.format_exception(refused.value))


def test_keys_are_not_shown():
    assert "cccc" not in repr(keys())


# ── To whom ───────────────────────────────────────────────────────────────────────────────────────────────────────────

GOOD_URLS = [
    "https://example.com",
    "https://example.com/",
    "https://hooks.example.com:8443/linkwatch/outcomes?from=linkwatch",
    "http://127.0.0.1:8080/",
]
BAD_URLS = [
    "",
    "example.com",
    "http://example.com/",
    "http://localhost:8080/",
    "http://127.0.0.1.example.com/",
    "HTTPS://example.com/",
    "ftp://example.com/",
    "https://user:password@example.com/",
    "https:///path",
    "https://example.com/a b",
    "https://example.com/#fragment",
    "https://example.com/\r\nx: y",
    "https://example.com/\n",
]


def test_the_template_takes_the_urls_that_the_function_takes():
    assert TEMPLATE["Parameters"]["WebhookUrl"]["AllowedPattern"] == URL_PATTERN


@pytest.mark.parametrize("url", GOOD_URLS)
def test_an_https_url_is_taken(url):
    Receiver(url)


@pytest.mark.parametrize("url", BAD_URLS)
def test_any_other_is_refused(url):
    with pytest.raises(ValueError, match="has to be https"):
        Receiver(url)


# ── One delivery ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def answering() -> Iterator[Callable[..., Receiver]]:
    """Makes a receiver that reads a request, then writes the chunks given, pausing before each but the first."""
    listeners = []

    def make(*chunks: bytes, pause: float = 0.1) -> Receiver:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            for number, chunk in enumerate(chunks):
                time.sleep(pause if number else 0)
                try:
                    connection.sendall(chunk)
                except OSError:  # hung up on
                    break
            connection.close()

        threading.Thread(target=serve, daemon=True).start()
        return Receiver(f"http://127.0.0.1:{listener.getsockname()[1]}/hook")

    yield make
    for listener in listeners:
        listener.close()


def post(receiver: Receiver, budget_seconds: float = 2.0) -> None:
    message = message_of(EVENT)
    receiver.post(message, keys().headers(message, int(time.time())), budget_seconds)


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_a_2xx_is_a_delivery(answering, status):
    post(answering(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused(answering, status):
    receiver = answering(f"HTTP/1.1 {status} X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".encode())

    with pytest.raises(NotDelivered, match=f"^{status}$"):
        post(receiver)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 413, 429, 500, 503])
def test_an_error_is_none(answering, status):
    with pytest.raises(NotDelivered, match=f"^{status}$"):
        post(answering(f"HTTP/1.1 {status} the customer's number is 5550001111\r\n\r\n".encode()))


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 70_000, b"X: y\r\n" * 200],
    ids=["hangs up", "no HTTP", "a header without end", "headers without end"],
)
def test_no_answer_that_can_be_read_is_none(answering, answer):
    with pytest.raises(NotDelivered):
        post(answering(answer))


def test_a_body_without_end_is_not_waited_for(answering):
    began_at = time.monotonic()

    post(answering(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 1000] * 50))

    assert time.monotonic() - began_at < 1


@pytest.mark.parametrize(
    "chunks",
    [[b"H"] * 50, [b"HTTP/1.1 100 Continue\r\n\r\n"] * 50, [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 50]],
    ids=["byte by byte", "100 for ever", "header by header"],
)
def test_a_slow_answer_has_one_budget_of_time(answering, chunks):
    receiver = answering(*chunks)
    threads, began_at = threading.active_count(), time.monotonic()

    with pytest.raises(NotDelivered, match="no answer in time"):
        post(receiver, budget_seconds=0.5)

    assert 0.5 <= time.monotonic() - began_at < 1
    time.sleep(0.3)  # what still waited for the answer was hung up on
    assert threading.active_count() <= threads


def test_nobody_there_is_no_delivery():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]

    with pytest.raises(NotDelivered, match="ConnectionRefusedError"):
        post(Receiver(f"http://127.0.0.1:{port}/"))


def test_a_certificate_that_nobody_vouches_for_is_refused():
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            connection, _ = listener.accept()
            try:
                context.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()

        threading.Thread(target=serve, daemon=True).start()

        with pytest.raises(NotDelivered, match="SSLCertVerificationError"):
            post(Receiver(f"https://localhost:{port}/"))


# ── How long ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_deliveries_are_tried_for_a_day_and_end_before_the_queue_forgets_them():
    queue = TEMPLATE["Resources"]["Outcomes"]["Properties"]
    attempts = queue["RedrivePolicy"]["maxReceiveCount"]

    shortest = sum(pause_seconds(attempt, 0) for attempt in range(1, attempts))
    longest = sum(pause_seconds(attempt, 1) + queue["VisibilityTimeout"] for attempt in range(1, attempts + 1))

    assert shortest >= DAY
    assert longest < queue["MessageRetentionPeriod"] / 2


def test_pauses_double_up_to_an_hour():
    assert [pause_seconds(attempt, 0) for attempt in (1, 2, 3, 8, 9, 32, 10_000)] == [
        15,
        30,
        60,
        1920,
        3600,
        3600,
        3600,
    ]


def test_time_outs_nest():
    function = TEMPLATE["Resources"]["DeliverOutcome"]["Properties"]
    source = (ROOT / "examples" / "webhook" / "functions" / "deliver_outcome.py").read_text("utf-8")
    numbers = re.search(r"connect_timeout=(\d), read_timeout=(\d).*total_max_attempts\": (\d)", source)
    assert numbers
    connect, read, tries = map(int, numbers.groups())

    assert 10 + 2 * tries * (connect + read) < function["Timeout"]
    assert TEMPLATE["Resources"]["Outcomes"]["Properties"]["VisibilityTimeout"] >= 6 * function["Timeout"]


# ── The receiver to copy ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def receiver(tmp_path) -> Iterator[ThreadingHTTPServer]:
    server = server_on(0, Webhook(CURRENT), Outcomes(str(tmp_path / "outcomes.db")))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def deliver(server: ThreadingHTTPServer, signing: SigningKeys, now: float | None = None, **headers: str) -> None:
    message = message_of(EVENT)
    signed = signing.headers(message, int(now or time.time()))
    Receiver(f"http://127.0.0.1:{server.server_port}/").post(message, signed | headers)


def test_the_receiver_acts_once_on_what_comes_twice(receiver, capsys):
    deliver(receiver, keys())
    deliver(receiver, keys())

    said = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in said] == [EVENT["detail"]["outcome"], "known already"]


def test_the_receiver_takes_the_new_key_while_both_are_signed_with(receiver):
    deliver(receiver, keys(PREVIOUS, CURRENT))


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-id": "another"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,a"},
        {"webhook-signature": "v1,ä"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "1"},
    ],
    ids=str,
)
def test_the_receiver_refuses_what_is_not_signed_so(receiver, headers):
    with pytest.raises(NotDelivered, match=r"^401$"):
        deliver(receiver, keys(), **headers)


def test_the_receiver_refuses_another_key_and_an_old_message(receiver):
    with pytest.raises(NotDelivered, match=r"^401$"):
        deliver(receiver, keys(PREVIOUS))
    with pytest.raises(NotDelivered, match=r"^401$"):
        deliver(receiver, keys(), now=time.time() - 301)


def test_what_the_receiver_needs_is_what_the_tests_run_on():
    def pinned(path: Path) -> set[str]:
        return {line.split("#")[0].strip() for line in path.read_text("utf-8").splitlines()}

    development = pinned(ROOT / "requirements" / "development.txt")

    assert pinned(ROOT / "examples" / "webhook" / "receiver" / "requirements.txt") <= development


def test_the_secret_in_the_template_is_empty():
    secret = TEMPLATE["Resources"]["WebhookSecret"]["Properties"]["SecretString"]

    assert yaml.safe_load(secret) == {"current": "", "previous": ""}
