"""python -m operations VERB ENV=prod …: what the Makefile's targets for an account call, which export LINKWATCH_ENV=prod.

Exits 0; 1 when AWS or SAM failed, the change set was not wanted, or accept found a broken guarantee; 2 for a choice that does not
exist; 3 when accept could not decide.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from operations import release, sam_cli, simulator
from operations.acceptance.accept import accept
from operations.deployed.stack import MissingOutputs, exports
from operations.deployments import CODE_PREFIX, Deployment, Deployments
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
    print(f"Deploying {folder.name}", flush=True)
    deployments.upload_code(folder.glob("*.zip"))
    template = (folder / "template.yaml").read_text("utf-8")
    _replace(environment, deployments, Deployment(template, environment.overrides | given, tags), chosen)


def _rollback(environment: Environment, chosen: Chosen) -> None:
    deployments = Deployments(environment)
    name, before = deployments.find(chosen.get("TO"))
    print(f"Back to what was replaced at {name}", flush=True)
    _replace(environment, deployments, before, chosen)


def _replace(environment: Environment, deployments: Deployments, following: Deployment, chosen: Chosen) -> None:
    """Keeps what is deployed and deploys what follows; with PLAN only shows what would change."""
    executes = "PLAN" not in chosen
    if executes:
        kept = deployments.keep_current()
        print(f"Kept what is deployed as {kept}" if kept else "The first deployment", flush=True)
    parameters = following.parameters | {"CodeBucket": deployments.bucket, "CodePrefix": CODE_PREFIX}
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.yaml"
        template.write_text(following.template, "utf-8")
        arguments = ["--template-file", os.fspath(template), "--s3-bucket", deployments.bucket]
        arguments += ["--s3-prefix", "templates", "--force-upload"]
        arguments += ["--tags", *sam_cli.pairs(following.tags)] if following.tags else []
        arguments += [] if executes else ["--no-execute-changeset"]
        sam_cli.deploy(environment, arguments, parameters, asks=executes and chosen.get("CONFIRM") != "no")
    if executes:
        # CloudFormation deploys the API's stage again when a path or a method changes, but not for its resource policy alone.
        api = environment.stack().outputs.ApiId
        environment.calls().client("apigateway").create_deployment(restApiId=api, stageName="v1")


def _env(environment: Environment, _: Chosen) -> None:
    print(exports(dict.fromkeys(REGION_NAMES, environment.region) | environment.stack().all_outputs()))


#: What each verb does, which may return an exit status, and its choices.
VERBS: dict[str, tuple[Callable[[Environment, Chosen], int | None], str]] = {
    "deploy": (_deploy, "ENV PARAMETERS TAGS RELEASE CONFIRM PLAN"),
    "deployments": (lambda environment, _: print("\n".join(Deployments(environment).names())), "ENV"),
    "rollback": (_rollback, "ENV TO CONFIRM PLAN"),
    "env": (_env, "ENV"),
    "recover": (lambda environment, _: print(json.dumps(environment.stack().recover(rearm=True), indent=2)), "ENV"),
    "simulator": (simulator.deploy, "ENV PARAMETERS CONFIRM"),
    "send": (
        lambda environment, chosen: print(simulator.send(environment.stack(), chosen)),
        "ENV SCENARIO CLICK VIA CORRELATION",
    ),
    "accept": (accept, "ENV BURST FULL KEEP OUT PARAMETERS YES"),
    "report": (
        lambda environment, chosen: print(write_report(environment.stack(), chosen)),
        "ENV HOURS SINCE UNTIL OUT",
    ),
}
#: The others print first which account and stack they change.
_ONLY_READ = {"deployments", "env", "report"}


def main(arguments: list[str]) -> int:
    """Runs a verb with its choices; returns the exit status."""
    verb = arguments[0] if arguments else ""
    if verb not in VERBS:
        print(__doc__, *(f"    {name} {used}" for name, (_, used) in VERBS.items()), sep="\n", file=sys.stderr)
        return 2
    does, used = VERBS[verb]
    try:
        chosen = choices(arguments[1:], os.environ, verb, used.split())
        environment = Environment.named(chosen.get("ENV"), os.environ)
        if environment.name != "local" and (endpoint := os.environ.get("AWS_ENDPOINT_URL")):
            print(f"linkwatch: AWS_ENDPOINT_URL is set, so this speaks to {endpoint}, not to AWS", file=sys.stderr)
        if verb not in _ONLY_READ:
            print(f"linkwatch: {Deployments(environment).destination()}", file=sys.stderr, flush=True)
        return does(environment, chosen) or 0
    except (BadChoice, MissingOutputs) as error:
        problem, status = error, 2
    # Not allowed, refused, no answer, not written.
    except (BotoCoreError, ClientError, RuntimeError, OSError) as error:
        problem, status = error, 1
    except subprocess.CalledProcessError:
        return 1  # SAM has said why
    except KeyboardInterrupt:
        return 130
    print(f"linkwatch: {problem}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
