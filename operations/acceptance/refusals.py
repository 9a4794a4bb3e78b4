"""What a stack must refuse: bad input, calls without a signature or without rights, and forged outcomes."""

import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import boto3
from botocore.exceptions import ClientError

from operations.acceptance.findings import Finding
from operations.acceptance.target import Target, call_api
from operations.deployed.clock import await_that
from operations.deployed.signed_calls import SignedCalls
from operations.deployed.stack import DeployedStack

_IDS = {"requestId": "0" * 24, "sessionId": "0" * 24}
_VERIFICATIONS, _UNKNOWN = "/verifications", f"/verifications/{'f' * 24}-{'0' * 24}"
#: Calls of the API with a signature: what is wrong, method, path, body, and the answer's status.
_BAD_CALLS: list[tuple[str, str, str, object, int]] = [
    ("a start with a body that is not JSON", "POST", _VERIFICATIONS, "{", 400),
    ("a start with a malformed id", "POST", _VERIFICATIONS, _IDS | {"requestId": "12"}, 400),
    ("a start with a time in the future", "POST", _VERIFICATIONS, _IDS | {"linkSentAt": "2099-01-01T00:00:00Z"}, 400),
    ("a start with an unknown field", "POST", _VERIFICATIONS, _IDS | {"phoneNumber": "+15550001111"}, 400),
    ("a start with a large body", "POST", _VERIFICATIONS, {"requestId": "x" * 9000}, 413),
    ("GET with an unknown id", "GET", _UNKNOWN, None, 404),
    ("DELETE with an unknown id", "DELETE", _UNKNOWN, None, 404),
    ("DELETE with a malformed id", "DELETE", f"{_VERIFICATIONS}/4711", None, 400),
]
#: Events that would take a verification for settled: source and detail-type.
_FORGED = {
    "an outcome event": ("linkwatch", "VerificationSettled"),
    "an event with linkwatch's source": ("linkwatch", "Anything"),
    "an event with the outcome's detail-type": ("acceptance", "VerificationSettled"),
}
_REFUSED = {"AccessDenied", "AccessDeniedException", "AccessDeniedFault", "NotAuthorizedForSourceException"}
_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded"}
#: Seconds until a new role can be assumed, and until a malformed event is among the dead letters.
_ROLE_SECONDS, _DEAD_LETTER_SECONDS = 30, 60


def check_refusals(target: Target, tell: Callable[[str], None]) -> list[Finding]:
    """Tries all of them. Raises ClientError where the run itself lacks a right, TimeoutError."""
    tell("calling without a signature, without rights, with bad input; forging outcomes")
    found: list[Finding] = []
    for case, method, path, body, status in _BAD_CALLS:
        answer = call_api(target.stack, method, path, body)
        is_refused = answer.status == status and isinstance(answer.body, dict) and "error" in answer.body
        found.append(Finding("contract", case, f"{status} and an error", is_refused, f"{answer.status}: {answer.body}"))
    unsigned = call_api(target.stack, "POST", _VERIFICATIONS, _new_ids(), signed=False)
    found.append(Finding("contract", "a start without a signature", "403", unsigned.status == 403, str(unsigned.body)))
    return [*found, *forge_outcomes(target), *_without_rights(target, tell), _malformed_event(target)]


def _new_ids() -> dict[str, str]:
    return {"requestId": secrets.token_hex(12), "sessionId": secrets.token_hex(12)}


def forge_outcomes(target: Target) -> list[Finding]:
    """Tries to publish outcomes with the rights of the run itself, which may deploy the stack. The bus's policy denies it."""
    detail = json.dumps({"verificationId": "-".join(_new_ids().values()), "outcome": "LINK_CLICKED"})
    bus = target.stack.outputs.BusName
    return [
        Finding(
            "contract",
            f"{name}, forged",
            "it is refused",
            _is_refused(lambda event=event: _put_event(target.stack, *event, detail)),
            f"bus {bus}",
            _not_enforced(target),
        )
        for name, event in _FORGED.items()
    ]


def _put_event(stack: DeployedStack, source: str, detail_type: str, detail: str) -> Any:
    entry = {"EventBusName": stack.outputs.BusName, "Source": source, "DetailType": detail_type, "Detail": detail}
    return stack.client("events").put_events(Entries=[entry])


def _not_enforced(target: Target) -> str:
    return "not enforced by the emulator" if target.is_emulator else ""


def _is_refused(call: Callable[[], Any]) -> bool:
    try:
        answer = call()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in _THROTTLED:  # says nothing about rights
            raise
        return code in _REFUSED
    return answer.get("FailedEntryCount", 0) > 0


def _malformed_event(target: Target) -> Finding:
    """It is put among the dead letters, whole, and starts nothing."""
    detail = {"requestId": secrets.token_hex(6), "sessionId": "?"}
    target.stack.put_link_sent(detail)
    letters, found = target.stack.event_queue.dead_letters, False
    with suppress(TimeoutError):
        found = await_that(
            lambda: any(letter.get("detail") == detail for letter in letters()), _DEAD_LETTER_SECONDS, "it is there"
        )
    return Finding("contract", "a malformed event", "is among the dead letters", found)


def _without_rights(target: Target, tell: Callable[[str], None]) -> list[Finding]:
    """What the policies of the bus and of the API leave to a role without rights, which is removed again."""
    name, arn = make_nobody(target.stack)
    tell(f"made the role {name}, which has no rights and is removed again")
    try:
        nobody = _assume(target.stack, arn)
        is_refused = _is_refused(lambda: _put_event(nobody, "x", "InstantLinkSent", "{}"))
        status = call_api(nobody, "POST", _VERIFICATIONS, _new_ids()).status
    finally:
        target.stack.client("iam").delete_role(RoleName=name)
    case = "a role without rights"
    return [
        Finding("contract", case, "its event is refused", is_refused),
        Finding("contract", case, "the API answers 403", status == 403, str(status), _not_enforced(target)),
    ]


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
