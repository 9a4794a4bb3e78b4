"""The emulator of the local stack runs its Lambdas as the developer: it obeys one key, and no web page."""

import stat
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError

from local.checkout import STATE
from local.launch import Emulator, launch
from local.programs import REGION


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    launched = launch(1, 300)
    yield launched
    launched.end()


@pytest.mark.parametrize("key_id", ["test", "000000000000", "LOCAL0123456789"])
def test_another_key_is_refused(emulator, key_id):
    session = boto3.Session(key_id, "test", region_name=REGION)

    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        session.client("secretsmanager", endpoint_url=emulator.endpoint).list_secrets()


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/", {"X-Amz-Target": "secretsmanager.ListSecrets"}),
        ("GET", "/2015-03-31/functions/", {}),
        ("PUT", "/a-bucket", {"Host": "s3.us-east-1.amazonaws.com"}),
    ],
    ids=["secrets", "functions", "a new bucket"],
)
def test_a_call_without_a_signature_is_refused(emulator, method, path, headers):
    assert 400 <= urllib3.request(method, emulator.endpoint + path, headers=headers).status < 500


def test_a_web_page_is_refused_even_what_anybody_may_ask(emulator):
    health = f"{emulator.endpoint}/_ministack/health"
    assert urllib3.request("GET", health).status == 200

    answer = urllib3.request("GET", health, headers={"Origin": "https://evil.example"})

    assert (answer.status, "Access-Control-Allow-Origin" in answer.headers) == (403, False)


@pytest.mark.parametrize("path", ["reset", "config"])
def test_the_emulators_own_paths_are_refused(emulator, path):
    assert urllib3.request("POST", f"{emulator.endpoint}/_ministack/{path}").status == 403


def test_what_the_local_stack_writes_is_its_users_alone(emulator):
    folder = Path(emulator.scratch).parents[1]

    assert (folder, stat.S_IMODE(folder.stat().st_mode)) == (STATE, 0o700)
