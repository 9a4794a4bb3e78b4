"""The emulator of the local stack: it obeys one key, and plays calls that hang or are closed without stopping the others."""

import json
import stat
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from local.checkout import STATE
from local.launch import Emulator, launch
from local.programs import REGION
from local.stack import Faults


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    launched = launch(1, 300, with_simulator=False)
    yield launched.emulator
    launched.end()


def client(emulator: Emulator, service: str, *keys: str, **options: Any) -> Any:
    config = Config(retries={"total_max_attempts": 1}, **options)
    return boto3.Session(*keys, region_name=REGION).client(service, endpoint_url=emulator.endpoint, config=config)  # pyright: ignore[reportCallIssue, reportArgumentType]


# ── One key ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("key_id", ["test", "000000000000", "123456789012", "LOCAL0123456789", "AKIDEXAMPLE"])
def test_another_key_is_refused(emulator, key_id):
    with pytest.raises(ClientError) as refused:
        client(emulator, "secretsmanager", key_id, "test").list_secrets()

    assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"  # pyright: ignore[reportTypedDictNotRequiredAccess]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("POST", "/", {"X-Amz-Target": "secretsmanager.ListSecrets"}, "{}"),
        ("POST", "/", {"X-Amz-Target": "DynamoDB_20120810.ListTables"}, "{}"),
        ("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, "Action=ListRoles&Version=2010-05-08"),
        ("GET", "/2015-03-31/functions/", {}, ""),
        ("GET", "/", {"Host": "s3.us-east-1.amazonaws.com"}, ""),
        ("PUT", "/a-bucket", {"Host": "s3.us-east-1.amazonaws.com"}, ""),
    ],
    ids=["secrets", "tables", "roles", "functions", "buckets", "a new bucket"],
)
def test_a_call_without_a_signature_is_refused(emulator, method, path, headers, body):
    answer = urllib3.request(method, emulator.endpoint + path, headers=headers, body=body or None)

    assert 400 <= answer.status < 500


def test_the_key_of_this_start_is_the_root(emulator):
    assert emulator.calls().client("sts").get_caller_identity()["Arn"].endswith(":root")


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_web_page_is_refused_even_with_the_right_key(emulator, method):
    signed = emulator.calls().client("s3").generate_presigned_url("list_buckets")

    answer = urllib3.request(method, signed, headers={"Origin": "https://evil.example"})

    assert answer.status == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["reset", "config", "ready", "sqs/messages"])
def test_the_emulators_own_paths_are_refused(emulator, path):
    assert urllib3.request("POST", f"{emulator.endpoint}/_ministack/{path}").status == 403


def test_what_the_local_stack_writes_is_its_users_alone(emulator):
    kept = [emulator.scratch, *emulator.scratch.rglob("*")]

    assert stat.S_IMODE(STATE.stat().st_mode) == 0o700
    assert [path for path in kept if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o077] == []


# ── Slow calls ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def put(emulator) -> Callable[[str], Any]:
    """Puts an item of this id into a table with a role's keys, as a function does."""
    root = emulator.calls().client
    root("dynamodb").create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    anybody = policy({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    arn = root("iam").create_role(RoleName="caller", AssumeRolePolicyDocument=anybody)["Role"]["Arn"]
    everything = policy({"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"})
    root("iam").put_role_policy(RoleName="caller", PolicyName="all", PolicyDocument=everything)
    keys = root("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")

    def put_item(item_id: str) -> None:
        dynamodb = client(emulator, "dynamodb", *(keys[name] for name in names), read_timeout=2)
        dynamodb.put_item(TableName="things", Item={"id": {"S": item_id}})

    return put_item


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def faults(emulator) -> Faults:
    return Faults(emulator)


def is_stored(emulator: Emulator, item_id: str) -> bool:
    return "Item" in emulator.calls().client("dynamodb").get_item(TableName="things", Key={"id": {"S": item_id}})


@pytest.mark.parametrize("after", [False, True], ids=["before it takes effect", "after it took effect"])
def test_a_call_hangs_past_its_clients_time_out_and_stops_no_other(emulator, put, faults, after):
    hanging = f"hangs-{after}"
    faults.refuse("putItem", None, [hanging], 60, times=1, lateBySeconds=5, after=after)
    began = time.monotonic()

    with pytest.raises(ReadTimeoutError):
        put(hanging)

    put("another")
    assert time.monotonic() - began < 5
    assert is_stored(emulator, hanging) is after


@pytest.mark.parametrize("after", [False, True], ids=["before it takes effect", "after it took effect"])
def test_a_connection_is_closed_without_an_answer(emulator, put, faults, after):
    closed = f"closed-{after}"
    faults.refuse("putItem", "closed", [closed], 60, times=1, after=after)

    with pytest.raises(ConnectionClosedError):
        put(closed)

    assert is_stored(emulator, closed) is after
