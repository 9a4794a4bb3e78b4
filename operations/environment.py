"""samconfig.toml's environments, the region, the choices of a command, and the stack that is deployed there."""

import os
import shlex
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import boto3

from operations.deployed.clock import Clock
from operations.deployed.signed_calls import SignedCalls
from operations.deployed.stack import DeployedStack, outputs_of

ROOT = Path(__file__).parents[1]
#: boto3, SAM CLI and AWS CLI v1 read AWS_DEFAULT_REGION, other SDKs AWS_REGION. The first that is set counts, as for AWS CLI v2.
REGION_NAMES = ("AWS_REGION", "AWS_DEFAULT_REGION")
#: Choices that are an error where a verb does not use them. The others may be exported for several commands at once.
_CHOICES = {
    *("SCENARIO", "SPEED", "VIA", "CORRELATION", "CLICK", "FUNCTION", "ID", "REQUEST_ID", "SESSION_ID", "LINK_SENT_AT"),
    *("HOURS", "SINCE", "UNTIL", "BURST", "FULL", "KEEP", "TO", "PLAN"),
}


class BadChoice(Exception):
    """A choice that does not exist or cannot be followed; the message is one line and says what there is."""


def choices(words: Iterable[str], shell: Mapping[str, str], verb: str, used: Collection[str]) -> dict[str, str]:
    """What was chosen, by name: NAME=value among the words typed, else LINKWATCH_<NAME> in the shell's environment.

    Raises BadChoice for a choice that this verb would ignore.
    """
    prefix = "LINKWATCH_"  # make sets these to what is typed after it
    exported = {name.removeprefix(prefix): value for name, value in shell.items() if name.startswith(prefix) and value}
    typed = {name: value for name, _, value in (word.partition("=") for word in words)}
    if unused := (typed.keys() | (exported.keys() & _CHOICES)) - set(used):
        raise BadChoice(f"{verb} does not use {', '.join(sorted(unused))}; it uses {', '.join(used) or 'no choice'}")
    return {name: value for name, value in (exported | typed).items() if value}


def entry_point(chosen: Mapping[str, str]) -> Literal["api", "event"]:
    """VIA, or the API. Raises BadChoice."""
    via = chosen.get("VIA") or "api"
    if via not in {"api", "event"}:
        raise BadChoice(f"VIA={via} does not exist; there are api and event")
    return "api" if via == "api" else "event"


def values_in(text: str) -> dict[str, str]:
    """Name=value pairs, as a shell reads them. Raises BadChoice for anything else."""
    try:
        return dict(pair.split("=", 1) for pair in shlex.split(text))
    except ValueError:  # no equals sign, or a quotation mark without another
        raise BadChoice(f"expected Name=value pairs, not {text}") from None


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
        """shell: the environment of the shell that asks; its region counts where samconfig.toml names none, then its profile's.

        Raises BadChoice, also for the emulator's where AWS_ENDPOINT_URL does not lead to one; BotoCoreError.
        """
        config: dict[str, Any] = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
        environments = [env for env, commands in config.items() if isinstance(commands, dict) and "deploy" in commands]
        if name not in environments:
            raise BadChoice(f"say which stack: ENV=, one of {', '.join(environments)} (samconfig.toml)")
        if name == "local" and "AWS_ENDPOINT_URL" not in shell:
            raise BadChoice("ENV=local is the emulator's: set AWS_ENDPOINT_URL, as make env prints it")
        deploy = config[name]["deploy"]["parameters"]
        regions = [deploy.get("region"), *(shell.get(variable) for variable in REGION_NAMES)]
        region = next(filter(None, regions), None) or boto3.Session().region_name
        if not region:
            raise BadChoice("there is no region: set AWS_REGION or AWS_DEFAULT_REGION, or name a profile that has one")
        return Environment(name, deploy["stack_name"], region, values_in(deploy.get("parameter_overrides", "")))

    def beside(self, suffix: str) -> "Environment":
        """Another stack in the same place: the stack's name and the suffix."""
        return replace(self, stack_name=f"{self.stack_name}-{suffix}")

    def calls(self) -> SignedCalls:
        """Calls with the shell's keys, to AWS or to the emulator that AWS_ENDPOINT_URL names."""
        session = boto3.Session(region_name=self.region)
        return SignedCalls(session, Clock.real_time(), os.environ.get("AWS_ENDPOINT_URL"))

    def stack(self) -> DeployedStack:
        """The deployed stack. Raises MissingOutputs, BotoCoreError, ClientError."""
        calls = self.calls()
        return DeployedStack(calls, outputs_of(calls.client, self.stack_name), self.stack_name)
