"""Writes the report of a stack and a period to a file."""

from collections.abc import Mapping
from pathlib import Path

from operations.deployed.stack import DeployedStack
from operations.report.page import page
from operations.report.rows import Schedule, rows
from operations.report.table import Period, iso, items


def write_report(stack: DeployedStack, shell: Mapping[str, str]) -> str:
    """Writes the page of a period to a file, both chosen by variables in shell; returns what to print.

    Raises BadChoice, OSError, BotoCoreError, ClientError.
    """
    out, period = Path(shell.get("OUT") or "report.html"), Period.chosen(shell, stack.clock.now())
    parameters = stack.parameters
    schedule = Schedule(int(parameters["PollIntervalSeconds"]), int(parameters["LastCheckLeadSeconds"]))
    found = rows(items(stack.client("dynamodb"), stack.outputs.TableName, period), schedule)
    out.write_text(page(found, stack.stack_name, iso(period.since), iso(period.until)), "utf-8")
    return f"{len(found)} verifications: {out}"
