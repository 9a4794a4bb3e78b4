"""What was deployed before: each deployment keeps the one that it replaces, in the bucket that SAM deploys through.

Kept are the packaged template, whose code is in that bucket under names made of its content, and the parameters' values: all that
it takes to deploy it again from any machine.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from operations.deployed.stack import describe_stack, outputs_in
from operations.environment import BadChoice, Environment, is_missing_stack

#: The stack that SAM makes for its bucket (sam deploy --resolve-s3).
_BUCKET_STACK = "aws-sam-cli-managed-default"


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
        self._client = environment.calls().client
        self._s3: Any = self._client("s3")
        self._prefix = f"{environment.stack_name}/deployments/"

    def keep_current(self) -> str | None:
        """Keeps what is deployed now; returns its name, or None where nothing is deployed."""
        try:
            stack = describe_stack(self._client, self._stack_name)
        except ClientError as error:
            if is_missing_stack(error):
                return None
            raise
        if stack["StackStatus"] in {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"}:
            return None  # never deployed
        asked = {"StackName": self._stack_name, "TemplateStage": "Original"}
        template = self._client("cloudformation").get_template(**asked)["TemplateBody"]
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
        """The one that was replaced then; the latest by default. Raises BadChoice."""
        names = self.names()
        if not names:
            raise BadChoice(f"nothing is kept of {self._stack_name}: it was deployed once, or not by make deploy")
        if name and name not in names:
            raise BadChoice(f"TO={name} is not kept; there are {', '.join(names[:10])}")
        stored = self._s3.get_object(Bucket=self._bucket(), Key=f"{self._prefix}{name or names[0]}.json")
        return Deployment(**json.loads(stored["Body"].read()))

    def _bucket(self) -> str:
        return outputs_in(describe_stack(self._client, _BUCKET_STACK))["SourceBucket"]
