"""python -m operations VERB ENV=prod …: what the Makefile's targets for an account call.

A choice is typed after the verb, or exported with the prefix LINKWATCH_, which is how make hands it over. An ENV or CONFIRM that
a shell exports for another program is no choice.

Exits 0; 1 when AWS or SAM failed, the change set was not wanted, or accept found a broken guarantee; 2 for a choice that does not
exist; 3 when accept could not decide.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from operations import release, sam_cli, simulator
from operations.acceptance.accept import accept
from operations.deployed.resources import RecoveryFailed
from operations.deployed.stack import describe_stack, exports, outputs_in
from operations.deployments import Deployment, Deployments
from operations.environment import REGION_NAMES, BadChoice, Environment, choices, values_in
from operations.report import write_report

#: The choices of a command, by name.
Chosen = Mapping[str, str]


def _deploy(environment: Environment, chosen: Chosen) -> None:
    given, tags = values_in(chosen.get("PARAMETERS", "")), values_in(chosen.get("TAGS", ""))
    if "RELEASE" in chosen:
        folder = Path(chosen["RELEASE"])
    else:
        sam_cli.build(environment)
        folder = release.write()
    release.check(folder)
    deployments = Deployments(environment)
    print(f"Deploying {folder.name} to {deployments.destination()}", flush=True)
    deployments.upload_code(folder.glob("*.zip"))
    template = (folder / "template.yaml").read_text("utf-8")
    parameters = environment.overrides | given | deployments.code_parameters()
    _replace(environment, deployments, Deployment(template, parameters, tags or deployments.tags()), chosen)


def _rollback(environment: Environment, chosen: Chosen) -> None:
    deployments = Deployments(environment)
    name, before = deployments.find(chosen.get("TO"))
    print(f"Back to what was replaced at {name}: {deployments.destination()}", flush=True)
    _replace(environment, deployments, before, chosen)


def _replace(environment: Environment, deployments: Deployments, following: Deployment, chosen: Chosen) -> None:
    """Keeps what is deployed and deploys what follows; with PLAN only shows what would change."""
    executes = "PLAN" not in chosen
    if executes:
        kept = deployments.keep_current()
        print(f"Kept what is deployed as {kept}" if kept else "The first deployment", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.yaml"
        template.write_text(following.template, "utf-8")
        what = (environment, template, deployments.bucket(), following.parameters, following.tags)
        sam_cli.deploy(*what, asks=_asks(chosen), executes=executes)
    if executes:
        # CloudFormation deploys the API's stage again when a path or a method changes, but not for its resource policy alone.
        api = environment.stack().outputs.ApiId
        environment.calls().client("apigateway").create_deployment(restApiId=api, stageName="v1")


def _asks(chosen: Chosen) -> bool:
    return chosen.get("CONFIRM") != "no"


def _simulator(environment: Environment, chosen: Chosen) -> None:
    simulator.deploy(environment, values_in(chosen.get("PARAMETERS", "")), asks=_asks(chosen))


def _export(environment: Environment, _: Chosen) -> None:
    stack = environment.stack()
    outputs = outputs_in(describe_stack(stack.client, stack.stack_name))
    print(exports(dict.fromkeys(REGION_NAMES, environment.region) | outputs))


def _recover(environment: Environment, _: Chosen) -> None:
    print(json.dumps(environment.stack().functions.recover(rearm=True), indent=2))


@dataclass(frozen=True)
class Verb:
    """does: returns an exit status, or None for 0; announced: it changes something, so the account is printed before it."""

    does: Callable[[Environment, Chosen], int | None]
    help: str
    choices: tuple[str, ...] = ()
    announced: bool = False


VERBS = {
    "deploy": Verb(
        _deploy,
        "build a release or take the one at RELEASE, keep what is deployed, deploy; CONFIRM=no does not ask, PLAN=1 only shows",
        ("PARAMETERS", "TAGS", "RELEASE", "CONFIRM", "PLAN"),
    ),
    "deployments": Verb(
        lambda environment, _: print("\n".join(Deployments(environment).names())),
        "list what deployments have replaced",
    ),
    "rollback": Verb(_rollback, "deploy again what was replaced last, or then", ("TO", "CONFIRM", "PLAN")),
    "env": Verb(_export, "print the stack's outputs as shell exports, for eval"),
    "recover": Verb(_recover, "resume all verifications that recovery has given up on", announced=True),
    "simulator": Verb(
        _simulator, "deploy a simulator of Signzy beside the stack", ("PARAMETERS", "CONFIRM"), announced=True
    ),
    "send": Verb(
        lambda environment, chosen: print(simulator.send(environment.stack(), chosen)),
        "have the stack watch a link of that simulator",
        ("SCENARIO", "CLICK", "VIA", "CORRELATION"),
        announced=True,
    ),
    "accept": Verb(
        accept,
        "check the guarantees on a stack of its own; KEEP=1 keeps what it makes, YES=1 removes it without asking",
        ("BURST", "FULL", "KEEP", "OUT", "PARAMETERS", "YES"),
        announced=True,
    ),
    "report": Verb(
        lambda environment, chosen: print(write_report(environment.stack(), chosen)),
        "write a page about the verifications of the last HOURS, or SINCE a time UNTIL another, to OUT",
        ("HOURS", "SINCE", "UNTIL", "OUT"),
    ),
}


def main() -> int:
    """Runs a verb; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=".venvs/sam/bin/python -m operations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        used = ("ENV", *verb.choices)
        verbs.add_parser(name, help=verb.help).add_argument(
            "words", nargs="*", metavar="NAME=value", help=", ".join(used)
        )
    options = parser.parse_args()
    verb = VERBS[options.verb]
    try:
        chosen = choices(options.words, os.environ, options.verb, ("ENV", *verb.choices))
        environment = Environment.named(chosen.get("ENV"), os.environ)
        if environment.name != "local" and (endpoint := os.environ.get("AWS_ENDPOINT_URL")):
            print(f"linkwatch: AWS_ENDPOINT_URL is set, so this speaks to {endpoint}, not to AWS", file=sys.stderr)
        if verb.announced:  # a deployment says it itself, once it knows what it deploys
            print(f"linkwatch: {Deployments(environment).destination()}", file=sys.stderr, flush=True)
        return verb.does(environment, chosen) or 0
    except BadChoice as error:
        problem, status = error, 2
    # Not allowed, refused, no answer, not written.
    except (BotoCoreError, ClientError, RecoveryFailed, RuntimeError, OSError) as error:
        problem, status = error, 1
    except subprocess.CalledProcessError:
        return 1  # SAM has said why
    except KeyboardInterrupt:
        return 130
    print(f"linkwatch: {problem}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
