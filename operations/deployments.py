"""What is deployed, and what was deployed before: a bucket of the stack's own, and checksums where its writers cannot write.

Each deployment keeps the one that it replaces: its template, its parameters and its tags. A file's name in the bucket has the
file's SHA-256, so a template that names its code also says what the code has to be. The SHA-256 of what is kept is in an SSM
parameter. A rollback compares both before it deploys.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from operations.deployed.stack import describe_stack, find_stack, outputs_in
from operations.environment import BadChoice, Environment

_BUCKET_TEMPLATE = Path(__file__).with_name("deployment_bucket.yaml")
#: Where the code of all deployments is, under names made of its content.
CODE_PREFIX = "code/"
#: A deployment's name: the time at which it was replaced, in UTC.
_NAME = re.compile(r"\d{8}T\d{6}Z")
_TIME_FORMAT = "%Y%m%dT%H%M%SZ"
_CODE_FILE = re.compile(r"[A-Za-z]+-([0-9a-f]{64})\.zip")


@dataclass(frozen=True)
class Deployment:
    """A stack as it was: the template's text, the values of its parameters, its tags."""

    template: str
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class Deployments:
    """The deployments of one stack."""

    def __init__(self, environment: Environment) -> None:
        self._environment, self._stack_name = environment, environment.stack_name
        self._client = environment.calls().client
        self._caller: dict[str, str] = self._client("sts").get_caller_identity()
        self._bucket = ""

    def destination(self) -> str:
        """The stack, the account, the caller and the region, in words."""
        account, caller = self._caller["Account"], self._caller["Arn"]
        return f"stack {self._stack_name}, account {account}, as {caller}, {self._environment.region}"

    # ── The bucket ────────────────────────────────────────────────────────────────────────────────────────────────────

    def bucket(self) -> str:
        """The bucket's name. Where there is none it is made, with a policy that lets only the caller's role write."""
        if self._bucket:
            return self._bucket
        name = f"{self._stack_name}-deployments"
        if not (stack := find_stack(self._client, name)):
            caller, cloudformation = self._caller["Arn"], self._client("cloudformation")
            print(f"Making the bucket to deploy from (stack {name}); only {caller} may write to it", flush=True)
            parameters = [{"ParameterKey": "DeployerArns", "ParameterValue": ",".join(deployer_arns(caller))}]
            template = _BUCKET_TEMPLATE.read_text("utf-8")
            cloudformation.create_stack(StackName=name, TemplateBody=template, Parameters=parameters)
            cloudformation.get_waiter("stack_create_complete").wait(StackName=name)
            stack = describe_stack(self._client, name)
        self._bucket = outputs_in(stack)["BucketName"]
        return self._bucket

    def code_parameters(self) -> dict[str, str]:
        """The template's parameters that say where the code is."""
        return {"CodeBucket": self.bucket(), "CodePrefix": CODE_PREFIX}

    def upload_code(self, files: Iterable[Path]) -> None:
        """Uploads zip files, whether or not files of these names are there."""
        for path in files:
            self._put(f"{CODE_PREFIX}{path.name}", path.read_bytes())

    def _object(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket(), "Key": key, "ExpectedBucketOwner": self._caller["Account"]}

    def _put(self, key: str, body: bytes) -> None:
        self._client("s3").put_object(**self._object(key), Body=body, ChecksumAlgorithm="SHA256")

    def _get(self, key: str) -> bytes:
        s3 = self._client("s3")
        try:
            return s3.get_object(**self._object(key))["Body"].read()
        except s3.exceptions.NoSuchKey:
            raise BadChoice(f"{key} is not in the bucket any more") from None

    # ── What was deployed ─────────────────────────────────────────────────────────────────────────────────────────────

    def _current_stack(self) -> dict[str, Any] | None:
        """The stack as CloudFormation describes it; None if nothing was ever deployed."""
        stack = find_stack(self._client, self._stack_name)
        never = {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"}
        return stack if stack and stack["StackStatus"] not in never else None

    def tags(self) -> dict[str, str]:
        """The stack's tags, as they are."""
        return {it["Key"]: it["Value"] for it in (self._current_stack() or {}).get("Tags", [])}

    def keep_current(self) -> str | None:
        """Keeps what is deployed now and returns its name; None if nothing is deployed."""
        if not (stack := self._current_stack()):
            return None
        asked = {"StackName": self._stack_name, "TemplateStage": "Original"}
        template = self._client("cloudformation").get_template(**asked)["TemplateBody"]
        deployment = Deployment(
            template if isinstance(template, str) else json.dumps(template),
            {it["ParameterKey"]: it["ParameterValue"] for it in stack.get("Parameters", [])},
            {it["Key"]: it["Value"] for it in stack.get("Tags", [])},
        )
        name, content = datetime.now(UTC).strftime(_TIME_FORMAT), json.dumps(asdict(deployment)).encode()
        self._put(self._key(name), content)
        kept = {"Name": self._parameter(name), "Value": _sha256(content), "Type": "String"}
        self._client("ssm").put_parameter(**kept, Overwrite=False)
        return name

    def names(self) -> list[str]:
        """The kept deployments by the time at which they were replaced, the latest first."""
        return sorted(self._checksums(), reverse=True)

    def find(self, name: str | None) -> tuple[str, Deployment]:
        """A kept deployment with its name: the latest by default. Raises BadChoice where there is none, and where the
        record or a zip file that it needs is not what was deployed.
        """
        checksums = self._checksums()
        if not checksums:
            raise BadChoice(f"nothing is kept of {self._stack_name}: it was deployed once, or not by make deploy")
        name = name or max(checksums)
        if name not in checksums:
            raise BadChoice(f"TO={name} is not kept; there are {', '.join(sorted(checksums, reverse=True)[:10])}")
        content = self._get(self._key(name))
        if _sha256(content) != checksums[name]:
            raise BadChoice(f"{name} was changed after it was kept, so it is not deployed")
        deployment = Deployment(**json.loads(content))
        self._check_code(name, deployment)
        return name, replace(deployment, parameters=deployment.parameters | self.code_parameters())

    def _check_code(self, name: str, deployment: Deployment) -> None:
        """Compares the code that a deployment needs with its names."""
        files = {match[0]: match[1] for match in _CODE_FILE.finditer(deployment.template)}
        if not files:
            raise BadChoice(f"{name} was not deployed by make deploy, so nothing says what its code has to be")
        for file, digest in files.items():
            if _sha256(self._get(f"{CODE_PREFIX}{file}")) != digest:
                raise BadChoice(f"{file} is not the file that was deployed, so nothing is deployed")

    def _checksums(self) -> dict[str, str]:
        """The SHA-256 of each kept deployment, by name. A name that is not a time, or is in the future, is not ours."""
        now = datetime.now(UTC).strftime(_TIME_FORMAT)
        pages = self._client("ssm").get_paginator("get_parameters_by_path").paginate(Path=self._parameter(""))
        found = {it["Name"].rpartition("/")[2]: it["Value"] for page in pages for it in page["Parameters"]}
        return {name: value for name, value in found.items() if _NAME.fullmatch(name) and name <= now}

    def _key(self, name: str) -> str:
        return f"deployments/{name}.json"

    def _parameter(self, name: str) -> str:
        return f"/linkwatch/{self._stack_name}/deployments/{name}"


def deployer_arns(caller: str) -> list[str]:
    """The caller's ARN as aws:PrincipalArn has it; a role's session names its role without the path."""
    if ":assumed-role/" not in caller:
        return [caller]
    _, partition, _, _, account, session = caller.split(":")
    return [f"arn:{partition}:iam::{account}:role/{path}{session.split('/')[1]}" for path in ("", "*/")]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
