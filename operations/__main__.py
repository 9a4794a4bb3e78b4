"""python -m operations VERB with ENV=prod in the environment: what the Makefile's targets for an account call.

deploy           PARAMETERS= TAGS=  builds a release, or takes the one at RELEASE=; keeps what is deployed, then deploys it
deployments                   lists what deployments have replaced
rollback         TO=          deploys again what was replaced last, or then
env                           prints the stack's outputs as shell exports (use with eval)
recover                       resumes all verifications that recovery has given up on
simulator        PARAMETERS=  deploys a simulator of Signzy beside the stack
send             SCENARIO= CLICK= VIA= CORRELATION=   has the stack watch a link of that simulator

CONFIRM=no deploys without showing the change set and asking, for a pipeline that has asked already.
PLAN=1 shows the change set of a deployment or a rollback and changes nothing.

Exits 0; 1 when AWS or SAM failed or the change set was not wanted; 2 for a choice that does not exist.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from operations import release, sam_cli, simulator
from operations.deployed.resources import RecoveryFailed
from operations.deployed.stack import exports
from operations.deployments import Deployment, Deployments
from operations.environment import REGION_NAMES, BadChoice, Environment, refuse_unused, values_in


def deploy(environment: Environment, folder: Path, parameters: dict[str, str], tags: dict[str, str] | None) -> None:
    """Keeps what is deployed, then deploys a release. tags: of the stack; None for those that it has.

    Raises BadChoice where a file of the release was changed, CalledProcessError.
    """
    release.checked(folder)
    deployments = Deployments(environment)
    print(f"Deploying {folder.name} to {deployments.destination()}, {environment.region}", flush=True)
    deployments.upload_code(folder.glob("*.zip"))
    template = (folder / "template.yaml").read_text("utf-8")
    tags = deployments.tags() if tags is None else tags
    _replace(environment, deployments, Deployment(template, parameters | deployments.code_parameters(), tags))


def rollback(environment: Environment, name: str | None) -> None:
    """Deploys again what was replaced last, or the deployment of this name. Raises BadChoice, CalledProcessError."""
    deployments = Deployments(environment)
    name, before = deployments.find(name)
    print(f"Back to what was replaced at {name}: {deployments.destination()}, {environment.region}", flush=True)
    _replace(environment, deployments, before)


def _replace(environment: Environment, deployments: Deployments, following: Deployment) -> None:
    """Keeps what is deployed and deploys what follows; with PLAN= only shows what would change."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.yaml"
        template.write_text(following.template, "utf-8")
        deploying = (environment, template, deployments.bucket(), following.parameters, following.tags)
        if os.environ.get("PLAN"):
            sam_cli.deploy(*deploying, executes=False)
            return
        _keep(environment, deployments)
        sam_cli.deploy(*deploying)
    # CloudFormation deploys the API's stage again when a path or a method changes, but not for its resource policy alone.
    api = environment.stack().outputs.ApiId
    environment.calls().client("apigateway").create_deployment(restApiId=api, stageName="v1")


def _keep(environment: Environment, deployments: Deployments) -> None:
    kept = deployments.keep_current()
    print(
        f"Kept what is deployed as {kept}" if kept else f"The first deployment of {environment.stack_name}", flush=True
    )


def _deploy(environment: Environment) -> None:
    if chosen := os.environ.get("RELEASE"):
        folder = Path(chosen)
    else:
        sam_cli.build(environment)
        folder = release.write()
    deploy(environment, folder, environment.overrides | _given(), values_in(os.environ.get("TAGS") or "") or None)


def _given() -> dict[str, str]:
    return values_in(os.environ.get("PARAMETERS") or "")


def _exports(environment: Environment) -> str:
    return exports(dict.fromkeys(REGION_NAMES, environment.region) | asdict(environment.stack().outputs))


def _recover(environment: Environment) -> str:
    return json.dumps(environment.stack().functions.recover(rearm=True), indent=2)


_SEND_CHOICES = ("SCENARIO", "CLICK", "VIA", "CORRELATION")
#: What each verb does with an environment. Its other choices come from the process's environment.
VERBS: dict[str, Callable[[Environment], None]] = {
    "deploy": _deploy,
    "deployments": lambda environment: print("\n".join(Deployments(environment).names())),
    "rollback": lambda environment: rollback(environment, os.environ.get("TO") or None),
    "env": lambda environment: print(_exports(environment)),
    "simulator": lambda environment: simulator.deploy(environment, _given()),
    "send": lambda environment: print(simulator.send(environment.stack(), os.environ)),
    "recover": lambda environment: print(_recover(environment)),
}


def main() -> int:
    """Reads make's variables from the environment."""
    parser = argparse.ArgumentParser(
        prog="python -m operations", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=VERBS)
    verb = parser.parse_args().verb
    try:
        refuse_unused(os.environ, f"{verb} with ENV", _SEND_CHOICES if verb == "send" else ())
        environment = Environment.named(os.environ.get("ENV"), os.environ)
        if environment.name != "local" and (endpoint := os.environ.get("AWS_ENDPOINT_URL")):
            print(f"linkwatch: AWS_ENDPOINT_URL is set, so this speaks to {endpoint}, not to AWS", file=sys.stderr)
        if verb in {"recover", "send", "simulator"}:  # the others that change something say it themselves
            print(f"linkwatch: {Deployments(environment).destination()}, {environment.region}", file=sys.stderr)
        VERBS[verb](environment)
    except BadChoice as error:
        print(f"linkwatch: {error}", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError, RecoveryFailed, RuntimeError) as error:  # no credentials, not allowed, refused
        print(f"linkwatch: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError:
        return 1  # SAM has said why
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
