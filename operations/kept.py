"""What was deployed before: each deployment keeps the one that it replaces, in the bucket that SAM deploys through.

Kept is the packaged template, whose code lies in that bucket under names made of its content, and the parameters' values. So one
that is deployed again has its own code, definition and settings, on whatever machine that is done.
"""

import json
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from operations.region import region_in

ROOT = Path(__file__).parents[1]
#: The stack that SAM makes for its bucket (sam deploy --resolve-s3).
_BUCKET_STACK = "aws-sam-cli-managed-default"


class NoDeployment(Exception):
    """There is nothing of the kind that was asked for; the message is one line."""


def values_in(text: str) -> dict[str, str]:
    """Name=value pairs, as a shell reads them. Raises NoDeployment for what is none."""
    pairs = [pair.partition("=") for pair in shlex.split(text)]
    if bad := [name for name, equals, _ in pairs if not equals]:
        raise NoDeployment(f"PARAMETERS wants Name=value, not {' '.join(bad)}")
    return {name: value for name, _, value in pairs}


@dataclass(frozen=True)
class Environment:
    """One of samconfig.toml's environments."""

    name: str
    stack_name: str
    region: str
    #: parameter_overrides, which SAM would forget as soon as it is given others.
    overrides: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def named(name: str | None, shell: Mapping[str, str]) -> "Environment":
        """shell: the environment of the shell that asks; its region counts where samconfig.toml names none.

        Raises NoDeployment, saying which there are, and for the emulator's when that is not where AWS is; NoRegion.
        """
        config: dict[str, Any] = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
        environments = [env for env, commands in config.items() if isinstance(commands, dict) and "deploy" in commands]
        if not name:
            raise NoDeployment(f"say which stack: ENV=, one of {', '.join(environments)} (samconfig.toml)")
        if name not in environments:
            raise NoDeployment(f"ENV={name} is not in samconfig.toml; there are {', '.join(environments)}")
        if name == "local" and "AWS_ENDPOINT_URL" not in shell:
            raise NoDeployment("ENV=local is the emulator's: set AWS_ENDPOINT_URL, as make env prints it")
        deploy = config[name]["deploy"]["parameters"]
        overrides = values_in(deploy.get("parameter_overrides", ""))
        return Environment(name, deploy["stack_name"], deploy.get("region") or region_in(shell), overrides)


@dataclass(frozen=True)
class Deployment:
    """One deployment, as it was when it was replaced. replaced_at: ISO 8601 in UTC; parameters without those of no effect."""

    replaced_at: str
    template: str
    parameters: dict[str, str] = field(default_factory=dict)


class Deployments:
    """A stack's deployments."""

    def __init__(self, environment: Environment) -> None:
        self._stack_name = environment.stack_name
        self._cloudformation: Any = boto3.client("cloudformation", region_name=environment.region)
        self._s3: Any = boto3.client("s3", region_name=environment.region)
        self._prefix = f"{environment.stack_name}/deployments/"

    def keep_current(self) -> str | None:
        """Keeps what is deployed now and says under which name; None when nothing is."""
        try:
            stack = self._cloudformation.describe_stacks(StackName=self._stack_name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        if stack["StackStatus"] in {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"}:
            return None  # never deployed
        template = self._cloudformation.get_template(StackName=self._stack_name, TemplateStage="Original")[
            "TemplateBody"
        ]
        deployment = Deployment(
            replaced_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            template=template if isinstance(template, str) else json.dumps(template),
            parameters={p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", [])},
        )
        body = json.dumps(asdict(deployment)).encode()
        self._s3.put_object(Bucket=self._bucket(), Key=f"{self._prefix}{deployment.replaced_at}.json", Body=body)
        return deployment.replaced_at

    def names(self) -> list[str]:
        """The kept ones by the time at which they were replaced, the latest first."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket(), Prefix=self._prefix)
        keys = [thing["Key"] for page in pages for thing in page.get("Contents", [])]
        return sorted((key.removeprefix(self._prefix).removesuffix(".json") for key in keys), reverse=True)

    def find(self, name: str | None) -> Deployment:
        """The one that was replaced then; the latest by default. Raises NoDeployment."""
        names = self.names()
        if not names:
            raise NoDeployment(f"nothing is kept of {self._stack_name}: it was deployed once, or not by make deploy")
        if name and name not in names:
            raise NoDeployment(f"TO={name} is not kept; there are {', '.join(names[:10])}")
        stored = self._s3.get_object(Bucket=self._bucket(), Key=f"{self._prefix}{name or names[0]}.json")
        return Deployment(**json.loads(stored["Body"].read()))

    def _bucket(self) -> str:
        stack = self._cloudformation.describe_stacks(StackName=_BUCKET_STACK)["Stacks"][0]
        return next(o["OutputValue"] for o in stack["Outputs"] if o["OutputKey"] == "SourceBucket")
