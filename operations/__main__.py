"""make deploy ENV=prod, make deployments ENV=prod, make rollback ENV=prod TO=…, make env ENV=prod, make recover ENV=prod
make simulator ENV=dev, make send ENV=dev SCENARIO=… CLICK=… VIA=…

CONFIRM=no deploys without showing the change set and asking, for a pipeline that has asked already.

Exits 0; 1 when AWS or SAM failed or the change set was not wanted; 2 for an environment, a deployment or a region that does not
exist.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.stack.exports import exports
from operations import outputs, recovery, sam_cli, simulator
from operations.kept import Deployments, Environment, NoDeployment, values_in
from operations.region import NoRegion


def deploy(environment: Environment, parameters: Mapping[str, str], template: Path | None = None) -> None:
    """Keeps what is deployed, then deploys what is built (or a template that is). Raises CalledProcessError."""
    kept = Deployments(environment).keep_current()
    print(
        f"Kept what is deployed as {kept}" if kept else f"The first deployment of {environment.stack_name}", flush=True
    )
    sam_cli.deploy(environment, template, [f"{name}={_quoted(value)}" for name, value in parameters.items()])


def rollback(environment: Environment, name: str | None) -> None:
    """Deploys the one before once more, or the one that is named. Raises NoDeployment, CalledProcessError."""
    before = Deployments(environment).find(name)
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.yaml"
        template.write_text(before.template, "utf-8")
        print(f"Back to what was replaced at {before.replaced_at}", flush=True)
        deploy(environment, before.parameters, template)


def _quoted(value: str) -> str:
    """As SAM reads values: without quotes an empty one would be none."""
    return f'"{value}"'


def _deploy(environment: Environment) -> None:
    built, given = os.environ.get("TEMPLATE"), _given()
    if not built:
        sam_cli.build(environment)
    deploy(environment, environment.overrides | given, Path(built) if built else None)


def _given() -> dict[str, str]:
    return values_in(os.environ.get("PARAMETERS") or "")


#: What each of make's targets does with an environment; its other variables come from the shell.
VERBS: dict[str, Callable[[Environment], None]] = {
    "deploy": _deploy,
    "deployments": lambda environment: print("\n".join(Deployments(environment).names())),
    "rollback": lambda environment: rollback(environment, os.environ.get("TO") or None),
    "env": lambda environment: print(exports(outputs.outputs_of(environment))),
    "simulator": lambda environment: simulator.deploy(environment, _given()),
    "send": lambda environment: simulator.send(environment, os.environ),
    "recover": lambda environment: print(recovery.recover(environment)),
}


def main() -> int:
    """Reads make's variables from the environment."""
    parser = argparse.ArgumentParser(prog="make", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    verb = parser.parse_args().verb
    try:
        environment = Environment.named(os.environ.get("ENV"), os.environ)
        if environment.name != "local" and (endpoint := os.environ.get("AWS_ENDPOINT_URL")):
            print(f"linkwatch: AWS_ENDPOINT_URL is set, so this speaks to {endpoint}, not to AWS", file=sys.stderr)
        VERBS[verb](environment)
    except (NoDeployment, NoRegion) as error:
        print(f"linkwatch: {error}", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError, recovery.RecoveryFailed) as error:  # no credentials, not allowed
        print(f"linkwatch: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError:
        return 1  # SAM has said why
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
