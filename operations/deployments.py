"""What is deployed, and what was deployed before: a bucket of the stack's own, and checksums where its writers cannot write.

Each deployment keeps the one that it replaces: its template, its parameters and its tags. A file's name in the bucket has the
file's SHA-256, so a template that names its code also says what the code has to be. The SHA-256 of what is kept is in an SSM
parameter. A rollback compares both before it deploys.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from operations.deployed.stack import CloudFormationStack
from operations.environment import BadChoice, Environment

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
    parameters: dict[str, str]
    tags: dict[str, str]


class Deployments:
    """The deployments of one stack."""

    def __init__(self, environment: Environment) -> None:
        self._region, self._stack_name = environment.region, environment.stack_name
        self._client = environment.calls().client
        self._caller: dict[str, str] = self._client("sts").get_caller_identity()
        self._parameters_path = f"/linkwatch/{self._stack_name}/deployments/"

    def destination(self) -> str:
        """The stack, the account, the caller and the region, in words."""
        account, caller = self._caller["Account"], self._caller["Arn"]
        return f"stack {self._stack_name}, account {account}, as {caller}, {self._region}"

    @cached_property
    def bucket(self) -> str:
        """The bucket's name. Where there is none it is made, with a policy that lets only the caller's role write."""
        stack = CloudFormationStack(self._client, f"{self._stack_name}-deployments")
        if not stack.describe():
            caller, cloudformation = self._caller["Arn"], self._client("cloudformation")
            print(
                f"Making the bucket to deploy from (stack {stack.stack_name}); only {caller} may write to it",
                flush=True,
            )
            parameters = [{"ParameterKey": "DeployerArns", "ParameterValue": ",".join(deployer_arns(caller))}]
            template = Path(__file__).with_name("deployment_bucket.yaml").read_text("utf-8")
            cloudformation.create_stack(StackName=stack.stack_name, TemplateBody=template, Parameters=parameters)
            cloudformation.get_waiter("stack_create_complete").wait(StackName=stack.stack_name)
        return stack.all_outputs()["BucketName"]

    def upload_code(self, files: Iterable[Path]) -> None:
        """Uploads zip files, whether or not files of these names are there."""
        for path in files:
            self._put(f"{CODE_PREFIX}{path.name}", path.read_bytes())

    def keep_current(self) -> str | None:
        """Keeps what is deployed now and returns its name; None if nothing was ever deployed."""
        stack = CloudFormationStack(self._client, self._stack_name).describe()
        if not stack or stack["StackStatus"] in {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"}:
            return None
        asked = {"StackName": self._stack_name, "TemplateStage": "Original"}
        template = self._client("cloudformation").get_template(**asked)["TemplateBody"]
        deployment = Deployment(
            template if isinstance(template, str) else json.dumps(template),
            {it["ParameterKey"]: it["ParameterValue"] for it in stack.get("Parameters", [])},
            {it["Key"]: it["Value"] for it in stack.get("Tags", [])},
        )
        name, content = datetime.now(UTC).strftime(_TIME_FORMAT), json.dumps(asdict(deployment)).encode()
        self._put(f"deployments/{name}.json", content)
        kept = {"Name": f"{self._parameters_path}{name}", "Value": _sha256(content), "Type": "String"}
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
            raise BadChoice(f"TO={name} is not kept; there are {', '.join(self.names()[:10])}")
        deployment = Deployment(**json.loads(self._get(f"deployments/{name}.json", checksums[name])))
        files = {match[0]: match[1] for match in _CODE_FILE.finditer(deployment.template)}
        if not files:
            raise BadChoice(f"{name} was not deployed by make deploy, so nothing says what its code has to be")
        for file, checksum in files.items():
            self._get(f"{CODE_PREFIX}{file}", checksum)
        return name, deployment

    def _checksums(self) -> dict[str, str]:
        """The SHA-256 of each kept deployment, by name. A name that is not a time, or is in the future, is not ours."""
        now = datetime.now(UTC).strftime(_TIME_FORMAT)
        pages = self._client("ssm").get_paginator("get_parameters_by_path").paginate(Path=self._parameters_path)
        found = {it["Name"].rpartition("/")[2]: it["Value"] for page in pages for it in page["Parameters"]}
        return {name: value for name, value in found.items() if _NAME.fullmatch(name) and name <= now}

    def _object(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": key, "ExpectedBucketOwner": self._caller["Account"]}

    def _put(self, key: str, body: bytes) -> None:
        self._client("s3").put_object(**self._object(key), Body=body, ChecksumAlgorithm="SHA256")

    def _get(self, key: str, checksum: str) -> bytes:
        """An object of the bucket. Raises BadChoice where it is gone or has another SHA-256."""
        s3 = self._client("s3")
        try:
            content = s3.get_object(**self._object(key))["Body"].read()
        except s3.exceptions.NoSuchKey:
            raise BadChoice(f"{key} is not in the bucket any more") from None
        if _sha256(content) != checksum:
            raise BadChoice(f"{key} is not what was deployed, so nothing is deployed")
        return content


def deployer_arns(caller: str) -> list[str]:
    """The caller's ARN as aws:PrincipalArn has it; a role's session names its role without the path."""
    if ":assumed-role/" not in caller:
        return [caller]
    _, partition, _, _, account, session = caller.split(":")
    return [f"arn:{partition}:iam::{account}:role/{path}{session.split('/')[1]}" for path in ("", "*/")]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
