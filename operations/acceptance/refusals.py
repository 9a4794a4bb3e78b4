"""What a stack must refuse: bad input, calls without a signature or without rights, and forged outcomes."""

import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import boto3
from botocore.exceptions import ClientError

from operations.acceptance.findings import Finding
from operations.acceptance.target import Target
from operations.deployed.clock import await_that
from operations.deployed.signed_calls import ApiAnswer, SignedCalls
from operations.deployed.stack import DeployedStack

_IDS = {"requestId": "0" * 24, "sessionId": "0" * 24}
#: What is wrong with a start: its body and the answer's status.
_BAD_STARTS: dict[str, tuple[object, int]] = {
    "a body that is not JSON": ("{", 400),
    "a malformed id": (_IDS | {"requestId": "12"}, 400),
    "a time in the future": (_IDS | {"linkSentAt": "2099-01-01T00:00:00Z"}, 400),
    "an unknown field": (_IDS | {"phoneNumber": "+15550001111"}, 400),
    "a large body": ({"requestId": "x" * 9000}, 413),
}
#: An event that takes a verification for settled: its source and detail-type.
_FORGED = {
    "an outcome event": ("linkwatch", "VerificationSettled"),
    "an event with linkwatch's source": ("linkwatch", "Anything"),
    "an event with the outcome's detail-type": ("acceptance", "VerificationSettled"),
}
_REFUSED = {"AccessDenied", "AccessDeniedException", "AccessDeniedFault", "NotAuthorizedForSourceException"}
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}
_NOT_ENFORCED = "not enforced by the emulator"
#: Seconds until a new role can be assumed, and until a malformed event is among the dead letters.
_ROLE_SECONDS, _DEAD_LETTER_SECONDS = 30, 60


def _found(case: str, what: str, is_true: bool, where: str = "", *, excuse: str = "") -> Finding:  # noqa: FBT001
    return Finding.of("contract", case, what, is_true=is_true, where=where, excuse=excuse)


def check_refusals(target: Target, tell: Callable[[str], None]) -> list[Finding]:
    """Tries all of them. Raises ClientError where the run itself lacks a right, TimeoutError."""
    tell("calling without a signature, without rights, with bad input; forging outcomes")
    found = [
        _has_status(f"a start with {name}", target.call_api("POST", "/verifications", body), status)
        for name, (body, status) in _BAD_STARTS.items()
    ]
    unknown = f"{'f' * 24}-{'0' * 24}"
    found += [
        _has_status(f"{method} with {name}", target.call_api(method, f"/verifications/{path}"), status)
        for method in ("GET", "DELETE")
        for name, path, status in (("an unknown id", unknown, 404), ("a malformed id", "4711", 400))
    ]
    unsigned = target.call_api("POST", "/verifications", _new_ids(), signed=False)
    found.append(_found("a start without a signature", "403", unsigned.status == 403, str(unsigned.body)))
    return [*found, *forge_outcomes(target), *_without_rights(target, tell), _malformed_event(target)]


def _new_ids() -> dict[str, str]:
    return {"requestId": secrets.token_hex(12), "sessionId": secrets.token_hex(12)}


def _has_status(case: str, answer: ApiAnswer, status: int) -> Finding:
    is_error = isinstance(answer.body, dict) and "error" in answer.body
    where = f"{answer.status}: {str(answer.body)[:200]}"
    return _found(case, f"{status} and an error", answer.status == status and is_error, where)


def _malformed_event(target: Target) -> Finding:
    """It is put among the dead letters, whole, and starts nothing."""
    detail = {"requestId": secrets.token_hex(6), "sessionId": "?"}
    target.stack.put_link_sent(detail)
    letters, found = target.stack.dead_letters, False
    with suppress(TimeoutError):
        found = await_that(
            lambda: any(letter.get("detail") == detail for letter in letters()), _DEAD_LETTER_SECONDS, "it is there"
        )
    url = target.stack.physical_id("InstantLinkSentDeadLetters")
    return _found("a malformed event", "is among the dead letters", found, f"queue {url}")


def forge_outcomes(target: Target) -> list[Finding]:
    """Tries to publish outcomes with the rights of the run itself, which may deploy the stack. The bus's policy denies it."""
    events, bus = target.stack.client("events"), target.stack.outputs.BusName
    detail = json.dumps({"verificationId": "-".join(_new_ids().values()), "outcome": "LINK_CLICKED"})

    found: list[Finding] = []
    for name, (source, detail_type) in _FORGED.items():
        entry = {"EventBusName": bus, "Source": source, "DetailType": detail_type, "Detail": detail}
        is_refused = _is_refused(partial(events.put_events, Entries=[entry]))
        excuse = _NOT_ENFORCED if target.is_emulator else ""
        found.append(_found(f"{name}, forged", "it is refused", is_refused, f"bus {bus}", excuse=excuse))
    return found


def make_nobody(stack: DeployedStack) -> tuple[str, str]:
    """Makes a role that may do nothing, with the boundary and the path of the stack's own. Returns its name and its ARN.

    Only the caller of this run may assume it.
    """
    caller = stack.client("sts").get_caller_identity()["Arn"]
    trust = {"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "sts:AssumeRole"}
    boundary = stack.parameters["PermissionsBoundaryArn"]
    role = stack.client("iam").create_role(
        RoleName=f"{stack.stack_name}-nobody-{secrets.token_hex(3)}",
        Path=stack.parameters["RolePath"],
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        **({"PermissionsBoundary": boundary} if boundary else {}),
    )["Role"]
    return role["RoleName"], role["Arn"]


def _without_rights(target: Target, tell: Callable[[str], None]) -> list[Finding]:
    """What a role without rights may do. It is removed again."""
    stack = target.stack
    name, arn = make_nobody(stack)
    tell(f"made the role {name}, which has no rights and is removed again")
    try:
        nobody = _assume(stack, arn)
        outputs, client = stack.outputs, nobody.client
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
            _found(f"a role without rights tries to {what}", "it is refused", _is_refused(call))
            for what, call in calls.items()
        ]
        status = replace(target, stack=nobody).call_api("POST", "/verifications", _new_ids()).status
        excuse = _NOT_ENFORCED if target.is_emulator else ""
        case = "a role without rights calls the API"
        return [*found, _found(case, "403", status == 403, str(status), excuse=excuse)]
    finally:
        stack.client("iam").delete_role(RoleName=name)


def _assume(stack: DeployedStack, arn: str) -> DeployedStack:
    """The stack as the holder of a role calls it."""

    def assumed() -> dict[str, str] | None:
        with suppress(ClientError):  # IAM takes seconds to make a role known
            return stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="acceptance")["Credentials"]
        return None

    keys, region = await_that(assumed, _ROLE_SECONDS, f"{arn} can be assumed"), stack.calls.region
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=region)
    calls = SignedCalls(session, stack.clock, stack.calls.endpoint)
    return DeployedStack(calls, stack.outputs, stack.stack_name)


def _is_refused(call: Callable[[], Any]) -> bool:
    try:
        answer = call()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in _THROTTLED:  # says nothing about rights
            raise
        return code in _REFUSED
    return answer.get("FailedEntryCount", 0) > 0
