"""What the entry points refuse: bad input, calls without a signature, a role without rights."""

import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import boto3
from botocore.exceptions import ClientError

from operations.acceptance.findings import Finding
from operations.acceptance.place import Place
from operations.deployed.clock import await_that
from operations.deployed.signed_calls import ApiAnswer

_IDS = {"requestId": "0" * 24, "sessionId": "0" * 24}
#: body of a POST: what it is answered with
_BAD_STARTS: dict[str, tuple[object, int]] = {
    "nothing": ("", 400),
    "no JSON": ("{", 400),
    "a list": ("[]", 400),
    "an id that is none": (_IDS | {"requestId": "12"}, 400),
    "an id that is missing": ({"requestId": "0" * 24}, 400),
    "a time that is none": (_IDS | {"linkSentAt": "10 o'clock"}, 400),
    "a time that has not come": (_IDS | {"linkSentAt": "2099-01-01T00:00:00Z"}, 400),
    "an unknown field": (_IDS | {"phoneNumber": "+15550001111"}, 400),
    "too large": ({"requestId": "x" * 9000}, 413),
}
_REFUSED = {"AccessDenied", "AccessDeniedException", "AccessDeniedFault"}
#: Seconds until a new role can be taken, and until a malformed event lies among the dead letters.
_ROLE_SECONDS, _DEAD_LETTER_SECONDS = 30, 60


def refusals(place: Place, tell: Callable[[str], None]) -> list[Finding]:
    """Tries all of them, and what they must not leave behind."""
    tell("calling without a signature, without rights, with bad input")
    call = place.stack.call_api
    found = [
        _answered(f"a start with {name}", call("POST", "/verifications", body), status)
        for name, (body, status) in _BAD_STARTS.items()
    ]
    unknown = f"{'f' * 24}-{'0' * 24}"
    found += [
        _answered(f"{method} of {name}", call(method, f"/verifications/{path}"), status)
        for method in ("GET", "DELETE")
        for name, path, status in (("what there is not", unknown, 404), ("what can not be", "4711", 400))
    ]
    unsigned = place.stack.call_api("POST", "/verifications", _new_ids(), signed=False)
    found.append(Finding("contract", "a start without a signature", "403", unsigned.status == 403, str(unsigned.body)))
    return [*found, *_without_rights(place), _malformed_event(place)]


def _new_ids() -> dict[str, str]:
    return {"requestId": secrets.token_hex(12), "sessionId": secrets.token_hex(12)}


def _answered(case: str, answer: ApiAnswer, status: int) -> Finding:
    is_error = isinstance(answer.body, dict) and "error" in answer.body
    where = f"{answer.status}: {str(answer.body)[:200]}"
    return Finding("contract", case, f"{status} and an error", answer.status == status and is_error, where)


def _malformed_event(place: Place) -> Finding:
    """It is put among the dead letters, whole, and starts nothing."""
    detail = {"requestId": secrets.token_hex(6), "sessionId": "?"}
    place.stack.put_link_sent(detail)
    letters, found = place.stack.event_queue.dead_letters, False
    with suppress(TimeoutError):
        found = await_that(
            lambda: any(letter.get("detail") == detail for letter in letters()), _DEAD_LETTER_SECONDS, "it lies there"
        )
    url = place.stack.event_queue.url("InstantLinkSentDeadLetters")
    return Finding("contract", "a malformed event", "lies among the dead letters", found, f"queue {url}")


def _without_rights(place: Place) -> list[Finding]:
    """A role that may do nothing, made for this and removed again."""
    iam, name = place.stack.client("iam"), f"{place.stack.stack_name}-nobody-{secrets.token_hex(3)}"
    account = place.stack.client("sts").get_caller_identity()["Arn"].split(":")
    principal = {"AWS": f"arn:{account[1]}:iam::{account[4]}:root"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    try:
        session = _taken(place, arn)
        outputs, client = place.stack.outputs, lambda service: place.stack.calls.client(service, session)
        entry = {"EventBusName": outputs.BusName, "Source": "x", "DetailType": "InstantLinkSent", "Detail": "{}"}
        key = {"verificationId": {"S": "0"}}
        calls: dict[str, Callable[[], Any]] = {
            "put an event": lambda: client("events").put_events(Entries=[entry]),
            "read the table": lambda: client("dynamodb").get_item(TableName=outputs.TableName, Key=key),
            "read the token": lambda: client("secretsmanager").get_secret_value(SecretId=outputs.SignzyTokenArn),
            "start an execution": lambda: client("stepfunctions").start_execution(
                stateMachineArn=outputs.StateMachineArn, input="{}"
            ),
        }
        found = [
            Finding("contract", f"a role without rights tries to {what}", "it is refused", _is_refused(call))
            for what, call in calls.items()
        ]
        if not place.is_emulator:
            status = place.stack.call_api("POST", "/verifications", _new_ids(), session=session).status
            found.append(Finding("contract", "a role without rights calls the API", "403", status == 403, str(status)))
        return found
    finally:
        iam.delete_role(RoleName=name)


def _taken(place: Place, arn: str) -> boto3.Session:
    def assumed() -> dict[str, str] | None:
        with suppress(ClientError):  # IAM takes seconds to make a role known
            return place.stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="acceptance")["Credentials"]
        return None

    keys, region = await_that(assumed, _ROLE_SECONDS, f"{arn} can be assumed"), place.stack.calls.region
    return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=region)


def _is_refused(call: Callable[[], Any]) -> bool:
    try:
        answer = call()
    except ClientError as error:
        return error.response.get("Error", {}).get("Code") in _REFUSED
    return answer.get("FailedEntryCount", 0) > 0
