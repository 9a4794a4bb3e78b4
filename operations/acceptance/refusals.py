"""What a stack must refuse: bad input, calls without a signature or without rights, and forged outcomes."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import boto3
from botocore.exceptions import ClientError

from operations.acceptance.guarantees import Finding
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
    ("a start with a large body", "POST", _VERIFICATIONS, {"requestId": "x" * 9000}, 413),
    ("GET with an unknown id", "GET", _UNKNOWN, None, 404),
    ("DELETE with an unknown id", "DELETE", _UNKNOWN, None, 404),
]
#: Events that would take a verification for settled: source and detail-type.
_FORGED = {
    "a forged outcome": ("linkwatch", "VerificationSettled"),
    "an event with linkwatch's source": ("linkwatch", "Anything"),
    "an event with the outcome's detail-type": ("acceptance", "VerificationSettled"),
}
_REFUSED = {"AccessDenied", "AccessDeniedException", "NotAuthorizedForSourceException"}


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
    return [*found, *forge_outcomes(target), *_without_rights(target, tell)]


def _not_enforced(target: Target) -> str:
    return "not enforced by the emulator" if target.stack.calls.endpoint else ""


def _new_ids() -> dict[str, str]:
    return {"requestId": secrets.token_hex(12), "sessionId": secrets.token_hex(12)}


def forge_outcomes(target: Target) -> list[Finding]:
    """Tries to publish outcomes with the rights of the run itself, which may deploy the stack. The bus's policy denies it."""
    detail = json.dumps({"verificationId": "-".join(_new_ids().values()), "outcome": "LINK_CLICKED"})
    found: list[Finding] = []
    for name, (source, detail_type) in _FORGED.items():
        is_refused = _is_refused(target.stack, source, detail_type, detail)
        found.append(Finding("contract", name, "it is refused", is_refused, excuse=_not_enforced(target)))
    return found


def _is_refused(stack: DeployedStack, source: str, detail_type: str, detail: str) -> bool:
    entry = {"EventBusName": stack.outputs.BusName, "Source": source, "DetailType": detail_type, "Detail": detail}
    try:
        return stack.client("events").put_events(Entries=[entry])["FailedEntryCount"] > 0
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in _REFUSED:
            return True
        raise  # a throttled call, for instance, says nothing about rights


def _without_rights(target: Target, tell: Callable[[str], None]) -> list[Finding]:
    """What the policies of the bus and of the API leave to a role without rights."""
    case = "a role without rights"
    with nobody(target.stack, tell) as stack:
        is_refused = _is_refused(stack, "x", "InstantLinkSent", "{}")
        status = call_api(stack, "POST", _VERIFICATIONS, _new_ids()).status
    return [
        Finding("contract", case, "its event is refused", is_refused),
        Finding("contract", case, "the API answers 403", status == 403, str(status), _not_enforced(target)),
    ]


@contextmanager
def nobody(stack: DeployedStack, tell: Callable[[str], None]) -> Iterator[DeployedStack]:
    """The stack as it is called by a role that has no rights, and the boundary and the path of the stack's own roles.

    Only the caller of this run may assume the role. It is removed with the block. Raises TimeoutError.
    """
    sts, iam = stack.client("sts"), stack.client("iam")
    caller = sts.get_caller_identity()["Arn"]
    trust = {"Effect": "Allow", "Principal": {"AWS": caller}, "Action": "sts:AssumeRole"}
    boundary = stack.parameters["PermissionsBoundaryArn"]
    role = iam.create_role(
        RoleName=f"{stack.stack_name}-nobody-{secrets.token_hex(3)}",
        Path=stack.parameters["RolePath"],
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        **({"PermissionsBoundary": boundary} if boundary else {}),
    )["Role"]
    tell(f"made the role {role['RoleName']}, which has no rights and is removed again")

    def assumed() -> dict[str, str] | None:
        with suppress(ClientError):  # IAM takes seconds to make a role known
            return sts.assume_role(RoleArn=role["Arn"], RoleSessionName="acceptance")["Credentials"]
        return None

    try:
        keys, region = await_that(assumed, 30, f"{role['Arn']} can be assumed"), stack.calls.region
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=region)
        calls = SignedCalls(session, stack.clock, stack.calls.endpoint)
        yield DeployedStack(calls, stack.outputs, stack.stack_name)
    finally:
        iam.delete_role(RoleName=role["RoleName"])
