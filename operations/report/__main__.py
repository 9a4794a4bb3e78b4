"""python -m operations.report: what make report calls. Choices are variables in the environment: ENV=, HOURS=24 or SINCE=, UNTIL=; OUT=."""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.stack.lifecycle import background_stack
from local.stack.stack import STACK_NAME
from operations.kept import Environment, NoDeployment
from operations.region import NoRegion
from operations.report.page import page
from operations.report.rows import Schedule, rows
from operations.report.table import BadChoice, Period, iso, items


def _client_in(region: str | None) -> Callable[[Any], Any]:
    return lambda service: boto3.client(service, region_name=region)


@dataclass(frozen=True)
class Source:
    """Where the report reads: a deployed stack, how to reach its services, and what time it is there."""

    name: str
    client: Callable[[Any], Any]
    now: datetime

    @staticmethod
    def chosen() -> "Source":
        """The stack of ENV in samconfig.toml, or else the background stack of make up. Raises BadChoice."""
        if name := os.environ.get("ENV"):
            try:
                environment = Environment.named(name, os.environ)
            except (NoDeployment, NoRegion) as error:
                raise BadChoice(str(error)) from None
            region = environment.region
            return Source(environment.stack_name, _client_in(region), datetime.now(UTC))
        stack = background_stack()
        if stack is None:
            raise BadChoice("say which stack: ENV=, or make up for a local one")
        return Source(STACK_NAME, stack.client, stack.clock.now())


def main() -> int:
    """Writes the page and says where; 0 done, 1 failed, 2 a choice that cannot be followed."""
    argparse.ArgumentParser(prog="make report", description=__doc__).parse_args()
    out = Path(os.environ.get("OUT") or "report.html")
    try:
        stack = Source.chosen()
        period = Period.chosen(stack.now)
        described = stack.client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]
        parameters = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}
        table = next(o["OutputValue"] for o in described["Outputs"] if o["OutputKey"] == "TableName")
        schedule = Schedule(int(parameters["PollIntervalSeconds"]), int(parameters["LastCheckLeadSeconds"]))
        found = rows(items(stack.client("dynamodb"), table, period), schedule)
        out.write_text(page(found, stack.name, iso(period.since), iso(period.until)), "utf-8")
    except BadChoice as error:
        print(error, file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError, OSError) as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    print(f"{len(found)} verifications: {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
